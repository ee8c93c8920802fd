#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES (8u << 10) /* journald cuts at 48 KiB; no line of ours needs more than this */

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

static const char *log_program_name = "?";
static enum log_level log_least_level = LOG_INFO;
static bool log_says_priority;

bool log_is_journal(void)
{
    const char *journal = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];

    if (journal == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    (void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(own, journal) == 0;
}

void log_init(const char *program, enum log_level least)
{
    log_says_priority = log_is_journal();
    log_program_name = program;
    log_least_level = least;
}

static void log_put_priority(struct buf *b, enum log_level level)
{
    static const char *const priorities[] = {
        [LOG_ERROR] = "<3>", [LOG_WARNING] = "<4>", [LOG_INFO] = "<6>", [LOG_DEBUG] = "<7>"};

    if (log_says_priority)
        buf_puts(b, priorities[level]);
}

static void log_put_string(struct buf *b, struct str s)
{
    size_t from = 0;

    buf_putc(b, '"');
    if (!text_is_utf8(s))
        s = STR("(not UTF-8)");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(b, s.p + from, i - from);
        buf_printf(b, c < 0x20 ? "\\u%04x" : "\\%c", c);
        from = i + 1;
    }
    buf_put(b, s.p + from, s.n - from);
    buf_putc(b, '"');
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(LINE_MAX_BYTES);
    char time[TIME_TEXT_SIZE];

    if (level > log_least_level)
        return;
    time_format(clock_now_us(), time);
    log_put_priority(&b, level);
    buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\"", time,
               log_level_names[level], log_program_name, event);
    for (const struct log_field *f = fields; f->name != NULL; f++) {
        if (!f->is_int && f->s.p == NULL)
            continue;
        buf_puts(&b, ",\"");
        buf_puts(&b, f->name);
        buf_puts(&b, "\":");
        if (f->is_int)
            buf_printf(&b, "%lld", (long long)f->i);
        else
            log_put_string(&b, f->s);
    }
    buf_puts(&b, "}\n");
    if (b.overflow) {
        buf_clear(&b);
        log_put_priority(&b, LOG_ERROR);
        buf_printf(&b, "{\"time\":\"%s\",\"level\":\"error\",\"program\":\"%s\",\"event\":\"log_line_too_long\"}\n",
                   time, log_program_name);
    }
    if (write(STDERR_FILENO, b.p, b.n) < 0)
        return; /* nowhere left to say it */
}

void log_other_secret(const char *credential, size_t line)
{
    log_event(LOG_WARNING, "other_secret_taken", LOG_CSTR("credential", credential), LOG_INT("line", (int64_t)line),
              LOG_END);
}
