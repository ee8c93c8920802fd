/*
 * Log lines: one JSON object a line on stderr. Programs log, the library does not (docs/style.md#logging). A line is
 * written with one write(2), so the lines of different threads do not mix.
 *
 *    log_event(LOG_INFO, "request", LOG_STR("route", route), LOG_INT("status", status), LOG_END);
 *
 * Where stderr is the journal, a line begins with its priority, which journald takes off (sd-daemon(3)): so journalctl -p err shows what is
 * of level error. A field whose value is absent is left out. There is no way to log a struct secret.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
extern const char *const log_level_names[]; /* "error" …; NULL ends them */

struct log_field {
    const char *name; /* NULL ends the list */
    struct str s;
    int64_t i;
    bool is_int;
};

#define LOG_STR(name_, str_) ((struct log_field){.name = (name_), .s = (str_)})
#define LOG_CSTR(name_, cstr_) ((struct log_field){.name = (name_), .s = str_from(cstr_)})
#define LOG_INT(name_, int_) ((struct log_field){.name = (name_), .i = (int_), .is_int = true})
#define LOG_END ((struct log_field){0})

/* Writes the line if level is at least as important as the one given to log_init. */
#define log_event(level, event, ...) log_fields(level, event, (const struct log_field[]){__VA_ARGS__})
void log_fields(enum log_level level, const char *event, const struct log_field *fields);

/* Whether stderr is the journal, as systemd.exec(5) says of $JOURNAL_STREAM. */
bool log_is_journal(void);

/* For secret_ring.tell (base/secret_ring.h): of a credential, the secret of that line is the one that the other side takes now. */
void log_other_secret(const char *credential, size_t line);

void log_init(const char *program, enum log_level least); /* once, before threads */
