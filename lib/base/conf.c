#include "base/conf.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"

#define LINE_MAX_BYTES 197 /* libinih's buffer has 200: with a line end of two and the NUL */
#define HELP_COLUMNS 100   /* of the sample file */

#define CONF_REQUIRED NULL
#define BYTES(least, most) .min = (least), .max = (most)
#define RANGE(least, most) .min = (least), .max = (most)

const char *const registration_mode_names[] = {"open", "invitation", "closed", NULL};
const char *const store_kind_names[] = {"directory", "s3", NULL};
const char *const smtp_tls_names[] = {"none", "starttls", "tls", NULL};

const struct conf_row conf_rows[] = {
#define CONF_ROW(section_, key_, type_, def_, help_, ...) \
    {.section = #section_, \
     .key = #key_, \
     .def = (def_), \
     .help = (help_), \
     .type = CONF_TYPE_##type_, \
     .offset = offsetof(struct conf, section_##_##key_), \
     __VA_ARGS__},
#define CONF_STR(section, key, def, size, help) CONF_ROW(section, key, STR, def, help, size)
#define CONF_URL(section, key, def, help) CONF_ROW(section, key, URL, def, help, BYTES(12, 180))
#define CONF_URL_OR_NONE(section, key, help) CONF_ROW(section, key, URL, "", help, BYTES(0, 180))
#define CONF_INT(section, key, def, range, unit_, help) CONF_ROW(section, key, INT, #def, help, range, .unit = (unit_))
#define CONF_BOOL(section, key, def, help) CONF_ROW(section, key, BOOL, #def, help, .unit = NULL)
#define CONF_ENUM(section, key, def, names_, help) CONF_ROW(section, key, ENUM, #def, help, .names = (names_))
#include "base/conf.def"
    {.section = NULL},
};
#define ROWS (ARRAY_LEN(conf_rows) - 1)

struct conf_reading {
    struct conf *conf;
    struct buf *why;
    bool seen[ROWS];
};

static void *conf_field(struct conf *conf, const struct conf_row *r)
{
    return (char *)conf + r->offset;
}

static char *conf_copy(struct str s)
{
    char *p = xcalloc(s.n + 1, 1);

    memcpy(p, s.p, s.n);
    return p;
}

static bool conf_is_url(struct str s)
{
    struct str host = s;

    if (!str_starts(s, STR("https://")))
        return false;
    host = str_skip(s, strlen("https://"));
    if (host.n == 0)
        return false;
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] <= ' ' || strchr("/?#@\"\\", host.p[i]) != NULL)
            return false;
    return true;
}

/* "error, warning, info or debug" */
static void conf_put_names(struct buf *b, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++)
        buf_printf(b, "%s%s", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ", names[i]);
}

void conf_put_accepted(struct buf *b, const struct conf_row *row)
{
    switch (row->type) {
    case CONF_TYPE_STR:
        if (row->min == 0)
            buf_printf(b, "text of at most %lld bytes", (long long)row->max);
        else
            buf_printf(b, "text of %lld to %lld bytes", (long long)row->min, (long long)row->max);
        return;
    case CONF_TYPE_URL:
        buf_printf(b, "%shttps://HOST or https://HOST:PORT with nothing after it (at most %lld bytes)",
                   row->min == 0 ? "empty, or " : "", (long long)row->max);
        return;
    case CONF_TYPE_INT:
        buf_printf(b, "a number from %lld to %lld (%s)", (long long)row->min, (long long)row->max, row->unit);
        return;
    case CONF_TYPE_BOOL:
        buf_puts(b, "yes or no");
        return;
    case CONF_TYPE_ENUM:
        conf_put_names(b, row->names);
        return;
    }
}

static bool conf_fits(const struct conf_row *r, struct str s)
{
    return (int64_t)s.n >= r->min && (int64_t)s.n <= r->max;
}

/* A name, or its number from 0: log_level was a number once, and installed files still say "2". */
static bool conf_enum_read(const struct conf_row *r, struct str s, int *ret_value)
{
    int64_t number;
    bool is_number = str_to_i64(s, &number);

    for (int i = 0; r->names[i] != NULL; i++)
        if (is_number ? number == i : str_eqc(s, r->names[i])) {
            *ret_value = i;
            return true;
        }
    return false;
}

/* Stores text in the row's field; false when the row does not take it. */
static bool conf_store(struct conf *conf, const struct conf_row *r, struct str s)
{
    void *field = conf_field(conf, r);
    int64_t number;

    switch (r->type) {
    case CONF_TYPE_STR:
    case CONF_TYPE_URL:
        if (!conf_fits(r, s) || (r->type == CONF_TYPE_URL && s.n > 0 && !conf_is_url(s)))
            return false;
        *(struct str *)field = str_of(conf_copy(s), s.n);
        return true;
    case CONF_TYPE_INT:
        if (!str_to_i64(s, &number) || number < r->min || number > r->max)
            return false;
        *(int64_t *)field = number;
        return true;
    case CONF_TYPE_BOOL:
        *(bool *)field = str_eqc(s, "yes");
        return str_eqc(s, "yes") || str_eqc(s, "no");
    case CONF_TYPE_ENUM:
        return conf_enum_read(r, s, field);
    }
    return false;
}

