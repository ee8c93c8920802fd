#include "base/fault.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/mcli-unit-fault-XXXXXX", path[64];
static struct fault_plan *plan;

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/faults", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *plan), 0);
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(plan != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(setenv("MARKETINGCLI_TEST_DIR", dir, 1), 0);
    assert_int_equal(setenv("MARKETINGCLI_TEST_PROGRAM", "unit", 1), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)munmap(plan, sizeof *plan);
    (void)unlink(path);
    (void)rmdir(dir);
    return 0;
}

static void begin(const char *program, enum fault_kind kind, uint32_t at)
{
    static uint32_t number;

    memset(plan, 0, sizeof *plan);
    plan->number = ++number;
    (void)snprintf(plan->program[0], sizeof plan->program[0], "%s", program);
    plan->at = at;
    plan->kind = kind;
}

/* One step: 'e' it failed undone, 'l' it was done and failed, '.' it was done. */
static char step(const char *name)
{
    struct fault fault;

    return fault_before(&fault, name) ? 'e' : fault_after(&fault) ? 'l' : '.';
}

static void three_steps(char ret[static 4])
{
    for (int i = 0; i < 3; i++)
        ret[i] = step("COMMIT");
    ret[3] = '\0';
}

static void nothing_happens_without_a_plan(void **state)
{
    char got[4];

    (void)state;
    begin("unit", FAULT_OFF, 1);
    three_steps(got);
    assert_string_equal(got, "...");
    assert_int_equal(plan->counted, 0);
}

static void counts_and_names_the_steps(void **state)
{
    char got[4];

    (void)state;
    begin("unit", FAULT_COUNT, 2);
    three_steps(got);
    assert_string_equal(got, "...");
    assert_int_equal(plan->counted, 3);
    assert_int_equal(plan->met, 0);
    assert_string_equal(plan->steps[2].name, "unit COMMIT");
}

static void notes_whose_a_step_is_and_how_much_it_does(void **state)
{
    struct fault fault;

    (void)state;
    begin("unit", FAULT_COUNT, 0);
    assert_false(fault_before_many(&fault, "INSERT", 3) || fault_after(&fault));
    assert_false(fault_before_for(&fault, "reach", "https://example.com/") || fault_after(&fault));
    assert_int_equal(plan->steps[0].process, getpid());
    assert_int_equal(plan->steps[0].thread, gettid());
    assert_int_equal(plan->steps[0].n, 3);
    assert_int_equal(plan->steps[1].n, 1);
    assert_string_equal(plan->steps[1].name, "unit reach https://example.com/");
}

static void knows_what_was_done(void **state)
{
    struct fault fault;

    (void)state;
    begin("unit", FAULT_ERROR, 2);
    assert_int_equal(step("INSERT"), '.');
    assert_int_equal(step("COMMIT"), 'e');
    assert_false(fault_before(&fault, "under way"));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(plan->steps[i].done, i == 0);
    begin("unit", FAULT_LOST, 1);
    assert_int_equal(step("COMMIT"), 'l');
    assert_int_equal(plan->steps[0].done, 1); /* although nobody hears of it */
}

/* Another plan has given its place to another step. */
static void the_end_of_an_old_step_is_not_a_new_ones(void **state)
{
    struct fault old, new;

    (void)state;
    begin("unit", FAULT_COUNT, 0);
    assert_false(fault_before(&old, "old"));
    begin("unit", FAULT_COUNT, 0);
    assert_false(fault_before(&new, "new") || fault_after(&old));
    assert_int_equal(plan->steps[0].done, 0);
    assert_false(fault_after(&new));
    assert_int_equal(plan->steps[0].done, 1);
}

static atomic_bool first_is_done;

/* Who comes second knows of the first by nothing that orders their writes, as with a plan that a test begins anew. */
static void *step_of_a_thread(void *is_second)
{
    bool second = is_second != NULL;

    while (second && !atomic_load_explicit(&first_is_done, memory_order_relaxed))
        (void)sched_yield();
    if (second)
        __atomic_store_n(&plan->counted, 0, __ATOMIC_RELAXED);
    (void)step(second ? "ROLLBACK" : "COMMIT");
    atomic_store_explicit(&first_is_done, true, memory_order_relaxed);
    return NULL;
}

/* ThreadSanitizer says so if they race. */
static void a_name_has_the_place_of_another_threads(void **state)
{
    pthread_t threads[2];

    (void)state;
    begin("unit", FAULT_COUNT, 0);
    atomic_store(&first_is_done, false);
    assert_int_equal(pthread_create(&threads[0], NULL, step_of_a_thread, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, step_of_a_thread, plan), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(plan->counted, 1);
    assert_string_equal(plan->steps[0].name, "unit ROLLBACK");
}

static void others_do_not_count(void **state)
{
    char got[4];

    (void)state;
    begin("unit-2", FAULT_ERROR, 1);
    three_steps(got);
    assert_string_equal(got, "...");
    assert_int_equal(plan->counted, 0);
}

static void one_step_meets_the_fault(void **state)
{
    char got[4];

    (void)state;
    begin("unit", FAULT_ERROR, 2);
    three_steps(got);
    assert_string_equal(got, ".e.");
    assert_int_equal(plan->met, 1);
    begin("unit", FAULT_LOST, 3);
    three_steps(got);
    assert_string_equal(got, "..l");
}

static void a_kill_is_a_kill(void **state)
{
    (void)state;
    for (int after = 0; after <= 1; after++) {
        int status;
        begin("unit", after ? FAULT_KILL_AFTER : FAULT_KILL_BEFORE, 1);
        pid_t pid = fork();
        if (pid == 0) {
            (void)step("COMMIT");
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(plan->met, 1);
        assert_int_equal(plan->steps[0].done, after);
    }
}

static void the_database_goes_away_and_comes_back(void **state)
{
    char got[4];

    (void)state;
    begin("unit", FAULT_AWAY, 2);
    assert_false(fault_is_away());
    three_steps(got);
    assert_string_equal(got, ".e.");
    assert_true(fault_is_away());
    plan->kind = FAULT_OFF;
    assert_false(fault_is_away());
}

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
    (void)sig;
    stopped = 1;
}

static void a_stop_comes_before_the_step(void **state)
{
    char got[4];

    (void)state;
    assert_true(signal(SIGTERM, on_stop) != SIG_ERR);
    begin("unit", FAULT_STOP, 2);
    three_steps(got);
    assert_string_equal(got, "...");
    assert_int_equal(stopped, 1);
}

static void more_steps_than_names(void **state)
{
    (void)state;
    begin("unit", FAULT_COUNT, 0);
    for (int i = 0; i <= FAULT_STEPS_MAX; i++)
        assert_int_equal(step("COMMIT"), '.');
    assert_int_equal(plan->counted, FAULT_STEPS_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_without_a_plan),
        cmocka_unit_test(counts_and_names_the_steps),
        cmocka_unit_test(notes_whose_a_step_is_and_how_much_it_does),
        cmocka_unit_test(knows_what_was_done),
        cmocka_unit_test(the_end_of_an_old_step_is_not_a_new_ones),
        cmocka_unit_test(a_name_has_the_place_of_another_threads),
        cmocka_unit_test(others_do_not_count),
        cmocka_unit_test(one_step_meets_the_fault),
        cmocka_unit_test(a_kill_is_a_kill),
        cmocka_unit_test(the_database_goes_away_and_comes_back),
        cmocka_unit_test(a_stop_comes_before_the_step),
        cmocka_unit_test(more_steps_than_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
