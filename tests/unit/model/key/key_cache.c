#include "model/key/key_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct fixture {
    char path[64];
    struct epoch epoch;
    struct key_cache *cache;
    struct arena arena;
    struct sha256 hash;
    struct key key;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    strncpy(f->path, "/tmp/epoch-XXXXXX", sizeof f->path - 1);
    int fd = mkstemp(f->path);
    if (fd < 0)
        return -1;
    (void)close(fd);
    if (epoch_open(str_from(f->path), true, &f->epoch) != OK || epoch_end(&f->epoch) != OK)
        return -1;
    f->cache = key_cache_new(&f->epoch);
    arena_init(&f->arena, 1 << 20);
    f->hash = sha256_of(STR("a key"));
    f->key = (struct key){.id = uuid_new(), .user_id = uuid_new(), .name = STR("robot"), .prefix = STR("mk_live_Ab3x")};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    key_cache_free(f->cache);
    epoch_close(&f->epoch);
    arena_done(&f->arena);
    (void)unlink(f->path);
    free(f);
    return 0;
}

static bool has(struct fixture *f, const struct sha256 *hash)
{
    struct key_cache_view view = key_cache_look(f->cache);
    struct key key;

    return key_cache_get(f->cache, &view, hash, &f->arena, &key);
}

static void keep(struct fixture *f)
{
    struct key_cache_view view = key_cache_look(f->cache);

    key_cache_put(f->cache, &view, &f->hash, &f->key);
}

static void test_keeps_a_copy(void **state)
{
    struct fixture *f = *state;
    char name[] = "robot", plan[] = "pro";
    struct key key = {0};

    assert_false(has(f, &f->hash));
    f->key.name = str_from(name);
    f->key.plan = (struct plan_terms){.granted = str_from(plan), .granted_until_us = 7};
    keep(f);
    memset(name, 'x', sizeof name);
    memset(plan, 'x', sizeof plan);
    struct key_cache_view view = key_cache_look(f->cache);
    assert_true(key_cache_get(f->cache, &view, &f->hash, &f->arena, &key));
    assert_true(uuid_eq(&key.id, &f->key.id) && uuid_eq(&key.user_id, &f->key.user_id));
    assert_true(str_eqc(key.name, "robot"));
    assert_true(str_eqc(key.prefix, "mk_live_Ab3x"));
    assert_true(str_eqc(key.plan.granted, "pro") && key.plan.granted_until_us == 7 && key.plan.subscribed.p == NULL);
}

static void test_the_longest_name_fits(void **state)
{
    struct fixture *f = *state;
    char name[KEY_NAME_MAX_BYTES];
    struct key key = {0};

    memset(name, 'n', sizeof name);
    f->key.name = str_of(name, sizeof name);
    keep(f);
    struct key_cache_view view = key_cache_look(f->cache);
    assert_true(key_cache_get(f->cache, &view, &f->hash, &f->arena, &key));
    assert_true(str_eq(key.name, f->key.name));
}

static void test_what_does_not_fit_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct key_cache_view view = key_cache_look(f->cache);
    char name[KEY_NAME_MAX_BYTES + 1];

    memset(name, 'n', sizeof name);
    f->key.name = str_of(name, sizeof name);
    key_cache_put(f->cache, &view, &f->hash, &f->key);
    assert_false(has(f, &f->hash));
}

static void test_ends_with_the_epoch(void **state)
{
    struct fixture *f = *state;

    keep(f);
    assert_true(has(f, &f->hash));
    assert_int_equal(epoch_end(&f->epoch), OK);
    assert_false(has(f, &f->hash));
}

/* The database was asked before the revocation, and its answer comes after it. */
static void test_what_was_read_before_the_end_is_not_good_after_it(void **state)
{
    struct fixture *f = *state;
    struct key_cache_view before = key_cache_look(f->cache);

    assert_int_equal(epoch_end(&f->epoch), OK);
    key_cache_put(f->cache, &before, &f->hash, &f->key);
    assert_false(has(f, &f->hash));
}

static void test_ends_with_its_age(void **state)
{
    struct fixture *f = *state;
    struct key_cache_view view = key_cache_look(f->cache);
    struct key key;

    key_cache_put(f->cache, &view, &f->hash, &f->key);
    view.at_us += KEY_CACHE_AGE_US - 1;
    assert_true(key_cache_get(f->cache, &view, &f->hash, &f->arena, &key));
    view.at_us++;
    assert_false(key_cache_get(f->cache, &view, &f->hash, &f->arena, &key));
}

/* Their hashes begin alike. */
static void test_one_more_than_there_are_places(void **state)
{
    struct fixture *f = *state;
    struct key_cache_view view = key_cache_look(f->cache);
    struct sha256 hashes[KEY_CACHE_WAYS + 1];

    for (uint8_t i = 0; i < ARRAY_LEN(hashes); i++) {
        hashes[i] = f->hash;
        hashes[i].b[31] ^= i;
        assert_false(has(f, &hashes[i]));
        view.at_us++;
        key_cache_put(f->cache, &view, &hashes[i], &f->key);
        assert_true(has(f, &hashes[i]));
    }
    assert_false(has(f, &hashes[0]));
    for (size_t i = 1; i < ARRAY_LEN(hashes); i++)
        assert_true(has(f, &hashes[i]));
    view.at_us++;
    key_cache_put(f->cache, &view, &hashes[2], &f->key); /* again: in its own place */
    for (size_t i = 1; i < ARRAY_LEN(hashes); i++)
        assert_true(has(f, &hashes[i]));
}

static void test_keeps_nothing_without_an_epoch(void **state)
{
    struct fixture *f = *state;

    keep(f);
    assert_int_equal(truncate(f->path, 0), 0);
    assert_false(has(f, &f->hash));
    keep(f);
    assert_false(has(f, &f->hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keeps_a_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_name_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends_with_the_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_read_before_the_end_is_not_good_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends_with_its_age, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_more_than_there_are_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeps_nothing_without_an_epoch, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
