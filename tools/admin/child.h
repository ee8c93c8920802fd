/*
 * Other programs that a verb works with: MariaDB's dump, its client, a server of our own. No shell reads their arguments.
 *
 *    struct child dump = {0};
 *    if (!child_start(&dump, (const char *const[]){"mariadb-dump", "marketingcli", NULL}, &(struct child_ways){.gives = true}))
 *        return EXIT_FAILED;
 *    ... read(dump.out, ...)
 *    code = child_end(&dump);
 *
 * What they complain of goes to our stderr. They die with us.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;        /* 0: it does not run */
    const char *name; /* for complaints */
    int in, out;      /* our ends of what it reads and gives; -1: none */
};

struct child_ways {
    bool takes, gives; /* it reads from us, we from it; else it reads nothing, and says what it says to our stderr */
    bool quiet;        /* what it complains of is not shown */
    uid_t uid;         /* whom it runs as, if we are root; 0: ourselves */
    gid_t gid;
    int fd; /* it may also read this one, under the same number; 0: none */
};

bool child_start(struct child *c, const char *const *argv, const struct child_ways *ways); /* false after a complaint */
void child_close_in(struct child *c);                                                      /* it has got all */

/* Waits for its end. False after a complaint: it did not succeed. One that was never started is fine. */
bool child_end(struct child *c);
void child_kill(struct child *c, int signal); /* and waits; for clean-up, so nothing is said */