/* Stores text in the row's field; false with a sentence in why. */
static bool conf_set(struct conf *conf, const struct conf_row *r, const char *text, struct buf *why)
{
    if (conf_store(conf, r, str_from(text)))
        return true;
    buf_printf(why, "%s.%s must be ", r->section, r->key);
    conf_put_accepted(why, r);
    return false;
}

/* For libinih: 1 goes on, 0 is an error. Only the first error is kept. */
static int conf_on_key(void *user, const char *section, const char *key, const char *value)
{
    struct conf_reading *rd = user;

    if (rd->why->n > 0)
        return 0;
    for (size_t i = 0; i < ROWS; i++) {
        const struct conf_row *r = &conf_rows[i];
        if (strcmp(r->section, section) != 0 || strcmp(r->key, key) != 0)
            continue;
        if (rd->seen[i]) {
            buf_printf(rd->why, "%s.%s is given twice", section, key);
            return 0;
        }
        rd->seen[i] = true;
        return conf_set(rd->conf, r, value, rd->why);
    }
    buf_printf(rd->why, "there is no %s.%s", section, key);
    return 0;
}

/* libinih would take the rest of a long line for the next line. False with a sentence in why. */
static bool conf_lines_fit(FILE *f, struct buf *why)
{
    char *line = NULL;
    size_t size = 0;

    for (int number = 1; getline(&line, &size, f) > 0 && why->n == 0; number++)
        if (strcspn(line, "\r\n") > LINE_MAX_BYTES)
            buf_printf(why, "line %d, %.*s, has more than %d bytes", number, (int)MIN(strcspn(line, " \t=\r\n"), 40u),
                       line, LINE_MAX_BYTES);
    free(line);
    rewind(f);
    return why->n == 0;
}

static void conf_read_file(struct conf_reading *rd, const char *path)
{
    FILE *f = fopen(path, "re");

    if (f == NULL) {
        buf_puts(rd->why, "the file cannot be read");
        return;
    }
    int line = conf_lines_fit(f, rd->why) ? ini_parse_file(f, conf_on_key, rd) : 0;
    if (line < 0 && rd->why->n == 0)
        buf_puts(rd->why, "the file cannot be read");
    if (line > 0 && rd->why->n == 0)
        buf_printf(rd->why, "line %d is not a [section], a key = value or a comment", line);
    (void)fclose(f);
}

const char *conf_path(void)
{
    const char *path = getenv("MARKETINGCLI_CONF");

    return path != NULL ? path : CONF_DEFAULT_PATH;
}

enum err conf_load(struct conf *conf, const char *path, struct buf *ret_why)
{
    struct conf_reading rd = {.conf = conf, .why = ret_why};

    *conf = (struct conf){0};
    conf_read_file(&rd, path);
    for (size_t i = 0; i < ROWS && ret_why->n == 0; i++) {
        if (rd.seen[i])
            continue;
        if (conf_rows[i].def == NULL)
            buf_printf(ret_why, "%s.%s is missing. %s", conf_rows[i].section, conf_rows[i].key, conf_rows[i].help);
        else
            (void)conf_set(conf, &conf_rows[i], conf_rows[i].def, ret_why);
    }
    if (ret_why->n == 0)
        return OK;
    buf_printf(ret_why, " [%s]", path);
    conf_done(conf);
    return ERR_VALIDATION;
}

void conf_done(struct conf *conf)
{
    for (size_t i = 0; i < ROWS; i++)
        if (conf_rows[i].type == CONF_TYPE_STR || conf_rows[i].type == CONF_TYPE_URL)
            free((char *)((struct str *)conf_field(conf, &conf_rows[i]))->p);
    free((void *)conf->plans);
    *conf = (struct conf){0};
}

/* Text as comment lines, broken between words. */
static void conf_put_comment(struct buf *b, struct str text)
{
    struct str word;
    size_t column = 1;

    buf_putc(b, '#');
    while (str_next(&text, ' ', &word)) {
        if (column + 1 + word.n > HELP_COLUMNS) {
            buf_puts(b, "\n#");
            column = 1;
        }
        buf_putc(b, ' ');
        buf_putstr(b, word);
        column += 1 + word.n;
    }
    buf_putc(b, '\n');
}

void conf_document(struct buf *b)
{
    const char *section = "";

    buf_puts(b, "# MarketingCLI: every key with its default. A key without one must be given.\n");
    for (const struct conf_row *r = conf_rows; r->section != NULL; r++) {
        _cleanup_(buf_done) struct buf comment = BUF_MAX(4 << 10);
        if (strcmp(section, r->section) != 0)
            buf_printf(b, "\n[%s]\n", r->section);
        section = r->section;
        buf_puts(&comment, r->help);
        if (r->type != CONF_TYPE_STR) { /* its bounds are seldom of interest */
            buf_puts(&comment, " Must be ");
            conf_put_accepted(&comment, r);
            buf_putc(&comment, '.');
        }
        conf_put_comment(b, buf_str(&comment));
        buf_printf(b, "%s%s = %s\n", r->def == NULL ? "" : "#", r->key, r->def == NULL ? "" : r->def);
    }
}
