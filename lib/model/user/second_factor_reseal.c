#include "model/user/second_factor_reseal.h"

#include "model/user/second_factor_private.h"

enum { SECOND_FACTOR_RESEAL_EACH, SECOND_FACTOR_RESEAL_PUT, SECOND_FACTOR_RESEAL_OF_KEY };
static const struct sql second_factor_reseal_sqls[];

struct second_factor_reseal_row {
    struct uuid user_id;
    struct str secret;
};

static enum err second_factor_reseal_row(const struct keyring *ring, struct arena *arena, const void *of,
                                         struct db_many *many)
{
    const struct second_factor_reseal_row *row = of;
    struct str sealed;

    enum err e = keyring_seal_again(ring, row->secret, second_factor_place(arena, &row->user_id), arena, &sealed);
    if (e != OK || sealed.p == row->secret.p)
        return e;
    struct str was = arena_str(arena, row->secret);
    db_many_add(many, DB_ARGS(db_bytes(sealed.p, sealed.n), db_uuid(&row->user_id), db_bytes(was.p, was.n)));
    return OK;
}

enum err second_factors_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                                struct reseal_tried *ret)
{
    const struct second_factor_reseal_row *rows;
    struct reseal_tried tried = {0};
    size_t n;

    enum err e = db_rows(db, &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_OF_KEY],
                         DB_ARGS(db_i64(id), db_i64(RESEAL_TRIED_MAX)), arena, sizeof *rows, RESEAL_TRIED_MAX,
                         (void **)(uintptr_t)&rows, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        _cleanup_(secret_done) struct secret plain = {0};
        tried.looked++;
        tried.opened += keyring_open(ring, rows[i].secret, second_factor_place(arena, &rows[i].user_id), &plain) == OK;
    }
    *ret = tried;
    return e;
}

static const struct db_col second_factor_reseal_cols[] = {DB_COL(struct second_factor_reseal_row, user_id, UUID),
                                                          DB_COL(struct second_factor_reseal_row, secret, BYTES),
                                                          DB_END};

static const struct sql second_factor_reseal_sqls[] = {
    [SECOND_FACTOR_RESEAL_EACH] = {.text = "SELECT user_id, secret FROM user_totp WHERE user_id > ?"
                                           " ORDER BY user_id LIMIT ?",
                                   .in = "ui",
                                   .cols = second_factor_reseal_cols},
    [SECOND_FACTOR_RESEAL_OF_KEY] = {.text = "SELECT user_id, secret FROM user_totp WHERE ORD(secret) = ? LIMIT ?",
                                     .in = "ii",
                                     .cols = second_factor_reseal_cols},
    [SECOND_FACTOR_RESEAL_PUT] = {.text = "UPDATE user_totp SET secret = ? WHERE user_id = ? AND secret = ?",
                                  .in = "bub"},
};

enum err second_factors_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                               struct resealed *ret)
{
    static const struct reseal secrets = {.each = &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_EACH],
                                          .row_bytes = sizeof(struct second_factor_reseal_row),
                                          .put = &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_PUT],
                                          .row = second_factor_reseal_row};

    return reseal_all(db, &secrets, ring, told, arg, ret);
}
