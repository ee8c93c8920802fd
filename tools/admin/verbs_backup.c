#include <stddef.h>

#include "admin.h"

static const struct option verbs_key = {"--key", "FILE", offsetof(struct given, key), NULL,
                                        "The private key of backup.certificate, in PEM. It must be given."};
static const struct option verbs_replace = {"--replace", NULL, offsetof(struct given, replace), NULL,
                                            "Drop the database that is there."};
static const struct option verbs_journal = {"--journal", "PATH", offsetof(struct given, journal), NULL,
                                            "The journal: a file, or a folder with all those whose names begin with "
                                            "journal. Without this option it is the folder "
                                            "privacy.journal_dir."};
static const struct option verbs_without_journal = {
    "--without-journal", NULL, offsetof(struct given, without_journal), NULL,
    "There is none: whoever was erased, disconnected or revoked since the backup comes back."};
static const struct option verbs_journal_key = {
    "--dir", "DIR", offsetof(struct given, dir), CREDENTIALS_DIR,
    "The folder with the secrets: the journal's is worker_privacy/journal-key."};
static const struct option verbs_held_of = {"--of", "USER", offsetof(struct given, of), NULL,
                                            "Only posts of this user, by address or id."};
static const struct option verbs_held_all = {"--all", NULL, offsetof(struct given, all), NULL, "Posts of all users."};

static const struct option verbs_trial = {
    "--database", "NAME", offsetof(struct given, database), NULL,
    "Another database than the service's: a trial, while the services go on. Drop it afterwards."};

static const struct option *const verbs_none[] = {NULL};
static const struct option *const verbs_backup_options[] = {&verbs_database, &verbs_user, NULL};
static const struct option *const verbs_restore_options[] = {&verbs_key,
                                                             &verbs_replace,
                                                             &verbs_journal,
                                                             &verbs_without_journal,
                                                             &verbs_journal_key,
                                                             &verbs_sql,
                                                             &verbs_trial,
                                                             &verbs_user,
                                                             NULL};
static const struct option *const verbs_held_options[] = {&verbs_held_of, &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_release_options[] = {&verbs_held_of, &verbs_held_all, &verbs_database,
                                                             &verbs_user, NULL};

static const struct option *const verbs_journal_options[] = {&verbs_journal_key, &verbs_database, &verbs_user, NULL};

const struct verb verbs_backup[] = {
    {.name = "backup check",
     .help = "Compare each backup with the digest beside it, and delete those that are older than backup.keep_days.",
     .more =
         "A timer says it each day. The newest good one stays, however old it is; nothing goes before the clock has "
         "gone right for a day, nor while a backup or a restore is at work. The exit code is 1 when one is bad, "
         "and the alarm backup_bad tells of it.",
     .options = verbs_backup_options,
     .run = verb_backup_check},
    {.name = "backup list",
     .help = "List the backups, the oldest first.",
     .options = verbs_none,
     .run = verb_backup_list},
    {.name = "backup journal",
     .help = "Take a copy of the journal elsewhere, by backup.copy.",
     .more = "A timer says it each hour: what users have had erased, disconnected and revoked must be known after a "
             "restore.",
     .options = verbs_none,
     .run = verb_backup_journal},
    {.name = "backup",
     .help = "Make a backup of the database, without images, for the owner of the key of backup.certificate.",
     .more =
         "The services go on meanwhile. It is loaded into a MariaDB server of its own, which must give the same "
         "back, before it gets its name; nothing of it is written to a disk in the clear. backup.copy then takes it "
         "elsewhere.",
     .options = verbs_backup_options,
     .run = verb_backup},
    {.name = "restore",
     .argument = "FILE",
     .help = "Put a backup in the place of the database. The services must be stopped.",
     .more =
         "All of the file is checked before anything is touched, and no service can connect until all is done: what "
         "the journal has seen since the backup is done again, posts that wait are held, sessions and links of mails "
         "end, and mails that had not been sent are dropped. A backup of an older release is migrated; one of a newer "
         "release is refused. After an interruption, run it again.",
     .options = verbs_restore_options,
     .run = verb_restore},
    {.name = "posts held",
     .help = "List the posts that wait because the database was restored: ID STATE MODE MADE ACCOUNT USER.",
     .options = verbs_held_options,
     .run = verb_posts_held},
    {.name = "posts release",
     .help = "Let posts go that a restore has put on hold.",
     .more =
         "One that was sent after the backup was made is then sent a second time: release what you know was not, and "
         "give the others up.",
     .options = verbs_release_options,
     .run = verb_posts_release},
    {.name = "posts give-up",
     .help = "End posts that a restore has put on hold: failed, with outcome_unknown.",
     .more = "Their owners are told to look at the TikTok profile before they send them again.",
     .options = verbs_release_options,
     .run = verb_posts_give_up},
    {.name = "privacy journal",
     .help = "Read the journal of what a restore must do again, and count its lines.",
     .more =
         "A line that is torn was written while the machine went down, and is there once more after that; or it was "
         "changed, or the key is another one.",
     .options = verbs_journal_options,
     .run = verb_privacy_journal},
    {.name = NULL},
};
