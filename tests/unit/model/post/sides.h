/* For the tests of posts with several connections at once: what each of them does as an app or a worker would. */
#pragma once

#include "rows.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/plans.h"
#include "model/post/attempt.h"
#include "model/post/turn.h"

#define LEASE_US (120 * US_PER_SEC)

/* One that counts posts, and is never full. */
static const struct plans sides_plans = {
    .v = {{.name = "free", .is_free = true, .limits = {1000000, PLAN_NO_LIMIT, PLAN_NO_LIMIT}, .rate_factor = 1}},
    .n = 1};

static const struct conf conf = {.plans = &sides_plans,
                                 .store_keep_days = 7,
                                 .caps_uploads = 100,
                                 .caps_upload_mb = 100,
                                 .caps_queued_posts = 1000,
                                 .caps_posts = 10000};

enum { SIDES_ADD_KEY, SIDES_LOCK_KEY, SIDES_DEADLOCKS };
static const struct sql sides_sqls[] = {
    [SIDES_ADD_KEY] = {.text = "INSERT INTO api_keys (id, user_id, user_state, name, prefix, hash, created_at_us)"
                               " VALUES (?, ?, 'active', 'x', 'x', UNHEX(SHA2(?, 256)), 1)",
                       .in = "uuu"},
    [SIDES_LOCK_KEY] = {.text = "SELECT 1 FROM api_keys WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
    [SIDES_DEADLOCKS] = {.text = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status"
                                 " WHERE variable_name = 'INNODB_DEADLOCKS'",
                         .in = "",
                         .cols = db_number_cols},
};

/* A connection, and for whom it posts. */
struct side {
    struct db *db;
    struct arena arena;
    struct account account;
    struct uuid upload_id;
    struct post_receipt made; /* the newest */
};

static inline void side_connect(struct side *s, struct db_counts *counts)
{
    *s = (struct side){.db = rows_connect(counts)};
    arena_init(&s->arena, 8 << 20);
}

/* With a user, an account and an image of its own. */
static inline void side_open(struct side *s, struct db_counts *counts)
{
    side_connect(s, counts);
    s->account = (struct account){.id = uuid_new(), .user_id = uuid_new(), .state = ACCOUNT_ACTIVE};
    s->upload_id = uuid_new();
    rows_add_user(s->db, &s->account.user_id);
    rows_add_account(s->db, &s->account.id, &s->account.user_id);
    rows_add_upload(s->db, &s->upload_id, &s->account.user_id);
}

static inline void side_close(struct side *s)
{
    db_free(s->db);
    arena_done(&s->arena);
}

static inline void side_add_key(struct side *s, const struct uuid *id, const struct uuid *user_id)
{
    assert_int_equal(
        db_exec(s->db, &sides_sqls[SIDES_ADD_KEY], DB_ARGS(db_uuid(id), db_uuid(user_id), db_uuid(id)), NULL), OK);
}

static inline enum err side_lock_key(struct db *db, const struct uuid *id)
{
    int64_t one;

    return db_number(db, &sides_sqls[SIDES_LOCK_KEY], DB_ARGS(db_uuid(id)), &one);
}

static inline int64_t side_number(struct side *s, const struct sql *q)
{
    int64_t n;

    assert_int_equal(db_number(s->db, q, DB_NO_ARGS, &n), OK);
    return n;
}

/* Who loses a deadlock runs again, so counts.reruns has all of ours; the server's figure has other programs' in it. */
static inline void side_nobody_ran_again(struct side *s, const struct db_counts *counts, int64_t before,
                                         const char *what)
{
    print_message("%s: %lld deadlocks, %lld transactions run again\n", what,
                  (long long)(side_number(s, &sides_sqls[SIDES_DEADLOCKS]) - before),
                  (long long)atomic_load(&counts->reruns));
    assert_int_equal(atomic_load(&counts->reruns), 0);
}

static inline enum err side_nothing_last(const void *made, void *arg)
{
    (void)made;
    (void)arg;
    return OK;
}

/* By this key; UUID_NONE: by a session. */
static inline enum err side_create(struct side *s, const struct uuid *key_id)
{
    struct problems problems = {0};
    const struct post_draft draft = {.options = {.post_mode = STR("MEDIA_UPLOAD")},
                                     .upload_ids = &s->upload_id,
                                     .upload_ids_n = 1,
                                     .by_upload_ids = true,
                                     .key_id = *key_id};
    const struct last_step last = {.fn = side_nothing_last};

    return post_create(s->db, &s->arena, &conf, &s->account, &draft, &problems, &last, &s->made);
}

/* Takes due jobs as a worker does. They may be anybody's. */
static inline enum err side_take(struct side *s, const char *kind, size_t max, struct job **ret_jobs, size_t *ret_n)
{
    const struct job_claim claim = {.class = JOB_PUBLISH,
                                    .kind = kind,
                                    .now_us = clock_now_us(),
                                    .lapsed_us = clock_now_us(),
                                    .lease_us = LEASE_US,
                                    .max = max};
    bool suspect;

    return job_claim(s->db, &claim, &s->arena, ret_jobs, ret_n, &suspect);
}
