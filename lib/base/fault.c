#include "base/fault.h"

#ifdef TEST_HOOKS
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/defs.h"
#include "base/lock.h"

static pthread_once_t fault_once = PTHREAD_ONCE_INIT;
static struct fault_plan *fault_plan; /* NULL: there is none */
static const char *fault_program;
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

static void fault_map(void)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");
    char path[512];

    fault_program = getenv("MARKETINGCLI_TEST_PROGRAM");
    if (dir == NULL || fault_program == NULL || snprintf(path, sizeof path, "%s/faults", dir) >= (int)sizeof path)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *fault_plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        fault_plan = p;
    (void)close(fd);
}

static bool fault_is_counted(void)
{
    ASSERT(pthread_once(&fault_once, fault_map) == 0);
    if (fault_plan == NULL || __atomic_load_n(&fault_plan->kind, __ATOMIC_ACQUIRE) == FAULT_OFF)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(fault_plan->program) && fault_plan->program[i][0] != '\0'; i++)
        if (strcmp(fault_plan->program[i], fault_program) == 0)
            return true;
    return false;
}

static void fault_kill(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) /* until it arrives */
        (void)pause();
}

/* Longer than the threads need to see that they should stop. */
static void fault_stop(void)
{
    (void)kill(getpid(), SIGTERM);
    (void)usleep(300000);
}

/*
 * The step's number. With each plan the test counts from 1 again, so the place of a step may have been written by another
 * thread, a moment ago.
 */
static uint32_t fault_count(const char *step, const char *whom, size_t rows)
{
    lock_take(&fault_lock);
    uint32_t n = __atomic_add_fetch(&fault_plan->counted, 1, __ATOMIC_ACQ_REL);
    if (n <= FAULT_STEPS_MAX) {
        struct fault_step *s = &fault_plan->steps[n - 1];
        s->process = (uint32_t)getpid();
        s->thread = (uint32_t)gettid();
        s->n = (uint32_t)rows;
        s->done = 0;
        (void)snprintf(s->name, sizeof s->name, "%s %s%s%s", fault_program, step, whom[0] != '\0' ? " " : "", whom);
    }
    lock_release(&fault_lock);
    return n;
}

/* Which of the steps that count this one is, from 1; 0: none. */
static uint32_t fault_place(const char *step, uint32_t n)
{
    uint32_t results = 0;

    if (fault_plan->kind != FAULT_LEFT)
        return n;
    if (strcmp(step, FAULT_RESULT) != 0)
        return 0;
    lock_take(&fault_lock);
    for (uint32_t i = 0; i < n && i < FAULT_STEPS_MAX; i++)
        results += strstr(fault_plan->steps[i].name, FAULT_RESULT) != NULL;
    lock_release(&fault_lock);
    return results;
}

/* Not when the test has begun another plan meanwhile: the place is another step's by now. */
static void fault_note_done(const struct fault *fault)
{
    if (fault->step == 0 || fault->step > FAULT_STEPS_MAX)
        return;
    lock_take(&fault_lock);
    if (__atomic_load_n(&fault_plan->number, __ATOMIC_ACQUIRE) == fault->plan)
        __atomic_store_n(&fault_plan->steps[fault->step - 1].done, 1, __ATOMIC_RELEASE);
    lock_release(&fault_lock);
}

static bool fault_before_step(struct fault *fault, const char *step, const char *whom, size_t rows)
{
    *fault = (struct fault){.kind = FAULT_OFF};
    if (!fault_is_counted())
        return false;
    fault->plan = __atomic_load_n(&fault_plan->number, __ATOMIC_ACQUIRE);
    uint32_t n = fault->step = fault_count(step, whom, rows);
    if (fault_place(step, n) != fault_plan->at)
        return false;
    fault->kind = (enum fault_kind)fault_plan->kind;
    __atomic_store_n(&fault_plan->met, fault->kind != FAULT_COUNT, __ATOMIC_RELEASE);
    if (fault->kind == FAULT_KILL_BEFORE)
        fault_kill();
    if (fault->kind == FAULT_STOP || fault->kind == FAULT_LEFT)
        fault_stop();
    return fault->kind == FAULT_ERROR || fault->kind == FAULT_AWAY;
}

bool fault_before(struct fault *fault, const char *step)
{
    return fault_before_step(fault, step, "", 1);
}

bool fault_before_many(struct fault *fault, const char *step, size_t n)
{
    return fault_before_step(fault, step, "", n);
}

bool fault_before_for(struct fault *fault, const char *step, const char *whom)
{
    return fault_before_step(fault, step, whom, 1);
}

bool fault_is_away(void)
{
    if (!fault_is_counted() || __atomic_load_n(&fault_plan->met, __ATOMIC_ACQUIRE) == 0)
        return false;
    uint32_t kind = __atomic_load_n(&fault_plan->kind, __ATOMIC_ACQUIRE);
    return kind == FAULT_AWAY || kind == FAULT_LEFT;
}

bool fault_after(const struct fault *fault)
{
    fault_note_done(fault);
    if (fault->kind == FAULT_KILL_AFTER)
        fault_kill();
    return fault->kind == FAULT_LOST;
}
#else
typedef int fault_c_is_not_empty;
#endif
