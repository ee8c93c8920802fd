/*
 * Which schema the programs need. Migrations expand first and contract later, so a newer schema is fine and an older
 * one is not: a program that starts on it stops with a sentence instead of failing at its first statement. A schema that is
 * newer by more than a release may lack what the program needs: it says so itself (schema_migrations.oldest).
 */
#pragma once

#include "db/db.h"

/* The highest NNNN below sql/ (tests/lint compares). */
#define SCHEMA_VERSION 261
/* That of the release before, whose programs run beside this schema, while an update is under way and after a return to it. When a
 * release is made, this becomes its SCHEMA_VERSION; not sooner, and what its programs need stays that long. */
#define SCHEMA_OLDEST 241

/*
 * OK: a program can work on the schema. ERR_CONFLICT: it is older, or newer by more than a release, or not there, or this user may
 * not look (`marketingcli-admin migrate` mends all but the second). ERR_DB_UNAVAILABLE: try again.
 */
MUST_CHECK enum err schema_check(struct db *db);
