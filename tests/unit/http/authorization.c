#include "http/authorization.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What comes after Bearer, "!" when it is another scheme. */
static void cuts(const char *header, const char *want)
{
    struct str rest = STR("untouched");
    bool is_bearer = authorization_cut(str_from(header), STR("Bearer"), &rest);

    assert_int_equal(is_bearer, strcmp(want, "!") != 0);
    assert_true(str_eqc(rest, is_bearer ? want : "untouched"));
}

static void test_cut(void **state)
{
    (void)state;
    cuts("Bearer x", "x");
    cuts("bEARER   x y ", "x y ");
    cuts("Bearer ", "");
    cuts("Bearer", "!");
    cuts("Bearer\tx", "!");
    cuts(" Bearer x", "!");
    cuts("Bearerx y", "!");
    cuts("Basic x", "!");
    cuts("", "!");
    cuts(NULL, "!");
}

static void decodes(const char *header, const char *want)
{
    _cleanup_(arena_done) struct arena arena;
    struct str text = STR("untouched");

    arena_init(&arena, 1 << 16);
    bool is_basic = authorization_basic(&arena, str_from(header), &text);
    assert_int_equal(is_basic, strcmp(want, "!") != 0);
    assert_true(str_eqc(text, is_basic ? want : "untouched"));
}

static void test_basic(void **state)
{
    (void)state;
    decodes("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin:open sesame"); /* RFC 7617 2 */
    decodes("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin:open sesame");
    decodes("Basic YTpi", "a:b");
    decodes("Basic YTpiYw==", "a:bc");
    decodes("Basic Pz8/fn5+", "\?\?\?~~~");
    decodes("Basic ", "");
    decodes("Basic ====", "");
    decodes("Basic Y", ""); /* six bits are no byte */
    decodes("Basic YT pi", "!");
    decodes("Basic YTpi ", "!");
    decodes("Basic a_-b", "!");
    decodes("Bearer YTpi", "!");
    decodes(NULL, "!");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_basic)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
