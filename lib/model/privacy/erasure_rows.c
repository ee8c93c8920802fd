/*
 * The rows of a user in every table. What is found by the user goes as held.def says, table after table from its end, so that what
 * refers to another goes before it; posts, accounts, images and mails go with what hangs on them, a few at a time. MariaDB goes through a
 * whole table for a DELETE with a subquery: so the ids are read first.
 */
#include "model/privacy/erasure_private.h"
#include "model/privacy/held.h"
#include "model/user/user.h"

#define BATCH 500        /* rows of a table in one transaction */
#define ROUNDS 20        /* batches of a thing in one call */
#define ATTEMPTS_MAX 400 /* of DB_MANY_MAX posts in one transaction */

enum { PARTS_POSTS, PARTS_ACCOUNTS, PARTS_IMAGES, PARTS_CHANGES, PARTS_REGISTRATIONS, PARTS_MAILS, PARTS__MAX };

#define PART_DELETES 5
static const struct parts {
    struct sql ids;                   /* of the things, DB_MANY_MAX at most */
    struct sql deletes[PART_DELETES]; /* by DB_MANY_IDS, in that order; ends with a NULL text */
    bool has_attempts;
} erasure_parts[PARTS__MAX];

enum { ROWS_ATTEMPTS, ROWS_FETCHES, ROWS_THESE_ATTEMPTS, ROWS_LINKS, ROWS_STATES, ROWS_OF_MAIL, ROWS_OF_BILLING };
static const struct sql erasure_rows_sqls[], erasure_tables[HELD__MAX];

struct erasure_batch {
    struct arena *arena;
    const struct uuid *user_id;
    const struct parts *parts;
    const struct sql *table;
    size_t n;
};

/* Nothing refers to an attempt by a constraint, so fetches go with it, or nobody would find them again. ret_all: no attempt is left. */
static enum err erasure_attempts(struct db *db, const struct erasure_batch *b, const struct db_arg *posts,
                                 bool *ret_all)
{
    struct db_arg args[DB_MANY_MAX + 1];
    struct uuid *ids;
    size_t n;

    memcpy(args, posts, DB_MANY_MAX * sizeof *args);
    args[DB_MANY_MAX] = db_i64(ATTEMPTS_MAX);
    enum err e = db_rows(db, &erasure_rows_sqls[ROWS_ATTEMPTS], args, ARRAY_LEN(args), b->arena, sizeof *ids,
                         ATTEMPTS_MAX, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i += DB_MANY_MAX) {
        db_many_ids(args, ids + i, MIN(n - i, (size_t)DB_MANY_MAX));
        e = db_exec(db, &erasure_rows_sqls[ROWS_FETCHES], args, DB_MANY_MAX, NULL);
        if (e == OK)
            e = db_exec(db, &erasure_rows_sqls[ROWS_THESE_ATTEMPTS], args, DB_MANY_MAX, NULL);
    }
    *ret_all = n < ATTEMPTS_MAX;
    return e;
}

static enum err erasure_parts_tx(struct db *db, void *arg)
{
    struct erasure_batch *b = arg;
    struct db_arg args[DB_MANY_MAX];
    struct uuid *ids;
    bool all = true;

    enum err e = user_lock_any(db, b->user_id);
    if (e == OK)
        e = db_rows(db, &b->parts->ids, DB_ARGS(db_uuid(b->user_id), db_i64(DB_MANY_MAX)), b->arena, sizeof *ids,
                    DB_MANY_MAX, (void **)&ids, &b->n);
    if (e != OK || b->n == 0)
        return e;
    db_many_ids(args, ids, b->n);
    if (b->parts->has_attempts)
        e = erasure_attempts(db, b, args, &all);
    if (!all) { /* the posts go when all that hangs on them has gone */
        b->n = DB_MANY_MAX;
        return e;
    }
    for (const struct sql *q = b->parts->deletes; e == OK && q->text != NULL; q++)
        e = db_exec(db, q, args, ARRAY_LEN(args), NULL);
    return e;
}

