/*
 * marketingcli-admin: what the person who runs the service does. A verb is a row of the table in main.c; it prints to
 * stdout, complains to stderr, and returns the exit code: 0 done, 1 failed, 2 wrong use.
 */
#pragma once

#include <stdbool.h>

#include "base/conf.h"
#include "db/db.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

int verb_credentials(int argc, char **argv);
int verb_migrate(int argc, char **argv);
int verb_routes(int argc, char **argv);
int verb_tables(int argc, char **argv);
int verb_config(int argc, char **argv);

/* "marketingcli-admin: ..." on stderr; returns EXIT_FAILED. */
PRINTF_LIKE(1, 2) int complain(const char *fmt, ...);

/* Options of the form --name VALUE, each at most once, into *value; false after a complaint. */
struct option {
    const char *name;   /* "--sql"; NULL ends the list */
    const char **value; /* holds the default */
};
MUST_CHECK bool options_read(int argc, char **argv, const struct option *options);

/* A whole file of ours, at most 4 MiB. False after a complaint. */
MUST_CHECK bool file_read(struct arena *arena, const char *path, struct str *ret_text);

/*
 * The MariaDB users and what they may do, from DIR/grants.sql. Passwords are the files CREDENTIALS/NAME/db-password; a
 * name without one is left out, and said. What a user has beyond its lines is taken away, last, so that a service that
 * runs meanwhile never lacks what it needs.
 */
MUST_CHECK int grants_apply(struct db *db, struct arena *arena, const char *sql_dir, const char *credentials,
                            const char *database);
