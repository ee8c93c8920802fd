/*
 * What the tests of jobs share: a real MariaDB with our schema, whose socket is $TEST_DB_SOCKET, where root may connect by
 * unix_socket. The jobs are in a table of their own, in test_db, where no worker looks.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "model/job/job.h"

#define KIND "test"
#define AT_US INT64_C(1000000000)
#define LEASE_US (120 * US_PER_SEC)

struct fixture {
    struct db *db;
    struct arena arena;
    struct uuid subject_id;
};

static const struct sql jobs_lock = {.text =
                                         "SELECT 1 FROM jobs_media WHERE kind = 'test' AND subject_id = ? FOR UPDATE",
                                     .in = "u",
                                     .cols = db_number_cols};

static inline struct db_options options_of_tests(struct db_counts *counts)
{
    struct db_options options = {
        .name = "test_db", .user = "root", .timeout_sec = 10, .socket = getenv("TEST_DB_SOCKET"), .counts = counts};

    assert_non_null(options.socket);
    return options;
}

static inline struct db *open_db(void)
{
    struct db_options options = options_of_tests(NULL);

    return db_new(&options);
}

static inline struct job_claim claim_at(int64_t now_us)
{
    return (struct job_claim){.class = JOB_MEDIA,
                              .kind = KIND,
                              .now_us = now_us,
                              .lapsed_us = now_us,
                              .lease_us = LEASE_US,
                              .max = JOB_CLAIM_MAX,
                              .alone = true};
}

static inline int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->db = open_db();
    assert_int_equal(db_run_text(f->db, STR("CREATE OR REPLACE TABLE jobs_media LIKE marketingcli.jobs_media")), OK);
    f->subject_id = uuid_new();
    arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE jobs_media")), OK);
    db_free(f->db);
    arena_done(&f->arena);
    free(f);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
