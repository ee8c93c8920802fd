#include <stddef.h>

#include "admin.h"

static const struct option verbs_new = {"--file", "FILE", offsetof(struct given, file), NULL,
                                        "Take a new secret that somebody else has issued from this file. Without this "
                                        "option it is read from standard input; from a "
                                        "terminal it is not shown."};
static const struct option verbs_restart = {
    "--restart", "PROGRAM", offsetof(struct given, restart), NULL,
    "Run PROGRAM with the names of the services that must be restarted (keys, worker-publish), which ends well when "
    "the "
    "processes of before have ended. Without this option it is systemctl try-restart."};
static const struct option verbs_service = {"--service", "NAME", offsetof(struct given, service), NULL,
                                            "Of db-password: this service alone. Without this option: all."};
static const struct option verbs_finish = {"--finish", NULL, offsetof(struct given, finish), NULL,
                                           "Its issuer knows the new one alone: the old one goes."};
static const struct option verbs_abort = {"--abort", NULL, offsetof(struct given, abort), NULL,
                                          "The new one is wrong: it goes, and the old one stays."};

static const struct option verbs_tell = {"--tell", NULL, offsetof(struct given, tell), NULL,
                                         "Have the alarm credentials_bad told, or ended: a timer says so each hour."};

static const struct option *const verbs_check_options[] = {&verbs_dir, &verbs_tell, NULL};
static const struct option *const verbs_credentials_options[] = {&verbs_dir, NULL};
static const struct option *const verbs_rotate_options[] = {&verbs_dir,      &verbs_service, &verbs_new,
                                                            &verbs_restart,  &verbs_finish,  &verbs_abort,
                                                            &verbs_database, &verbs_user,    NULL};

const struct verb verbs_rotation[] = {
    {.name = "credentials rotate",
     .argument = "NAME",
     .help = "Put a new secret in the place of an old one, while the services go on: NAME is that of its file.",
     .more = "All in one go: the new one is made, or read where somebody else issues it; the services that hold it are "
             "restarted, "
             "which fails no request; and the old one goes. Where somebody else knows it, both are good until "
             "--finish. It can be ended at any time: run it "
             "again, and it goes on where it was. With token-keys and totp-keys all that is sealed is sealed again; a "
             "backup from before needs "
             "the old keys.",
     .options = verbs_rotate_options,
     .run = verb_credentials_rotate},
    {.name = "credentials check",
     .help = "Look at all secrets: what is missing, is not as it must be, or can be read by others; and what is being "
             "rotated.",
     .more =
         "The exit code is 1 if something is wrong; if a rotation was begun more than a day ago and is not at its "
         "end; or if a file has had two secrets for longer than that. Of journal-key these are 31 days. What a run has "
         "left that was killed is named.",
     .options = verbs_check_options,
     .run = verb_credentials_check},
    {.name = "credentials",
     .help = "Make the secrets that are missing. Those that exist stay as they are.",
     .more =
         "Each service with a database gets a folder with its MariaDB password in the file db-password. The services "
         "that "
         "work with TikTok tokens also get token-keys, which they share, and an empty tiktok-client-secret: put the "
         "client secret of your TikTok app into it. worker_mail gets an empty smtp-password: it may stay so unless "
         "your mail relay wants a sign-in. auth gets totp-keys. Only the user who runs this can read the files. Back "
         "them up, but apart from the database: without token-keys nobody can open the TikTok tokens in it, and "
         "without totp-keys nobody whose sign-in needs a code can sign in but with a recovery code. Afterwards the "
         "files are "
         "looked at, as credentials check does.",
     .options = verbs_credentials_options,
     .run = verb_credentials},
    {.name = NULL},
};