static enum err erasure_each_part(struct db *db, struct erasure_batch *b, const struct parts *parts, bool *ret_more)
{
    enum err e = OK;
    int i = 0;

    b->parts = parts;
    do
        e = db_tx(db, erasure_parts_tx, b);
    while (e == OK && b->n == DB_MANY_MAX && ++i < ROUNDS);
    *ret_more = *ret_more || b->n == DB_MANY_MAX;
    return e;
}

static enum err erasure_table_tx(struct db *db, void *arg)
{
    struct erasure_batch *b = arg;
    uint64_t n = 0;

    enum err e = user_lock_any(db, b->user_id);
    if (e == OK)
        e = db_exec(db, b->table, DB_ARGS(db_uuid(b->user_id), db_i64(BATCH)), &n);
    b->n = (size_t)n;
    return e;
}

static enum err erasure_each_row(struct db *db, struct erasure_batch *b, const struct sql *table, bool *ret_more)
{
    enum err e;
    int i = 0;

    b->table = table;
    do
        e = db_tx(db, erasure_table_tx, b);
    while (e == OK && b->n == BATCH && ++i < ROUNDS);
    *ret_more = *ret_more || b->n == BATCH;
    return e;
}

/* What no table of held.def is found by: what hangs on the user alone. */
static enum err erasure_loose(struct db *db, struct erasure_batch *b, bool *ret_more)
{
    enum err e = OK;

    for (int q = ROWS_LINKS; e == OK && q <= ROWS_OF_BILLING; q++)
        e = erasure_each_row(db, b, &erasure_rows_sqls[q], ret_more);
    return e;
}

enum err erasure_rows(struct db *db, struct arena *arena, const struct uuid *user_id, bool last, bool *ret_more)
{
    struct erasure_batch b = {.arena = arena, .user_id = user_id};
    bool more = false;
    enum err e = OK;

    for (int i = 0; e == OK && i < (last ? PARTS__MAX : PARTS_MAILS); i++)
        e = erasure_each_part(db, &b, &erasure_parts[i], &more);
    if (e == OK)
        e = erasure_loose(db, &b, &more);
    for (int t = HELD__MAX - 1; e == OK && !more && t >= 0; t--)
        if (erasure_tables[t].text != NULL && (last || t != HELD_mail_outbox))
            e = erasure_each_row(db, &b, &erasure_tables[t], &more);
    if (e == OK)
        *ret_more = more;
    return e;
}

/* held.def says which rows are found by their user; those that are found by what they belong to are above. */
#define BY_ROWS(table, whose) \
    { \
        .text = "DELETE FROM " #table " WHERE " whose " LIMIT ?", .in = "ui" \
    }
#define BY_STORE(table, whose) BY_ROWS(table, whose)
#define BY_STRIPE(table, whose) BY_ROWS(table, whose)
#define BY_PARTS(table, whose) \
    { \
        .text = NULL \
    }
#define BY_ITSELF(table, whose) BY_PARTS(table, whose)
#define BY_LAST(table, whose) BY_PARTS(table, whose)

static const struct sql erasure_tables[HELD__MAX] = {
#define TABLE(table, name, retention, whose, export, erase) [HELD_##table] = BY_##erase(table, whose),
#define FILES(id, name, retention, rows, export, erase)
#define NOBODYS(table, name, retention)
#define COLUMN(table, column, kind, item)
#include "model/privacy/held.def"
#undef TABLE
#undef NOBODYS
#undef FILES
#undef COLUMN
};

