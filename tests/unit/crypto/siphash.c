#include "crypto/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defs.h"

/* Of the reference implementation: the key is 00 01 … 0f, and what is hashed 00 01 02 … */
static void the_published_vectors(void **state)
{
    static const struct {
        size_t n;
        uint8_t want[8];
    } rows[] = {
        {0, {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}},  {1, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74}},
        {7, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab}},  {8, {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}},
        {15, {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}},
    };
    struct siphash_key key;
    uint8_t in[64], bytes[16];

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    memcpy(bytes, in, sizeof bytes);
    memcpy(&key, bytes, sizeof key);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t want;
        memcpy(&want, rows[i].want, sizeof want);
        assert_int_equal(siphash(&key, in, rows[i].n), want);
    }
}

static void another_key_is_another_hash(void **state)
{
    const struct siphash_key a = {{1, 2}}, b = {{1, 3}}, c = {{2, 2}};

    (void)state;
    assert_int_not_equal(siphash(&a, "key", 3), siphash(&b, "key", 3));
    assert_int_not_equal(siphash(&a, "key", 3), siphash(&c, "key", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_published_vectors),
                                       cmocka_unit_test(another_key_is_another_hash)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
