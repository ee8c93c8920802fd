/*
 * What it costs a request to note the use of its key (lib/fcgi/usage.h), as a program does it: eight threads, and one that writes
 * to the database every second.
 *
 *    note SOCKET KEYS SECONDS
 *
 * KEYS: a file of ids, 16 bytes each, of keys that are in the database behind the socket, which lets root in. All of them are used
 * over and over. Prints how many notes were made, their CPU in nanoseconds (mean), and how long they took (median, 99 of 100).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "fcgi/serve.h"
#include "fcgi/usage.h"

#define THREADS 8
#define NS_PER_SEC INT64_C(1000000000)
#define TOOK_MAX_NS 100000 /* what takes longer is counted as this */

struct note_thread {
    pthread_t thread;
    struct usage *usage;
    const struct uuid *keys;
    size_t keys_n, first;
    int64_t until_us, cpu_ns, n;
    uint32_t took[TOOK_MAX_NS + 1]; /* how many took so many nanoseconds */
};

static int64_t note_clock(clockid_t clock)
{
    struct timespec t;

    ASSERT(clock_gettime(clock, &t) == 0);
    return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

/* Each call is timed in one round, and their CPU is measured in another, which has no clock in it. */
static void note_round(struct note_thread *t, bool is_timed)
{
    int64_t at_us = clock_now_us();

    for (size_t i = 0; i < t->keys_n; i++) {
        const struct uuid *key = &t->keys[(t->first + i) % t->keys_n];
        int64_t began = is_timed ? note_clock(CLOCK_MONOTONIC) : 0;
        usage_note(t->usage, key, 200, at_us);
        int64_t ns = is_timed ? note_clock(CLOCK_MONOTONIC) - began : 0;
        if (is_timed)
            t->took[MIN(TOOK_MAX_NS, ns)]++;
    }
}

static void *note_main(void *arg)
{
    struct note_thread *t = arg;

    while (clock_mono_us() < t->until_us) {
        int64_t cpu = note_clock(CLOCK_THREAD_CPUTIME_ID);
        note_round(t, false);
        t->cpu_ns += note_clock(CLOCK_THREAD_CPUTIME_ID) - cpu;
        t->n += (int64_t)t->keys_n;
        note_round(t, true);
    }
    return NULL;
}

/* How long all but a share of the notes took at most. */
static int64_t note_quantile(const struct note_thread *threads, double share)
{
    int64_t n = 0, all = 0;

    for (size_t i = 0; i < THREADS; i++)
        all += threads[i].n;
    for (int64_t ns = 0; ns < TOOK_MAX_NS; ns++) {
        for (size_t i = 0; i < THREADS; i++)
            n += threads[i].took[ns];
        if ((double)n >= share * (double)all)
            return ns;
    }
    return TOOK_MAX_NS;
}

static struct uuid *note_read_keys(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");

    ASSERT(f != NULL && fseek(f, 0, SEEK_END) == 0);
    size_t n = (size_t)ftell(f) / sizeof(struct uuid);
    struct uuid *keys = xcalloc(n, sizeof *keys);
    rewind(f);
    ASSERT(fread(keys, sizeof *keys, n, f) == n && n > 0);
    (void)fclose(f);
    *ret_n = n;
    return keys;
}

int main(int argc, char **argv)
{
    struct conf conf = {.usage_node = 1};
    struct shared shared = {.conf = &conf, .db_options = {.name = "marketingcli", .user = "root", .timeout_sec = 30}};
    struct note_thread *threads = xcalloc(THREADS, sizeof *threads);
    int64_t n = 0, cpu_ns = 0;
    size_t keys_n;

    ASSERT(argc == 4);
    log_init("note", LOG_ERROR);
    shared.db_options.socket = argv[1];
    struct uuid *keys = note_read_keys(argv[2], &keys_n);
    struct usage *usage = usage_start(&shared);
    int64_t until_us = clock_mono_us() + strtol(argv[3], NULL, 10) * US_PER_SEC;
    for (size_t i = 0; i < THREADS; i++) {
        struct note_thread *t = &threads[i];
        t->usage = usage;
        t->keys = keys;
        t->keys_n = keys_n;
        t->first = i * keys_n / THREADS;
        t->until_us = until_us;
        ASSERT(pthread_create(&t->thread, NULL, note_main, t) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ASSERT(pthread_join(threads[i].thread, NULL) == 0);
        n += threads[i].n;
        cpu_ns += threads[i].cpu_ns;
    }
    usage_stop(usage);
    printf("%lld %.0f %lld %lld\n", (long long)n, (double)cpu_ns / (double)n, (long long)note_quantile(threads, 0.5),
           (long long)note_quantile(threads, 0.99));
    free(threads);
    free(keys);
    return 0;
}
