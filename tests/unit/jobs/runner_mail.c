/* What a run hands to a relay (JOB_SEND). */
#include "running.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/log.h"

static const struct worker_class mail_class = {.class = JOB_MEDIA,
                                               .lease_us = 120 * US_PER_SEC,
                                               .call_sec = SETTING(smtp_timeout_sec),
                                               .aside = SETTING(smtp_connections)};

/*
 * Mails. The step sends one to mail_port, and does with the result what worker@mail does: it comes again when the relay has
 * not taken it.
 */
static int mail_port;
static atomic_int unasked, not_reached, taken;

static enum job_step step_that_mails(struct job_run *run)
{
    static const struct net_header headers[] = {{"Subject", STR("Hello")}};
    const struct net_result *r = run->result;

    if (r == NULL) {
        run->mail = (struct net_mail){.host = "127.0.0.1",
                                      .port = mail_port,
                                      .tls = NET_MAIL_PLAIN,
                                      .hello = "localhost",
                                      .from = STR("us@example.org"),
                                      .to = STR("ann@example.com"),
                                      .headers = headers,
                                      .n_headers = ARRAY_LEN(headers),
                                      .text = STR("Hello\n"),
                                      .timeout_sec = 60,
                                      .connect_timeout_sec = 60,
                                      .judge_timeout_sec = 60};
        return JOB_SEND;
    }
    if (r->err == OK) {
        ASSERT(r->status == 250 && str_eqc(r->body, "Taken"));
        atomic_fetch_add(&taken, 1);
        return JOB_DONE;
    }
    ASSERT(r->err == ERR_NET_NOT_SENT && run->fault);
    run->fault = !r->unasked;
    atomic_fetch_add(r->unasked ? &unasked : &not_reached, 1);
    run->again_at_us = clock_now_us() + 3600 * US_PER_SEC;
    return JOB_AGAIN;
}

static void start_mailing(struct fixture *f, int n)
{
    atomic_store(&unasked, 0);
    atomic_store(&not_reached, 0);
    atomic_store(&taken, 0);
    kinds[0] = &call_kind;
    f->worker.class = &mail_class;
    f->conf.smtp_connections = 2;
    f->conf.smtp_timeout_sec = 1;
    for (int i = 0; i < n; i++)
        add(f);
    start(f, step_that_mails);
}

/* One session of a relay that takes all. False when there is no other. */
static bool relay_serve(int fd)
{
    int client = accept(fd, NULL, NULL);
    char line[1024];
    bool in_mail = false;

    if (client < 0)
        return false;
    FILE *in = fdopen(client, "r"), *out = fdopen(dup(client), "w");
    fputs("220 relay\r\n", out);
    for (fflush(out); fgets(line, sizeof line, in) != NULL; fflush(out)) {
        if (in_mail && strcmp(line, ".\r\n") != 0)
            continue;
        bool begins = strcmp(line, "DATA\r\n") == 0;
        fputs(begins ? "354 Go on\r\n" : in_mail ? "250 Taken\r\n" : "250 OK\r\n", out);
        in_mail = begins;
    }
    fclose(in);
    fclose(out);
    return true;
}

static void *relay_main(void *arg)
{
    while (relay_serve(*(int *)arg))
        ;
    return NULL;
}

/* More than there are connections, and each is sent once. */
static void a_mail_comes_back_with_the_word_of_the_relay(void **state)
{
    struct fixture *f = *state;
    int fd = listen_silently(&mail_port);
    pthread_t relay;

    assert_int_equal(pthread_create(&relay, NULL, relay_main, &fd), 0);
    start_mailing(f, 7);
    WAIT_FOR(jobs_left(f) == 0);
    stop(f);
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(relay, NULL), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(atomic_load(&taken), 7);
    assert_int_equal(atomic_load(&steps), 14);
}

static void a_relay_that_nobody_reaches_pauses_the_kind(void **state)
{
    struct fixture *f = *state;
    int fd = listen_silently(&mail_port);

    assert_int_equal(close(fd), 0); /* nobody listens there any more */
    start_mailing(f, KIND_FAULTS);
    WAIT_FOR(is_told(f, PAUSED("1")));
    stop(f);
    assert_int_equal(atomic_load(&not_reached), KIND_FAULTS);
    assert_int_equal(jobs_left(f), KIND_FAULTS);
}

/* Lines with these words that were logged to the file; the standard error is put back. */
static int lines_logged(int to, int before, const char *words)
{
    FILE *log = fdopen(to, "r");
    char line[1024];
    int n = 0;

    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_int_equal(close(before), 0);
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL)
        n += strstr(line, words) != NULL;
    assert_int_equal(fclose(log), 0);
    return n;
}

/* That it still cannot go on was told: as long as it lasts, the log does not grow with each look. */
static void what_shows_that_a_kind_is_still_paused_is_not_logged(void **state)
{
    struct fixture *f = *state;
    int fd = listen_silently(&mail_port), log = memfd_create("log", MFD_CLOEXEC), before = dup(STDERR_FILENO);

    assert_int_equal(close(fd), 0);
    assert_true(dup2(log, STDERR_FILENO) >= 0);
    log_init("test", LOG_INFO);
    start_mailing(f, KIND_FAULTS);
    WAIT_FOR(is_told(f, PAUSED("1")));
    for (int i = 0; i < 2 * KIND_FAULTS; i++)
        add(f);
    WAIT_FOR(atomic_load(&not_reached) == 3 * KIND_FAULTS);
    stop(f);
    log_init("test", LOG_ERROR);
    assert_int_equal(lines_logged(log, before, "\"outcome\":\"again\""), KIND_FAULTS);
}

/* Those under way have as long as a mail may take. The others come back at once: the relay has nothing to do with that. */
static void a_stop_begins_no_mail_that_waits(void **state)
{
    struct fixture *f = *state;
    int fd = listen_silently(&mail_port), under_way[2];

    start_mailing(f, 7);
    for (size_t i = 0; i < ARRAY_LEN(under_way); i++)
        assert_true((under_way[i] = accept(fd, NULL, NULL)) >= 0);
    WAIT_FOR(atomic_load(&steps) == 7);
    stop(f);
    for (size_t i = 0; i < ARRAY_LEN(under_way); i++)
        assert_int_equal(close(under_way[i]), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(atomic_load(&unasked), 5);
    assert_int_equal(atomic_load(&not_reached), 2);
    assert_int_equal(jobs_left(f), 7);
    assert_false(is_told(f, PAUSED("1")));
    assert_false(is_told(f, "marketingcli_alarms_total{alarm=\"result_lost\"} 1\n"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, running_setup, running_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mail_comes_back_with_the_word_of_the_relay),
        TEST(a_relay_that_nobody_reaches_pauses_the_kind),
        TEST(what_shows_that_a_kind_is_still_paused_is_not_logged),
        TEST(a_stop_begins_no_mail_that_waits),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
