/*
 * What the tests with a real MariaDB share: two connections to its database test_db, by unix_socket. The socket is
 * $TEST_DB_SOCKET.
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

struct fixture {
    struct db *db, *other;
    struct arena arena;
};

static const struct sql connections_id = {.text = "SELECT CONNECTION_ID()", .in = "", .cols = db_number_cols};

static inline struct db *connections_one(void)
{
    struct db_options options = {.name = "test_db", .user = "root", .timeout_sec = 10};

    options.socket = getenv("TEST_DB_SOCKET");
    assert_non_null(options.socket);
    return db_new(&options);
}

static inline struct fixture *connections_open(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->db = connections_one();
    f->other = connections_one();
    arena_init(&f->arena, 1 << 20);
    *state = f;
    return f;
}

static inline int connections_close(void **state)
{
    struct fixture *f = *state;

    db_free(f->db);
    db_free(f->other);
    arena_done(&f->arena);
    free(f);
    return 0;
}

/* The server ends the first one. */
static inline void kill_connection(struct fixture *f)
{
    int64_t id;
    char text[64];

    assert_int_equal(db_number(f->db, &connections_id, DB_NO_ARGS, &id), OK);
    (void)snprintf(text, sizeof text, "KILL %lld", (long long)id);
    assert_int_equal(db_run_text(f->other, str_from(text)), OK);
}
