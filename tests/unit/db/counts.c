#include "db/counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_shows_what_was_counted(void **state)
{
    static const char *const lines[] = {
        "marketingcli_database_connections 1\n",
        "marketingcli_database_connects_total 2\n",
        "marketingcli_database_errors_total{error=\"unavailable\"} 3\n",
        "marketingcli_database_errors_total{error=\"rerun\"} 4\n",
        "marketingcli_database_errors_total{error=\"failed\"} 5\n",
    };
    const struct db_counts counts = {.open = 1, .connects = 2, .unavailable = 3, .reruns = 4, .failed = 5};
    _cleanup_(buf_done) struct buf b = BUF_MAX(64 << 10);
    _cleanup_(metrics_freep) struct metrics *m =
        metrics_new(&(struct metrics_options){.who = METRICS_WORKER, .values = {[LABEL_ERROR] = db_count_errors}});

    (void)state;
    db_counts_show(&counts, m);
    metrics_text(m, &b);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_non_null(strstr(b.p, lines[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_shows_what_was_counted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
