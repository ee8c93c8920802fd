#include <sys/mman.h>
#include <unistd.h>
#include "with_arena.h"

#include "crypto/digest.h"

static void assert_hex(struct arena *a, const struct sha256 *h, const char *expected)
{
    struct str text = hex_encode(a, h->b, sizeof h->b);

    assert_int_equal(text.n, 64);
    assert_memory_equal(text.p, expected, 64);
}

/* FIPS 180-4's examples. */
static void sha256_known(void **state)
{
    struct sha256 h = sha256_of(STR("abc"));
    assert_hex(*state, &h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    h = sha256_of((struct str){NULL, 0});
    assert_hex(*state, &h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void sha256_pieces_equal_the_whole(void **state)
{
    struct sha256_stream *s = sha256_stream_new();

    (void)state;
    sha256_stream_add(s, "a", 1);
    sha256_stream_add(s, "", 0);
    sha256_stream_add(s, "bc", 2);
    struct sha256 h = sha256_stream_end(s), whole = sha256_of(STR("abc"));
    assert_memory_equal(h.b, whole.b, sizeof h.b);
}

/* From the first byte, wherever the descriptor stands. */
static void sha256_of_a_file(void **state)
{
    int fd = memfd_create("digest", MFD_CLOEXEC);
    char chunk[1000];
    struct sha256 h, whole;
    uint64_t bytes;
    struct str all = {.p = arena_alloc(*state, 200 * sizeof chunk), .n = 200 * sizeof chunk};

    memset(chunk, 'q', sizeof chunk);
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(write(fd, chunk, sizeof chunk), sizeof chunk);
    memset((char *)all.p, 'q', all.n);
    whole = sha256_of(all);
    assert_true(sha256_of_file(fd, &h, &bytes));
    assert_int_equal(bytes, all.n);
    assert_memory_equal(h.b, whole.b, sizeof h.b);
    (void)close(fd);
    assert_false(sha256_of_file(fd, &h, &bytes));
}

/* RFC 4231, test cases 2 and 6 (a key longer than a block). */
static void hmac_known(void **state)
{
    struct sha256 h = hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"));
    assert_hex(*state, &h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");

    char key[131];
    memset(key, 0xaa, sizeof key);
    h = hmac_sha256(str_of(key, sizeof key), STR("Test Using Larger Than Block-Size Key - Hash Key First"));
    assert_hex(*state, &h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* FIPS 180-2, A.1; and twice, as MariaDB has passwords: SELECT PASSWORD('password') */
static void sha1_known(void **state)
{
    struct sha1 abc = sha1_of(STR("abc")), once = sha1_of(STR("password"));
    struct sha1 twice = sha1_of(str_of(once.b, sizeof once.b));

    assert_true(str_eqc(hex_encode(*state, abc.b, sizeof abc.b), "a9993e364706816aba3e25717850c26c9cd0d89d"));
    assert_true(str_eqc(hex_encode(*state, twice.b, sizeof twice.b), "2470c0c06dee42fd1618bb99005adca2ec9d1e19"));
}

static void hex_both_ways(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0xff};
    uint8_t back[4] = {1, 1, 1, 1};

    assert_true(str_eqc(hex_encode(*state, bytes, 4), "007f80ff"));
    assert_int_equal(hex_encode(*state, bytes, 0).n, 0);
    assert_true(hex_decode(STR("007f80Ff"), back, 4));
    assert_memory_equal(back, bytes, 4);
}

static void hex_refuses(void **state)
{
    static const struct str bad[] = {STR("007f80f"),  STR("007f80fff"), STR("007f80/f"), STR("007f80fg"),
                                     STR("007f80 f"), STR("0x7f80ff"),  STR(""),         STR("007f80ff00")};
    uint8_t back[4] = {9, 9, 9, 9};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(hex_decode(bad[i], back, 4));
    assert_int_equal(back[0], 9); /* nothing is written */
}

static void base62_known(void **state)
{
    uint8_t max[32], one[32] = {0}, sixty_two[] = {62}, last[] = {61};

    memset(max, 0xff, sizeof max);
    one[31] = 1;
    /* 2^256 - 1, computed by another program */
    assert_true(str_eqc(base62_encode(*state, max, 32), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"));
    assert_true(str_eqc(base62_encode(*state, one, 32), "0000000000000000000000000000000000000000001"));
    assert_true(str_eqc(base62_encode(*state, sixty_two, 1), "10"));
    assert_true(str_eqc(base62_encode(*state, last, 1), "0z"));
    assert_int_equal(base62_encode(*state, max, 0).n, 0);
    assert_int_equal(base62_encode(*state, max, 16).n, 22);
}

static void tokens_differ(void **state)
{
    struct str a = token_new(*state, 32), b = token_new(*state, 32);

    assert_int_equal(a.n, 43);
    assert_int_equal(b.n, 43);
    assert_false(str_eq(a, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_known),     cmocka_unit_test(sha256_pieces_equal_the_whole),
        cmocka_unit_test(hmac_known),       cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(hex_refuses),      cmocka_unit_test(base62_known),
        cmocka_unit_test(sha1_known),       cmocka_unit_test(tokens_differ),
        cmocka_unit_test(sha256_of_a_file),
    };
    return cmocka_run_group_tests_name("digest", tests, arena_set_up, arena_tear_down);
}
