/*
 * marketingcli-admin: what the person who runs the service does. A verb is a row of the table in verbs.c; main.c reads
 * its options and runs it. A verb prints to stdout, complains to stderr, and returns the exit code.
 */
#pragma once

#include <stdbool.h>

#include "base/conf.h"
#include "db/db.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

#define CREDENTIALS_DIR "/etc/marketingcli/credentials"

/* The values of a verb's options: given on the command line, else the option's default. NULL without either, and for
 * options that the verb does not have. */
struct given {
    const char *sql, *dir, *credentials, *database, *user, *section;
};

/* An option is given as --name VALUE, once at most. */
struct option {
    const char *name, *value; /* "--sql", "DIR" */
    size_t offset;            /* of its const char * in struct given */
    const char *def;          /* NULL: the help says what happens without it */
    const char *help;         /* for the manual page */
};

struct verb {
    const char *name, *help; /* a name of NULL ends the table */
    const char *more;        /* for the manual page; NULL: nothing more to say */
    const struct option *const *options;
    int (*run)(const struct given *given);
};

extern const struct verb verbs[];

int verb_credentials(const struct given *given);
int verb_migrate(const struct given *given);
int verb_routes(const struct given *given);
int verb_tables(const struct given *given);
int verb_config(const struct given *given);
int verb_manual(const struct given *given);

/* "marketingcli-admin: ..." on stderr; returns EXIT_FAILED. */
PRINTF_LIKE(1, 2) int complain(const char *fmt, ...);

/* A whole file of ours, at most 4 MiB. False after a complaint. */
MUST_CHECK bool file_read(struct arena *arena, const char *path, struct str *ret_text);

/*
 * The MariaDB users and what they may do, from DIR/grants.sql. Passwords are the files CREDENTIALS/NAME/db-password; a
 * name without one is left out, and said. What a user has beyond its lines is taken away, last, so that a service that
 * runs meanwhile never lacks what it needs.
 */
MUST_CHECK int grants_apply(struct db *db, struct arena *arena, const char *sql_dir, const char *credentials,
                            const char *database);
