/*
 * What the tests of the model with a real MariaDB share: connections to a database with our schema that no worker looks at,
 * and the rows that others hang on. The socket is $TEST_DB_SOCKET, where root may connect by unix_socket;
 * tests/api/test_with_database.py runs them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/db.h"

enum { ROWS_USER, ROWS_ACCOUNT, ROWS_UPLOAD, ROWS_WAITS };
static const struct sql rows_sqls[] = {
    [ROWS_USER] = {.text =
                       "INSERT INTO users (id, email_key, email, password_hash, state, created_at_us, updated_at_us)"
                       " VALUES (?, ?, ?, 'x', 'active', 1, 1)",
                   .in = "uss"},
    [ROWS_ACCOUNT] = {.text =
                          "INSERT INTO accounts (id, user_id, open_id, scopes, state, connected_at_us, updated_at_us)"
                          " VALUES (?, ?, ?, '', 'active', 1, 1)",
                      .in = "uus"},
    [ROWS_UPLOAD] = {.text = "INSERT INTO uploads (id, user_id, state, store, created_at_us, delete_due_at_us)"
                             " VALUES (?, ?, 'ready', 'directory', 1, 1)",
                     .in = "uu"},
    /* innodb_trx would not do: it stays as it is while somebody keeps asking. */
    [ROWS_WAITS] = {.text = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status"
                            " WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'",
                    .in = "",
                    .cols = db_number_cols},
};

/* counts: may be NULL. */
static inline struct db *rows_connect(struct db_counts *counts)
{
    struct db_options options = {.name = "test_schema", .user = "root", .timeout_sec = 30, .counts = counts};

    options.socket = getenv("TEST_DB_SOCKET");
    assert_non_null(options.socket);
    return db_new(&options);
}

static inline void rows_add_user(struct db *db, const struct uuid *id)
{
    const char *text = uuid_text(id).s;

    assert_int_equal(db_exec(db, &rows_sqls[ROWS_USER], DB_ARGS(db_uuid(id), db_cstr(text), db_cstr(text)), NULL), OK);
}

static inline void rows_add_account_of(struct db *db, const struct uuid *id, const struct uuid *user_id,
                                       const char *open_id)
{
    assert_int_equal(
        db_exec(db, &rows_sqls[ROWS_ACCOUNT], DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(open_id)), NULL), OK);
}

/* The only one of that user. */
static inline void rows_add_account(struct db *db, const struct uuid *id, const struct uuid *user_id)
{
    rows_add_account_of(db, id, user_id, uuid_text(user_id).s);
}

static inline void rows_add_upload(struct db *db, const struct uuid *id, const struct uuid *user_id)
{
    assert_int_equal(db_exec(db, &rows_sqls[ROWS_UPLOAD], DB_ARGS(db_uuid(id), db_uuid(user_id)), NULL), OK);
}

/* How many transactions wait for a row that another one has locked. */
static inline int64_t rows_waits(struct db *db)
{
    int64_t n;

    assert_int_equal(db_number(db, &rows_sqls[ROWS_WAITS], DB_NO_ARGS, &n), OK);
    return n;
}
