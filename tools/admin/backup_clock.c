/*
 * May the clock say whose time is over? One that jumps ahead by a month would have all backups deleted. So a file beside them says since when
 * it has gone evenly, by those who looked at it, and when that was last: each look that comes too long after the one before, or before it,
 * begins anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "base/clock.h"
#include "base/io.h"

#define CLOCK_FILE "clock"
#define CLOCK_GAP_US (3 * US_PER_DAY)           /* a timer looks each day */
#define CLOCK_TRUSTED_US (US_PER_DAY * 20 / 24) /* so the look of the next day may delete, whenever exactly it comes */

struct clock_looks {
    int64_t since_us, last_us;
};

static bool clock_read(const char *path, struct clock_looks *ret)
{
    char text[64] = "";
    struct str rest, since, last;

    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    rest = str_of(text, n > 0 ? (size_t)n : 0);
    return str_cut(&rest, ' ', &since) && str_cut(&rest, '\n', &last) && str_to_i64(since, &ret->since_us) &&
           str_to_i64(last, &ret->last_us) && ret->since_us <= ret->last_us;
}

/* In place, and of one length: so it can be written on a disk that is full, which the deletion is to mend. */
static bool clock_write(const char *path, const struct clock_looks *looks)
{
    char line[64];

    int n = snprintf(line, sizeof line, "%020lld %020lld\n", (long long)looks->since_us, (long long)looks->last_us);
    _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd >= 0 && fd_write_all(fd, line, (size_t)n);
}

bool backup_clock_is_even(struct arena *arena, const struct conf *conf, int64_t now_us)
{
    const char *path = arena_printf(arena, "%s/" CLOCK_FILE, conf->backup_dir.p).p;
    struct clock_looks looks;

    bool goes_on = clock_read(path, &looks) && now_us >= looks.last_us && now_us - looks.last_us <= CLOCK_GAP_US;
    if (!goes_on || (conf->watch_clock && clock_is_unset()))
        looks.since_us = now_us;
    looks.last_us = now_us;
    if (!clock_write(path, &looks))
        complain("%s: %s", path, strerror(errno));
    return now_us - looks.since_us >= CLOCK_TRUSTED_US;
}
