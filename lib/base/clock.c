#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#ifdef TEST_HOOKS
static int64_t clock_moved_us(const char *file)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");
    char path[512], text[32];

    if (dir == NULL || snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtoll(text, NULL, 10);
}

/* What a test says, by a file; 1: nobody sets the clock; 0: somebody does; -1: it says nothing. */
static int clock_told_unset(void)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");
    char path[512], said;

    if (dir == NULL || snprintf(path, sizeof path, "%s/clock_unset", dir) >= (int)sizeof path)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, &said, 1);
    (void)close(fd);
    return n != 1 ? -1 : said == '1';
}
#else
static int clock_told_unset(void)
{
    return -1;
}

static int64_t clock_moved_us(const char *file)
{
    (void)file;
    return 0;
}
#endif

static int64_t clock_read_clock(clockid_t id)
{
    struct timespec t;

    ASSERT(clock_gettime(id, &t) == 0);
    return t.tv_sec * US_PER_SEC + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return clock_read_clock(CLOCK_REALTIME) + clock_moved_us("clock");
}

int64_t clock_mono_us(void)
{
    return clock_read_clock(CLOCK_MONOTONIC);
}

int64_t clock_patience_us(void)
{
    return clock_mono_us() + clock_moved_us("patience");
}

int64_t clock_boot_us(void)
{
    return clock_read_clock(CLOCK_BOOTTIME);
}

bool clock_is_unset(void)
{
    struct timex t = {0};
    int told = clock_told_unset();

    return told >= 0 ? told > 0 : adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) != 0;
}

static char *clock_put_digits(char *p, size_t n, long v)
{
    for (size_t i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

void time_format(int64_t at_us, char ret_text[static TIME_TEXT_SIZE])
{
    int64_t sec = at_us / US_PER_SEC, us = at_us % US_PER_SEC;
    struct tm tm;

    if (us < 0) {
        us += US_PER_SEC;
        sec--;
    }
    time_t t = sec;
    ASSERT(gmtime_r(&t, &tm) != NULL && tm.tm_year >= -1900 && tm.tm_year <= 8099);
    const struct {
        size_t n;
        long v;
        char end;
    } parts[] = {{4, tm.tm_year + 1900, '-'}, {2, tm.tm_mon + 1, '-'}, {2, tm.tm_mday, 'T'}, {2, tm.tm_hour, ':'},
                 {2, tm.tm_min, ':'},         {2, tm.tm_sec, '.'},     {6, us, 'Z'}};
    char *p = ret_text;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        p = clock_put_digits(p, parts[i].n, parts[i].v);
        *p++ = parts[i].end;
    }
    *p = '\0';
}

/* Takes exactly n digits from the front of s. */
static bool clock_digits(struct str *s, size_t n, int *ret)
{
    int64_t v;

    if (s->n < n || !str_to_i64(str_head(*s, n), &v))
        return false;
    *s = str_skip(*s, n);
    *ret = (int)v;
    return true;
}

static bool clock_letter(struct str *s, const char *any_of)
{
    if (s->n == 0 || strchr(any_of, s->p[0]) == NULL || s->p[0] == '\0')
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool clock_fraction(struct str *s, int64_t *ret_us)
{
    int64_t us = 0, unit = 100000;

    if (!clock_letter(s, "."))
        return true;
    if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9')
        return false;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_skip(*s, 1), unit /= 10)
        us += (s->p[0] - '0') * unit;
    *ret_us = us;
    return true;
}

static bool clock_offset(struct str *s, int *ret_min)
{
    int h, m;

    if (clock_letter(s, "Zz")) {
        *ret_min = 0;
        return true;
    }
    int sign = s->n > 0 && s->p[0] == '-' ? -1 : 1;
    if (!clock_letter(s, "+-") || !clock_digits(s, 2, &h) || !clock_letter(s, ":") || !clock_digits(s, 2, &m) ||
        h > 23 || m > 59)
        return false;
    *ret_min = sign * (h * 60 + m);
    return true;
}

bool time_parse(struct str s, int64_t *ret_at_us)
{
    struct tm tm = {0}, back;
    int64_t us = 0;
    int off_min;

    if (!clock_digits(&s, 4, &tm.tm_year) || !clock_letter(&s, "-") || !clock_digits(&s, 2, &tm.tm_mon) ||
        !clock_letter(&s, "-") || !clock_digits(&s, 2, &tm.tm_mday) || !clock_letter(&s, "Tt ") ||
        !clock_digits(&s, 2, &tm.tm_hour) || !clock_letter(&s, ":") || !clock_digits(&s, 2, &tm.tm_min) ||
        !clock_letter(&s, ":") || !clock_digits(&s, 2, &tm.tm_sec) || !clock_fraction(&s, &us) ||
        !clock_offset(&s, &off_min) || s.n != 0)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int day = tm.tm_mday, month = tm.tm_mon;
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    time_t t = timegm(&tm);
    if (gmtime_r(&t, &back) == NULL || back.tm_mday != day || back.tm_mon != month) /* 30 February */
        return false;
    *ret_at_us = ((int64_t)t - off_min * 60) * US_PER_SEC + us;
    return true;
}
