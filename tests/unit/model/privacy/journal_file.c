/* The file of the journal: what is written is read; what was torn, changed or written under another key is not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "model/privacy/journal.h"

static char journal_key_text[] = "0123456789abcdef0123456789abcdef",
            journal_other_text[] = "another key of the same length !";
static const struct secret_ring journal_key = {.v = {{journal_key_text, sizeof journal_key_text - 1}}, .n = 1},
                                journal_other = {.v = {{journal_other_text, sizeof journal_other_text - 1}}, .n = 1},
                                journal_both = {.v = {{journal_other_text, sizeof journal_other_text - 1},
                                                      {journal_key_text, sizeof journal_key_text - 1}},
                                                .n = 2};

static char journal_dir[] = "/tmp/mcli-journal-XXXXXX";

static int journal_setup(void **state)
{
    (void)state;
    return mkdtemp(journal_dir) == NULL;
}

static const char *journal_path(void)
{
    static char path[100];

    (void)snprintf(path, sizeof path, "%s/" JOURNAL_FILE, journal_dir);
    return path;
}

static int journal_teardown(void **state)
{
    (void)state;
    (void)unlink(journal_path());
    return rmdir(journal_dir);
}

static void journal_append_raw(const char *text)
{
    _cleanup_(fd_closep) int fd = open(journal_path(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0 && fd_write_all(fd, text, strlen(text)));
}

static struct journal_entry journal_entry_of(int what, uint8_t byte)
{
    struct journal_entry entry = {.what = what, .at_us = 1764259200000000 + byte};

    entry.subject_id.b[0] = byte;
    return entry;
}

static void journal_note_last(const struct journal_line *line, void *arg)
{
    *(struct journal_line *)arg = *line;
}

static void test_what_is_written_is_read(void **state)
{
    const struct journal_entry entries[] = {journal_entry_of(JOURNAL_REVOCATION, 1),
                                            journal_entry_of(JOURNAL_ERASURE, 2)};
    struct journal_counts counts;
    struct journal_line last;

    (void)state;
    assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &counts), ERR_NOT_FOUND);
    assert_int_equal(journal_append(journal_dir, &journal_key, entries, 2), OK);
    assert_int_equal(journal_each(journal_dir, &journal_key, journal_note_last, &last, &counts), OK);
    assert_int_equal(counts.lines[JOURNAL_REVOCATION] + counts.lines[JOURNAL_ERASURE], 2);
    assert_int_equal(counts.torn, 0);
    struct sha256 name = journal_name(&journal_key.v[0], JOURNAL_ERASURE, &entries[1].subject_id);
    assert_true(last.what == JOURNAL_ERASURE && last.at_us == entries[1].at_us);
    assert_memory_equal(last.name.b, name.b, sizeof name.b);
    assert_int_equal(journal_each(journal_dir, &journal_other, NULL, NULL, &counts), OK);
    assert_int_equal(counts.torn, 2);
}

/* Wherever it was torn: at its beginning, in its middle, or before its end alone. */
static void test_a_torn_line_spoils_no_other(void **state)
{
    const struct journal_entry entry = journal_entry_of(JOURNAL_DISCONNECT, 3);
    struct journal_counts before, after;
    char line[JOURNAL_LINE_MAX];

    (void)state;
    size_t n = journal_write_line(&journal_key.v[0], &entry, line);
    for (size_t cut = 1; cut < n - 1; cut += 20) {
        assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &before), OK);
        line[cut] = '\0';
        journal_append_raw(line);
        assert_int_equal(journal_append(journal_dir, &journal_key, &entry, 1), OK);
        assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &after), OK);
        assert_int_equal(after.torn, before.torn + 1);
        assert_int_equal(after.lines[JOURNAL_DISCONNECT], before.lines[JOURNAL_DISCONNECT] + 1);
        (void)journal_write_line(&journal_key.v[0], &entry, line);
    }
}

static void test_a_line_that_is_too_long_is_no_line(void **state)
{
    char text[2 * JOURNAL_LINE_MAX];
    struct journal_counts before, after;

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 2] = '\n';
    text[sizeof text - 1] = '\0';
    assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &before), OK);
    journal_append_raw(text);
    assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &after), OK);
    assert_true(after.torn > before.torn);
    assert_int_equal(after.lines[JOURNAL_DISCONNECT], before.lines[JOURNAL_DISCONNECT]);
}

static void test_a_folder_that_is_not_there_is_an_error(void **state)
{
    const struct journal_entry entry = journal_entry_of(JOURNAL_ERASURE, 4);

    (void)state;
    assert_int_equal(journal_append("/nonexistent/journal", &journal_key, &entry, 1), ERR_JOURNAL);
}

/* Written with the first, read with any: a journal goes on over a change of its key, and what was torn is still no line. */
static void test_a_ring_of_keys(void **state)
{
    const struct journal_entry entry = journal_entry_of(JOURNAL_ERASURE, 5);
    struct journal_counts old, new, both;
    struct journal_line last;

    (void)state;
    assert_int_equal(journal_each(journal_dir, &journal_key, NULL, NULL, &old), OK);
    assert_int_equal(journal_append(journal_dir, &journal_both, &entry, 1), OK);
    assert_int_equal(journal_each(journal_dir, &journal_other, journal_note_last, &last, &new), OK);
    assert_int_equal(new.lines[JOURNAL_ERASURE], 1);
    struct sha256 name = journal_name(&journal_other.v[0], JOURNAL_ERASURE, &entry.subject_id);
    assert_memory_equal(last.name.b, name.b, sizeof name.b);
    assert_int_equal(journal_each(journal_dir, &journal_both, NULL, NULL, &both), OK);
    assert_int_equal(both.lines[JOURNAL_ERASURE], old.lines[JOURNAL_ERASURE] + 1);
    assert_int_equal(both.lines[JOURNAL_DISCONNECT], old.lines[JOURNAL_DISCONNECT]);
    assert_int_equal(both.torn, old.torn);
}

static void test_keys_that_fit(void **state)
{
    const struct secret_ring none = {.n = 0}, second_short = {.v = {journal_both.v[0], {journal_key_text, 31}}, .n = 2};

    (void)state;
    assert_true(journal_keys_fit(&journal_key) && journal_keys_fit(&journal_both));
    assert_false(journal_keys_fit(&none) || journal_keys_fit(&second_short));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_torn_line_spoils_no_other),
        cmocka_unit_test(test_a_line_that_is_too_long_is_no_line),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(test_a_ring_of_keys),
        cmocka_unit_test(test_keys_that_fit),
    };

    return cmocka_run_group_tests(tests, journal_setup, journal_teardown);
}
