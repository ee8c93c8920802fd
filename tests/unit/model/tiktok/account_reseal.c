#include "rows.h"

#include "model/tiktok/account_private.h"
#include "model/tiktok/account_reseal.h"

#define KEY_A "5f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "5e0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ACCOUNTS 40
#define COMMITS_MAX 16 /* where each account had one of its own, it would be 39 */

enum { PUT, COMMITS };
static const struct sql sqls[] = {
    [PUT] = {.text = "UPDATE accounts SET access_token = ?, refresh_token = ? WHERE id = ?", .in = "bbu"},
    [COMMITS] = {.text = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.session_status"
                         " WHERE variable_name = 'COM_COMMIT'",
                 .in = "",
                 .cols = db_number_cols},
};

struct world {
    struct db *db, *other;
    struct arena arena;
    const struct keyring *both;
    struct uuid ids[ACCOUNTS];
    bool is_told;
};

static void put(struct world *w, struct db *db, const struct keyring *ring, const struct uuid *id, const char *token)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = {.access = secret_copy(str_from(token)),
                                                                   .refresh = secret_copy(str_from(token))};
    struct account_sealed sealed;

    assert_int_equal(account_seal(ring, &w->arena, id, &tokens, &sealed), OK);
    assert_int_equal(db_exec(db, &sqls[PUT],
                             DB_ARGS(db_bytes(sealed.access.p, sealed.access.n),
                                     db_bytes(sealed.refresh.p, sealed.refresh.n), db_uuid(id)),
                             NULL),
                     OK);
}

/* All have been read; and now a program refreshes the last one's. */
static void told(const struct resealed *so_far, void *arg)
{
    struct world *w = arg;

    (void)so_far;
    if (!w->is_told)
        put(w, w->other, w->both, &w->ids[ACCOUNTS - 1], "fresh");
    w->is_told = true;
}

static int64_t commits(struct world *w)
{
    int64_t n;

    assert_int_equal(db_number(w->db, &sqls[COMMITS], DB_NO_ARGS, &n), OK);
    return n;
}

static void is(struct world *w, const struct keyring *ring, const struct uuid *id, const char *token)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = {0};

    assert_int_equal(account_tokens(w->db, &w->arena, ring, id, &tokens), OK);
    assert_true(str_eqc(secret_str(&tokens.access), token) && str_eqc(secret_str(&tokens.refresh), token));
}

static void test_some_together_and_nothing_over_what_is_new(void **state)
{
    _cleanup_(keyring_freep) struct keyring *before = NULL, *both = NULL, *after = NULL;
    struct world w = {.db = rows_connect(NULL), .other = rows_connect(NULL)};
    struct uuid user_id = uuid_new();
    struct resealed done;

    (void)state;
    assert_int_equal(keyring_parse(STR("1 " KEY_A), &before), OK);
    assert_int_equal(keyring_parse(STR("2 " KEY_B "\n1 " KEY_A), &both), OK);
    assert_int_equal(keyring_parse(STR("2 " KEY_B), &after), OK);
    w.both = both;
    arena_init(&w.arena, 1 << 20);
    rows_add_user(w.db, &user_id);
    for (int i = 0; i < ACCOUNTS; i++) {
        w.ids[i] = uuid_new();
        rows_add_account_of(w.db, &w.ids[i], &user_id, uuid_text(&w.ids[i]).s);
        put(&w, w.db, before, &w.ids[i], "as it was");
    }
    int64_t committed = commits(&w);
    assert_int_equal(accounts_reseal(w.db, both, told, &w, &done), OK);
    assert_int_equal(done.sealed, ACCOUNTS - 1);
    assert_in_range(commits(&w) - committed, 1, COMMITS_MAX);
    for (int i = 0; i < ACCOUNTS; i++)
        is(&w, after, &w.ids[i], i < ACCOUNTS - 1 ? "as it was" : "fresh");
    assert_int_equal(accounts_reseal(w.db, both, told, &w, &done), OK);
    assert_int_equal(done.sealed, 0);
    db_free(w.db);
    db_free(w.other);
    arena_done(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_some_together_and_nothing_over_what_is_new)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
