/*
 * marketingcli-admin: what the person who runs the service does. A verb is a row of the table in verbs.c; main.c reads
 * its options and runs it. A verb prints to stdout, complains to stderr, and returns the exit code.
 *
 *    {.name = "mail show", .argument = "ID", .options = verbs_database_options, .run = verb_mail_show}
 *
 *    marketingcli-admin mail show 0193... --user root
 */
#pragma once

#include <stdbool.h>

#include "base/conf.h"
#include "db/db.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
/* sysexits.h, EX_TEMPFAIL: the mail server keeps the mail and comes again. Any other failure would be answered with one more
 * bounce, to somebody who can do nothing about it. */
#define EXIT_TRY_AGAIN 75

#define CREDENTIALS_DIR "/etc/marketingcli/credentials"

/* The values of a verb's options: given on the command line, else the option's default. NULL without either, and for
 * options that the verb does not have. */
struct given {
    const char *sql, *dir, *credentials, *revoke, *database, *user, *section;
    const char *name, *password_stdin, *begins, *after, *limit, *state, *end; /* user; mail, too, has a state */
    const char *uses, *days;                                                  /* invitation */
    const char *recipient;                                                    /* mail bounce */
    const char *until;                                                        /* billing grant */
    const char *of;                                                           /* billing events */
    const char *digests, *delete;                                             /* store check */
    const char *version, *effective, *material, *dry_run, *preview;           /* policy publish */
    const char *reason, *received, *all, *email, *verified, *file, *account;  /* privacy */
    const char *without_plans;                                                /* config check */
    const char *key, *replace, *journal, *without_journal;                    /* restore */
    const char *restart, *service, *finish, *abort;                           /* credentials rotate */
    const char *tell;                                                         /* credentials check */
    const char *argument, *second; /* what stands after the verb, as its row asks for it */
};

/* An option is given as --name VALUE, once at most, or as --name alone if its row has no value. */
struct option {
    const char *name,
        *value;       /* "--sql", "DIR"; a value of NULL: none, and its field becomes the name when it is given */
    size_t offset;    /* of its const char * in struct given */
    const char *def;  /* NULL: the help says what happens without it */
    const char *help; /* for the manual page */
};

struct verb {
    const char *name, *help; /* a name of one word, or of two: "mail list"; NULL ends the table */
    const char *argument;    /* "ID", or "USER PLAN", a word each: must stand after the name; NULL: nothing does */
    const char *more;        /* for the manual page; NULL: nothing more to say */
    const struct option *const *options;
    int (*run)(const struct given *given);
    int if_not_done; /* the exit code of anything else, also where the command line is wrong; 0: each its own */
};

extern const struct verb verbs[], verbs_backup[], verbs_rotation[];
const struct verb *verb_next(const struct verb *v); /* the first of all after NULL; NULL after the last */
extern const struct option verbs_sql, verbs_dir, verbs_database, verbs_user;

int verb_credentials(const struct given *given);
int verb_credentials_check(const struct given *given);
int verb_credentials_rotate(const struct given *given);
int verb_migrate(const struct given *given);
int verb_routes(const struct given *given);
int verb_tables(const struct given *given);
int verb_config(const struct given *given);
int verb_config_check(const struct given *given);
int verb_manual(const struct given *given);
int verb_user_create(const struct given *given);
int verb_user_list(const struct given *given);
int verb_user_show(const struct given *given);
int verb_user_verify(const struct given *given);
int verb_user_disable(const struct given *given);
int verb_user_enable(const struct given *given);
int verb_user_deliverable(const struct given *given);
int verb_user_reset_password(const struct given *given);
int verb_user_reset_totp(const struct given *given);
int verb_user_sessions(const struct given *given);
int verb_invitation_create(const struct given *given);
int verb_invitation_list(const struct given *given);
int verb_invitation_revoke(const struct given *given);
int verb_mail_list(const struct given *given);
int verb_mail_show(const struct given *given);
int verb_mail_retry(const struct given *given);
int verb_mail_bounce(const struct given *given);
int verb_billing_plans(const struct given *given);
int verb_billing_show(const struct given *given);
int verb_billing_grant(const struct given *given);
int verb_billing_revoke_grant(const struct given *given);
int verb_billing_sync(const struct given *given);
int verb_billing_sync_all(const struct given *given);
int verb_billing_forget(const struct given *given);
int verb_billing_disown(const struct given *given);
int verb_billing_events(const struct given *given);
int verb_billing_replay(const struct given *given);
int verb_policy_publish(const struct given *given);
int verb_policy_list(const struct given *given);
int verb_store_check(const struct given *given);
int verb_store_move(const struct given *given);
int verb_store_adopt(const struct given *given);
int verb_privacy_note(const struct given *given);
int verb_privacy_requests(const struct given *given);
int verb_privacy_close(const struct given *given);
int verb_privacy_access(const struct given *given);
int verb_privacy_correct(const struct given *given);
int verb_privacy_export(const struct given *given);
int verb_privacy_disconnect(const struct given *given);
int verb_privacy_erase(const struct given *given);
int verb_privacy_cancel(const struct given *given);
int verb_privacy_erasures(const struct given *given);
int verb_privacy_journal(const struct given *given);
int verb_nginx(const struct given *given);
int verb_backup(const struct given *given);
int verb_backup_check(const struct given *given);
int verb_backup_list(const struct given *given);
int verb_backup_journal(const struct given *given);
int verb_restore(const struct given *given);
int verb_posts_held(const struct given *given);
int verb_posts_release(const struct given *given);
int verb_posts_give_up(const struct given *given);

/* "marketingcli-admin: ..." on stderr; returns EXIT_FAILED. */
PRINTF_LIKE(1, 2) int complain(const char *fmt, ...);

/* Text that somebody else wrote, on stdout: with ? in place of what would steer a terminal. */
void put_foreign(struct str text);

/* A whole file of ours, at most 4 MiB. False after a complaint. */
MUST_CHECK bool file_read(struct arena *arena, const char *path, struct str *ret_text);

/* erasures.c: the keys of the journal, from given->dir. False: told. */
struct secret_ring;
MUST_CHECK bool journal_keys_read(struct arena *arena, const struct given *given, struct secret_ring *ret);

/*
 * What a verb works with that reads or changes the service's data: the configuration, and the database as --user. The
 * verbs of it have the option --user.
 *
 *    struct desk desk;
 *    if (!desk_open(&desk, given)) return EXIT_FAILED;
 *    ...
 *    desk_close(&desk);
 */
struct desk {
    struct conf conf;
    struct db *db;
    struct arena arena;
};
MUST_CHECK bool desk_open(struct desk *desk, const struct given *given); /* false after a complaint, and then closed */
void desk_close(struct desk *desk);

/* Programs of this machine trust a key for a second, unless this is done after a change (base/epoch.h). */
void desk_end_credentials(const struct desk *desk);

/* Complains of what a call of the model has answered; returns EXIT_FAILED. */
int desk_complain(const struct desk *desk, enum err e);

/*
 * The MariaDB users and what they may do, from DIR/grants.sql. Passwords are the files CREDENTIALS/NAME/db-password; a
 * name without one is left out, and said. revoke: what a user has beyond its lines is taken away, and all rights of users
 * that are not in the file, after everything is granted. Not before the programs of the release before are gone, which may need it;
 * without it, how much that is is said.
 */
MUST_CHECK int grants_apply(struct db *db, struct arena *arena, const char *sql_dir, const char *credentials,
                            const char *database, struct str clients, bool revoke);
