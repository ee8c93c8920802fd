#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES (8u << 10) /* journald cuts at 48 KiB; no line of ours needs more than this */

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

static const char *log_program_name = "?";
static enum log_level log_least_level = LOG_INFO;

void log_init(const char *program, enum log_level least)
{
    log_program_name = program;
    log_least_level = least;
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
        buf_printf(&b, "{\"time\":\"%s\",\"level\":\"error\",\"program\":\"%s\",\"event\":\"log_line_too_long\"}\n",
                   time, log_program_name);
    }
    if (write(STDERR_FILENO, b.p, b.n) < 0)
        return; /* nowhere left to say it */
}
