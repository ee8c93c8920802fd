/*
 * The passwords of the services' MariaDB users: the files CREDENTIALS/NAME/db-password, and beside it, while a rotation is under
 * way (rotate_password.c), those of before and after. All that are there are good, so that a program that has either can connect.
 */
#pragma once

#include "admin.h"

#define PASSWORD_FILE "db-password"
#define PASSWORD_NEW ".new" /* not any program's yet */
#define PASSWORD_OLD ".old" /* of programs that were not restarted yet */
#define PASSWORD_FILES 3

struct passwords {
    struct str v[PASSWORD_FILES]; /* each once */
    size_t n;                     /* 0: there is no such file */
};

/* What is wrong with a file's text, or NULL. */
const char *password_fault(struct str text);

MUST_CHECK int passwords_read(struct arena *arena, const char *credentials, struct str name, struct passwords *ret);

bool passwords_is_host(struct str clients); /* as MariaDB names them; it stands between quotes in statements */
/* The user of a service, in quotes as MariaDB writes it. */
struct str passwords_grantee(struct arena *arena, struct str name, struct str clients);

/* statement: "ALTER USER" or the like; end: what else. */
struct str passwords_statement(struct arena *arena, const char *statement, struct str name, struct str clients,
                               const struct passwords *p, const char *end);

/* MariaDB takes from now on what the files say; connections that there are go on. */
MUST_CHECK int passwords_apply(struct db *db, struct arena *arena, const char *credentials, struct str clients,
                               struct str name);