static const struct sql erasure_rows_sqls[] = {
    [ROWS_ATTEMPTS] = {.text = "SELECT id FROM post_attempts WHERE post_id IN " DB_MANY_IDS " LIMIT ?",
                       .in = DB_MANY_IDS_IN "i",
                       .cols = db_uuid_cols},
    [ROWS_FETCHES] = {.text = "DELETE FROM attempt_fetches WHERE attempt_id IN " DB_MANY_IDS, .in = DB_MANY_IDS_IN},
    [ROWS_THESE_ATTEMPTS] = {.text = "DELETE FROM post_attempts WHERE id IN " DB_MANY_IDS, .in = DB_MANY_IDS_IN},
    [ROWS_LINKS] = {.text = "DELETE FROM one_time_tokens WHERE purpose IN ('reset_password', 'undo_password')"
                            " AND subject_id = ? LIMIT ?",
                    .in = "ui"},
    [ROWS_STATES] = {.text = "DELETE FROM oauth_states WHERE user_id = ? LIMIT ?", .in = "ui"},
    [ROWS_OF_MAIL] = {.text = "DELETE FROM jobs_mail WHERE kind = 'notices' AND subject_id = ? LIMIT ?", .in = "ui"},
    [ROWS_OF_BILLING] = {.text =
                             "DELETE FROM jobs_billing WHERE kind IN ('customer', 'customer_email', 'customer_delete')"
                             " AND subject_id = ? LIMIT ?",
                         .in = "ui"},
};

#define OF(table, column) \
    { \
        .text = "DELETE FROM " table " WHERE " column " IN " DB_MANY_IDS, .in = DB_MANY_IDS_IN \
    }
#define IDS(table) \
    { \
        .text = "SELECT id FROM " table " WHERE user_id = ? ORDER BY id LIMIT ?", .in = "ui", .cols = db_uuid_cols \
    }

static const struct parts erasure_parts[PARTS__MAX] = {
    [PARTS_POSTS] = {.ids = IDS("posts"),
                     .deletes = {OF("post_events", "post_id"), OF("post_images", "post_id"),
                                 OF("jobs_publish", "kind IN ('publish', 'poll') AND subject_id"), OF("posts", "id")},
                     .has_attempts = true},
    [PARTS_ACCOUNTS] =
        {.ids = IDS("accounts"),
         .deletes = {OF("creator_snapshots", "account_id"),
                     OF("jobs_publish", "kind IN ('turn', 'creator', 'refresh', 'account_erase') AND subject_id"),
                     /* Not one that is still to end another user's connection of the same TikTok account. */
                     {.text = "DELETE e FROM accounts a JOIN tiktok_events e ON e.open_id = a.open_id"
                              " WHERE a.id IN " DB_MANY_IDS " AND (e.state <> 'waiting' OR NOT EXISTS (SELECT 1 FROM"
                              " accounts o WHERE o.open_id = a.open_id AND o.user_id <> a.user_id))",
                      .in = DB_MANY_IDS_IN},
                     OF("accounts", "id")}},
    [PARTS_IMAGES] = {.ids = IDS("uploads"),
                      .deletes = {OF("jobs_media", "kind = 'purge' AND subject_id"), OF("uploads", "id")}},
    [PARTS_CHANGES] = {.ids = IDS("email_changes"),
                       .deletes = {OF("one_time_tokens", "purpose IN ('change_email', 'undo_email') AND subject_id"),
                                   OF("email_changes", "id")}},
    [PARTS_REGISTRATIONS] = {.ids = {.text = "SELECT id FROM registrations WHERE email_key ="
                                             " (SELECT email_key FROM users WHERE id = ?) ORDER BY id LIMIT ?",
                                     .in = "ui",
                                     .cols = db_uuid_cols},
                             .deletes = {OF("one_time_tokens", "purpose = 'verify_email' AND subject_id"),
                                         OF("registrations", "id")}},
    [PARTS_MAILS] = {.ids = IDS("mail_outbox"),
                     .deletes = {OF("one_time_tokens", "purpose = 'unsubscribe' AND subject_id"),
                                 OF("jobs_mail", "kind = 'mail' AND subject_id"), OF("mail_outbox", "id")}},
};
