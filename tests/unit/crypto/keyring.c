#include "with_arena.h"

#include "crypto/keyring.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PLACE STR("accounts.access_token:row 1")

static struct keyring *ring_of(struct str text)
{
    struct keyring *ring = NULL;

    assert_int_equal(keyring_parse(text, &ring), OK);
    return ring;
}

static struct str seal(const struct keyring *ring, struct str plain, struct arena *a)
{
    struct str sealed = {0};

    assert_int_equal(keyring_seal(ring, plain, PLACE, a, &sealed), OK);
    assert_int_equal(sealed.n, plain.n + KEYRING_OVERHEAD);
    return sealed;
}

static void assert_opens(const struct keyring *ring, struct str sealed, struct str plain)
{
    _cleanup_(secret_done) struct secret got = {0};

    assert_int_equal(keyring_open(ring, sealed, PLACE, &got), OK);
    assert_true(str_eq(secret_str(&got), plain));
    assert_int_equal(got.p[got.n], '\0');
}

static void assert_shut(const struct keyring *ring, struct str sealed, struct str place)
{
    struct secret got = {0};

    assert_int_equal(keyring_open(ring, sealed, place, &got), ERR_SEALED);
    assert_null(got.p); /* nothing that could be used by mistake */
}

static void opens_what_it_sealed(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("7 " KEY_A));
    struct str plain = STR("act.token\0with a NUL"), sealed = seal(ring, plain, *state);

    assert_opens(ring, sealed, plain);
    assert_opens(ring, seal(ring, STR(""), *state), STR(""));
    assert_int_equal(keyring_sealed_id(sealed), 7);
    assert_int_equal(keyring_current_id(ring), 7);
}

static void seals_again_under_the_current_key(void **state)
{
    _cleanup_(keyring_freep) struct keyring *before = ring_of(STR("1 " KEY_A));
    _cleanup_(keyring_freep) struct keyring *both = ring_of(STR("2 " KEY_B "\n1 " KEY_A));
    _cleanup_(keyring_freep) struct keyring *after = ring_of(STR("2 " KEY_B));
    struct str sealed = seal(before, STR("token"), *state), again = {0}, same = {0};

    assert_int_equal(keyring_seal_again(both, sealed, PLACE, *state, &again), OK);
    assert_int_equal(keyring_sealed_id(again), 2);
    assert_opens(after, again, STR("token"));
    assert_int_equal(keyring_seal_again(both, again, PLACE, *state, &same), OK);
    assert_ptr_equal(same.p, again.p); /* nothing to do */
    assert_int_equal(keyring_seal_again(after, sealed, PLACE, *state, &same), ERR_SEALED);
    assert_int_equal(keyring_seal_again(both, sealed, STR("elsewhere"), *state, &same), ERR_SEALED);
}

static void seals_differently_each_time(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("1 " KEY_A));
    struct str a = seal(ring, STR("token"), *state), b = seal(ring, STR("token"), *state);

    assert_false(str_eq(str_skip(a, 1), str_skip(b, 1)));
}

static void moved_to_another_place_does_not_open(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("1 " KEY_A));
    struct str sealed = seal(ring, STR("token"), *state);

    assert_shut(ring, sealed, STR("accounts.access_token:row 2"));
    assert_shut(ring, sealed, STR("accounts.refresh_token:row 1"));
    assert_shut(ring, sealed, STR(""));
}

static void a_flipped_bit_anywhere_does_not_open(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("1 " KEY_A "\n2 " KEY_B "\n3 " KEY_B));
    struct str sealed = seal(ring, STR("token"), *state);
    char *p = (char *)sealed.p;

    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        p[bit / 8] ^= (char)(1 << bit % 8);
        assert_shut(ring, sealed, PLACE);
        p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_opens(ring, sealed, STR("token"));
}

static void cut_off_does_not_open(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("1 " KEY_A));
    struct str sealed = seal(ring, STR("token"), *state);

    for (size_t n = 0; n < sealed.n; n++) {
        /* a copy of that size, so that a read past it is found */
        struct secret head = secret_copy(str_head(sealed, n));
        assert_shut(ring, secret_str(&head), PLACE);
        secret_done(&head);
    }
    assert_int_equal(keyring_sealed_id(str_head(sealed, KEYRING_OVERHEAD - 1)), 0);
}

static void rotates(void **state)
{
    _cleanup_(keyring_freep) struct keyring *before = ring_of(STR("1 " KEY_A));
    _cleanup_(keyring_freep) struct keyring *during = ring_of(STR("2 " KEY_B "\n1 " KEY_A "\n"));
    _cleanup_(keyring_freep) struct keyring *after = ring_of(STR("2 " KEY_B));
    struct str old = seal(before, STR("token"), *state), new = seal(during, STR("token"), *state);

    assert_int_equal(keyring_sealed_id(new), 2);
    assert_opens(during, old, STR("token"));
    assert_opens(during, new, STR("token"));
    assert_opens(after, new, STR("token"));
    assert_shut(after, old, PLACE);
    assert_shut(before, new, PLACE);
}

static void another_key_under_the_same_id_does_not_open(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring = ring_of(STR("1 " KEY_A)), *wrong = ring_of(STR("1 " KEY_B));

    assert_shut(wrong, seal(ring, STR("token"), *state), PLACE);
}

static void takes_comments_and_blank_lines(void **state)
{
    _cleanup_(keyring_freep) struct keyring *ring =
        ring_of(STR("# the ring\r\n\r\n255 " KEY_A "\r\n  # old\n1   " KEY_B " \n"));

    (void)state;
    assert_int_equal(keyring_current_id(ring), 255);
}

static void refuses_what_is_no_ring(void **state)
{
    static const struct str bad[] = {
        STR(""),
        STR("# only a comment\n"),
        STR(KEY_A),
        STR("1"),
        STR("1 "),
        STR("0 " KEY_A),
        STR("256 " KEY_A),
        STR("-1 " KEY_A),
        STR("x " KEY_A),
        STR("1 " KEY_A "0"),
        STR("1 0" KEY_A),
        STR("1 x00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        STR("1 00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        STR("1 " KEY_A "\n1 " KEY_B),
        STR("1 " KEY_A "\n2 short"),
        STR("1 " KEY_A " 2 " KEY_B),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct keyring *ring = NULL;
        assert_int_equal(keyring_parse(bad[i], &ring), ERR_VALIDATION);
        assert_null(ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed),
        cmocka_unit_test(seals_again_under_the_current_key),
        cmocka_unit_test(seals_differently_each_time),
        cmocka_unit_test(moved_to_another_place_does_not_open),
        cmocka_unit_test(a_flipped_bit_anywhere_does_not_open),
        cmocka_unit_test(cut_off_does_not_open),
        cmocka_unit_test(rotates),
        cmocka_unit_test(another_key_under_the_same_id_does_not_open),
        cmocka_unit_test(takes_comments_and_blank_lines),
        cmocka_unit_test(refuses_what_is_no_ring),
    };
    return cmocka_run_group_tests_name("keyring", tests, arena_set_up, arena_tear_down);
}
