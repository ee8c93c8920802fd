#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "metrics/metrics.h"

static const char *const routes[] = {"none", "GET /a", NULL};
static const char *const statuses[] = {"2xx", "4xx", NULL};

static struct metrics *of_app(void)
{
    return metrics_new(
        &(struct metrics_options){.who = METRICS_APP, .values = {[LABEL_ROUTE] = routes, [LABEL_STATUS] = statuses}});
}

static struct buf text_of(struct metrics *m)
{
    struct buf b = BUF_MAX(1u << 20);

    metrics_text(m, &b);
    assert_false(b.overflow);
    return b;
}

static void expect(struct metrics *m, const char *line)
{
    _cleanup_(buf_done) struct buf b = text_of(m), wanted = BUF_MAX(4096);

    buf_printf(&wanted, "\n%s\n", line);
    if (strstr(b.p, wanted.p) == NULL)
        fail_msg("no line %s in\n%s", line, b.p);
}

static void expect_absent(struct metrics *m, const char *part)
{
    _cleanup_(buf_done) struct buf b = text_of(m);

    assert_null(strstr(b.p, part));
}

static void test_a_counter_with_two_labels(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    (void)state;

    metric_add(m, METRIC_REQUESTS, 1 * 2 + 1, 1);
    metric_add(m, METRIC_REQUESTS, 1 * 2 + 1, 2);
    expect(m, "# TYPE marketingcli_requests_total counter\n"
              "marketingcli_requests_total{route=\"none\",status=\"2xx\"} 0\n"
              "marketingcli_requests_total{route=\"none\",status=\"4xx\"} 0\n"
              "marketingcli_requests_total{route=\"GET /a\",status=\"2xx\"} 0\n"
              "marketingcli_requests_total{route=\"GET /a\",status=\"4xx\"} 3");
}

static void test_a_gauge_goes_both_ways(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    (void)state;

    metric_add(m, METRIC_THREADS_BUSY, 0, 2);
    metric_add(m, METRIC_THREADS_BUSY, 0, -1);
    expect(m, "marketingcli_threads_busy 1");
    metric_set(m, METRIC_THREADS_BUSY, 0, -3);
    expect(m, "marketingcli_threads_busy -3");
}

/* A bucket takes its own end, and holds all that is below it. */
static void test_a_histogram(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    (void)state;

    metric_observe(m, METRIC_REQUEST_TIME, 1, 1000);
    metric_observe(m, METRIC_REQUEST_TIME, 1, 1001);
    metric_observe(m, METRIC_REQUEST_TIME, 1, 10000000);
    metric_observe(m, METRIC_REQUEST_TIME, 1, 10000001);
    expect(m, "marketingcli_request_seconds_bucket{route=\"GET /a\",le=\"0.001\"} 1\n"
              "marketingcli_request_seconds_bucket{route=\"GET /a\",le=\"0.0025\"} 2");
    expect(m, "marketingcli_request_seconds_bucket{route=\"GET /a\",le=\"5\"} 2\n"
              "marketingcli_request_seconds_bucket{route=\"GET /a\",le=\"10\"} 3\n"
              "marketingcli_request_seconds_bucket{route=\"GET /a\",le=\"+Inf\"} 4\n"
              "marketingcli_request_seconds_sum{route=\"GET /a\"} 20.002002\n"
              "marketingcli_request_seconds_count{route=\"GET /a\"} 4");
    expect(m, "marketingcli_request_seconds_count{route=\"none\"} 0");
}

static void test_what_a_program_does_not_show(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    (void)state;

    expect_absent(m, "marketingcli_jobs");                  /* a worker's */
    expect_absent(m, "marketingcli_database_errors_total"); /* no values for its label */
    metric_add(m, METRIC_RUNS_OPEN, 0, 1);                  /* and counting it is harmless */
    metric_set(m, METRIC_DB_ERRORS, 7, 1);
    expect_absent(m, "marketingcli_runs_open");
}

static void test_an_alarm_counts(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    (void)state;

    expect(m, "marketingcli_alarms_total{alarm=\"job_dead\"} 0");
    alarm_raise(m, ALARM_JOB_DEAD, LOG_CSTR("kind", "test"), LOG_END);
    expect(m, "marketingcli_alarms_total{alarm=\"job_dead\"} 1");
    expect(m, "marketingcli_alarms_total{alarm=\"database_away\"} 0");
}

static void test_seconds_are_written_whole(void **state)
{
    static const char *const classes[] = {"x", NULL};
    struct metrics_options options = {.who = METRICS_WORKER, .values = {[LABEL_CLASS] = classes}};
    _cleanup_(metrics_freep) struct metrics *m = metrics_new(&options);
    (void)state;

    metric_set(m, METRIC_JOBS_OLDEST, 0, 61000007);
    expect(m, "marketingcli_jobs_oldest_due_seconds{class=\"x\"} 61.000007");
    metric_set(m, METRIC_JOBS_OLDEST, 0, -1500000);
    expect(m, "marketingcli_jobs_oldest_due_seconds{class=\"x\"} -1.500000");
}

#define ADDS 20000

static void *add_many(void *m)
{
    for (int i = 0; i < ADDS; i++) {
        metric_add(m, METRIC_REQUESTS, 0, 1);
        metric_observe(m, METRIC_REQUEST_TIME, 0, 1);
    }
    return NULL;
}

static void test_nothing_is_lost_between_threads(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m = of_app();
    pthread_t threads[4];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, m), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect(m, "marketingcli_requests_total{route=\"none\",status=\"2xx\"} 80000");
    expect(m, "marketingcli_request_seconds_sum{route=\"none\"} 0.080000\n"
              "marketingcli_request_seconds_count{route=\"none\"} 80000");
}

static void test_processes_count_together(void **state)
{
    _cleanup_(metrics_freep) struct metrics *m =
        metrics_new(&(struct metrics_options){.who = METRICS_IMAGE, .shared = true});
    pid_t pids[3];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            metric_add(m, METRIC_PROCESSES, 0, 2);
            metric_observe(m, METRIC_IMAGE_TIME, 0, 1);
            _exit(0);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(pids); i++)
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    expect(m, "marketingcli_image_processes 6");
    expect(m, "marketingcli_image_seconds_count 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_counter_with_two_labels),
        cmocka_unit_test(test_a_gauge_goes_both_ways),
        cmocka_unit_test(test_a_histogram),
        cmocka_unit_test(test_what_a_program_does_not_show),
        cmocka_unit_test(test_an_alarm_counts),
        cmocka_unit_test(test_seconds_are_written_whole),
        cmocka_unit_test(test_nothing_is_lost_between_threads),
        cmocka_unit_test(test_processes_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
