#include "with_arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret_ring.h"

static struct secret_ring ring;
static size_t told, told_line;

static void tell(const char *name, size_t line)
{
    assert_string_equal(name, "key");
    told++;
    told_line = line;
}

static void parse(const char *text, enum secret_ring_form form)
{
    const char *why;

    secret_ring_done(&ring);
    if (!secret_ring_parse(str_from(text), form, &ring, &why))
        fail_msg("%s: %s", text, why);
    ring.name = "key";
    ring.tell = tell;
    told = 0;
}

static void test_lines(void **state)
{
    static const struct {
        const char *text, *first, *second;
        size_t n;
    } rows[] = {
        {"", NULL, NULL, 0},
        {"\n\r\n \n", NULL, NULL, 0},
        {"one", "one", NULL, 1},
        {"one\n", "one", NULL, 1},
        {"one\r\n\r\n", "one", NULL, 1},
        {"new\nold\n", "new", "old", 2},
        {"\n new \n\t\nold", "new", "old", 2},
        {"new\nnew\nold\nold\nnew\n", "new", "old", 2},
        {"a b\nc\nd\ne\n\n", "a b", "c", 4},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        parse(rows[i].text, SECRET_RING_WORDS);
        assert_int_equal(ring.n, rows[i].n);
        if (rows[i].n > 0)
            assert_str(secret_str(&ring.v[0]), rows[i].first);
        if (rows[i].n > 1)
            assert_str(secret_str(&ring.v[1]), rows[i].second);
    }
    parse(" a b \r\n\n", SECRET_RING_LINES); /* a password may have blanks at its ends */
    assert_int_equal(ring.n, 1);
    assert_str(secret_str(&ring.v[0]), " a b ");
}

static void test_refused(void **state)
{
    struct secret_ring r = {.n = 77};
    char text[SECRET_RING_LINE_MAX + 2];
    const char *why;
    (void)state;

    assert_false(secret_ring_parse(STR("1\n2\n3\n4\n5"), SECRET_RING_WORDS, &r, &why));
    assert_string_equal(why, "has more than 4 lines");
    assert_false(secret_ring_parse(STR("1\n2\0\n"), SECRET_RING_WORDS, &r, &why));
    assert_string_equal(why, "has a NUL byte in a line");
    memset(text, 'x', sizeof text);
    assert_false(secret_ring_parse(str_of(text, SECRET_RING_LINE_MAX + 1), SECRET_RING_WORDS, &r, &why));
    assert_string_equal(why, "has a line of more than 1024 bytes");
    assert_int_equal(r.n, 77);
    text[SECRET_RING_LINE_MAX] = '\n';
    assert_true(secret_ring_parse(str_of(text, sizeof text), SECRET_RING_WORDS, &r, &why));
    assert_int_equal(r.n, 2);
    secret_ring_done(&r);
}

/* As systemd hands it over. */
static void test_credential(void **state)
{
    char dir[] = "/tmp/unit-secret-ring-XXXXXX", path[64];
    struct buf why = BUF_MAX(200);
    (void)state;

    secret_ring_done(&ring);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/key", dir);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
    assert_int_equal(secret_ring_read("key", SECRET_RING_WORDS, &ring, &why), ERR_NOT_FOUND);
    assert_string_equal(why.p, "the credential key is missing or cannot be read");
    for (int lines = 2; lines <= 5; lines += 3) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        for (int i = 0; i < lines; i++)
            (void)fprintf(f, "secret%d\n", i);
        (void)fclose(f);
        buf_clear(&why);
        enum err e = secret_ring_read("key", SECRET_RING_WORDS, &ring, &why);
        assert_int_equal(e, lines == 2 ? OK : ERR_VALIDATION);
        assert_int_equal(ring.n, lines == 2 ? 2 : 0);
        secret_ring_done(&ring);
    }
    assert_string_equal(why.p, "the credential key has more than 4 lines");
    (void)unlink(path);
    (void)rmdir(dir);
    buf_done(&why);
}

static void test_has(void **state)
{
    struct str texts[SECRET_RING_MAX];
    (void)state;

    parse("new\nold\n", SECRET_RING_WORDS);
    assert_true(secret_ring_has(&ring, STR("new")) && secret_ring_has(&ring, STR("old")));
    assert_false(secret_ring_has(&ring, STR("")) || secret_ring_has(&ring, STR("ol")) ||
                 secret_ring_has(&ring, STR("new\nold")));
    assert_int_equal(secret_ring_texts(&ring, texts), 2);
    assert_str(texts[1], "old");
    parse("", SECRET_RING_WORDS);
    assert_false(secret_ring_has(&ring, STR("")));
    struct secret_try t = secret_try_begin(&ring);
    assert_int_equal(secret_try_now(&t)->n, 0);
    assert_false(secret_try_next(&t));
}

/* Each once; what was taken is what the next one begins with, until it is refused; and one of those who find the same tells it. */
static void test_tries(void **state)
{
    (void)state;

    parse("new\nold\nolder\n", SECRET_RING_WORDS);
    struct secret_try t = secret_try_begin(&ring), late = secret_try_begin(&ring);
    assert_str(secret_str(secret_try_now(&t)), "new");
    secret_try_taken(&t);
    assert_int_equal(told, 0);
    assert_true(secret_try_next(&t) && secret_try_next(&late));
    assert_str(secret_str(secret_try_now(&t)), "old");
    secret_try_taken(&t);
    secret_try_taken(&late);
    assert_int_equal(told, 1);
    assert_int_equal(told_line, 2);

    t = secret_try_begin(&ring);
    assert_str(secret_str(secret_try_now(&t)), "old");
    assert_true(secret_try_next(&t));
    assert_str(secret_str(secret_try_now(&t)), "older");
    assert_true(secret_try_next(&t));
    assert_str(secret_str(secret_try_now(&t)), "new");
    assert_false(secret_try_next(&t));
    assert_int_equal(told, 1); /* none was taken: the next one begins as this one did */
    t = secret_try_begin(&ring);
    assert_str(secret_str(secret_try_now(&t)), "old");
    assert_true(secret_try_next(&t) && secret_try_next(&t));
    secret_try_taken(&t);
    assert_int_equal(told, 2);
    assert_int_equal(told_line, 1);
}

static int wipe(void **state)
{
    (void)state;

    secret_ring_done(&ring);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_refused), cmocka_unit_test(test_credential),
        cmocka_unit_test(test_has),   cmocka_unit_test(test_tries),
    };

    return cmocka_run_group_tests(tests, NULL, wipe);
}
