#include "rows.h"

#include "model/tiktok/oauth_state.h"

/* Once, in its session alone; and it says for which mode it was made, which nobody can change on its way. */
static void test_oauth_state(void **state)
{
    _cleanup_(db_freep) struct db *db = rows_connect(NULL);
    struct uuid session = uuid_new(), other = uuid_new(), user = uuid_new();
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (int mode = MODE_LIVE; mode < MODE__MAX; mode++) {
        struct str s, changed;
        int seen = -1;
        assert_int_equal(oauth_state_add(db, &arena, &session, &user, mode, &s), OK);
        changed = mode == MODE_TEST ? str_skip(s, 5) : arena_printf(&arena, "test.%.*s", STR_FMT(s));
        assert_int_equal(oauth_state_look(db, &session, s, &seen), OK);
        assert_int_equal(seen, mode);
        assert_int_equal(oauth_state_look(db, &session, changed, &seen), ERR_STATE_INVALID);
        assert_int_equal(oauth_state_take(db, &session, changed), ERR_STATE_INVALID);
        assert_int_equal(oauth_state_take(db, &other, s), ERR_STATE_INVALID);
        assert_int_equal(oauth_state_take(db, &session, str_head(s, s.n - 1)), ERR_STATE_INVALID);
        assert_int_equal(oauth_state_take(db, &session, s), OK);
        assert_int_equal(oauth_state_take(db, &session, s), ERR_STATE_INVALID);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_oauth_state)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
