/*
 * A table of things, in a real MariaDB: its socket is $TEST_DB_SOCKET, where this user may connect by unix_socket and
 * owns database test_db.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/db.h"

static const char *const colours[] = {"red", "green", NULL};

struct thing {
    struct uuid id;
    struct str name, bytes;
    int64_t number;
    bool flag;
    int colour;
    uint8_t digest[4];
    int untouched;
};

static const struct db_col thing_cols[] = {
    DB_COL(struct thing, id, UUID),     DB_COL(struct thing, name, STR),
    DB_COL(struct thing, bytes, BYTES), DB_COL(struct thing, number, I64),
    DB_COL(struct thing, flag, BOOL),   DB_COL_ENUM(struct thing, colour, colours),
    DB_COL_FIXED(struct thing, digest), DB_END};

enum { INSERT, BY_ID, ALL, IDS, BUMP, NUMBER_OF, SUM, CONNECTION, WRONG };

static const struct sql sqls[] = {
    [INSERT] = {.text = "INSERT INTO things (id, name, bytes, number, flag, colour, digest) VALUES (?,?,?,?,?,?,?)",
                .in = "usbiisb"},
    [BY_ID] = {.text = "SELECT id, name, bytes, number, flag, colour, digest FROM things WHERE id = ?",
               .in = "u",
               .cols = thing_cols},
    [ALL] = {.text = "SELECT id, name, bytes, number, flag, colour, digest FROM things ORDER BY number LIMIT 20",
             .in = "",
             .cols = thing_cols},
    [IDS] = {.text = "SELECT id FROM things ORDER BY number LIMIT 20", .in = "", .cols = db_uuid_cols},
    [BUMP] = {.text = "UPDATE things SET number = number + 1 WHERE id = ?", .in = "u"},
    [NUMBER_OF] = {.text = "SELECT number FROM things WHERE id = ?", .in = "u", .cols = db_number_cols},
    [SUM] = {.text = "SELECT SUM(number) FROM things WHERE id = ?", .in = "u", .cols = db_number_cols},
    [CONNECTION] = {.text = "SELECT CONNECTION_ID()", .in = "", .cols = db_number_cols},
    [WRONG] = {.text = "SELECT nothing FROM nowhere", .in = "", .cols = db_number_cols},
};

struct fixture {
    struct db *db, *other;
    struct arena arena;
};

UNUSED static struct db *open_db(void)
{
    struct db_options options = {.name = "test_db", .user = "root", .timeout_sec = 10};

    options.socket = getenv("TEST_DB_SOCKET");
    assert_non_null(options.socket);
    return db_new(&options);
}

UNUSED static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->db = open_db();
    f->other = open_db();
    arena_init(&f->arena, 1 << 20);
    assert_int_equal(db_run_text(f->db, STR("DROP TABLE IF EXISTS things")), OK);
    assert_int_equal(
        db_run_text(f->db, STR("CREATE TABLE things (id BINARY(16) PRIMARY KEY, name TEXT, bytes BLOB, number BIGINT "
                               "UNSIGNED NOT NULL, flag TINYINT, colour ENUM('red','green','blue'), digest BINARY(4)) "
                               "CHARSET utf8mb4")),
        OK);
    *state = f;
    return 0;
}

UNUSED static int teardown(void **state)
{
    struct fixture *f = *state;

    db_free(f->db);
    db_free(f->other);
    arena_done(&f->arena);
    free(f);
    return 0;
}

UNUSED static struct uuid insert(struct fixture *f, struct str name, int64_t number, const char *colour)
{
    struct uuid id = uuid_new();

    assert_int_equal(db_exec(f->db, &sqls[INSERT],
                             DB_ARGS(db_uuid(&id), db_str(name), db_bytes("\0\1", 2), db_i64(number), db_i64(1),
                                     db_cstr(colour), db_bytes("abcd", 4)),
                             NULL),
                     OK);
    return id;
}

UNUSED static void kill_connection(struct fixture *f)
{
    int64_t id;
    char text[64];

    assert_int_equal(db_number(f->db, &sqls[CONNECTION], DB_NO_ARGS, &id), OK);
    (void)snprintf(text, sizeof text, "KILL %lld", (long long)id);
    assert_int_equal(db_run_text(f->other, str_from(text)), OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
