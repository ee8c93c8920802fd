/*
 * Which schema the programs need. Migrations expand first and contract later, so a newer schema is fine and an older
 * one is not: a program that starts on it stops with a sentence instead of failing at its first statement.
 */
#pragma once

#include "db/db.h"

/* The highest NNNN below sql/ (tests/lint compares). */
#define SCHEMA_VERSION 246

/*
 * OK: the schema is at least SCHEMA_VERSION. ERR_CONFLICT: it is older, or not there, or this user may not look
 * (`marketingcli-admin migrate` mends all three). ERR_DB_UNAVAILABLE: try again.
 */
MUST_CHECK enum err schema_check(struct db *db);
