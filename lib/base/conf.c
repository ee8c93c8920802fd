#include "base/conf.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define LINE_MAX_BYTES 197 /* libinih's buffer has 200: with a line end of two and the NUL */

enum type { TYPE_STR, TYPE_URL, TYPE_INT, TYPE_BOOL };

struct conf_row {
    const char *section, *key;
    enum type type;
    const char *def;
    int64_t min, max;
    const char *unit, *help;
    size_t offset;
};

static const struct conf_row conf_rows[] = {
#define CONF(section, key, type, def, min, max, unit, help) \
    {#section, #key, TYPE_##type, def, min, max, unit, help, offsetof(struct conf, section##_##key)},
#include "base/conf.def"
#undef CONF
};

struct conf_reading {
    struct conf *conf;
    struct buf *why;
    bool seen[ARRAY_LEN(conf_rows)];
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

/* Stores text in the row's field; false with a sentence in why. */
static bool conf_set(struct conf *conf, const struct conf_row *r, const char *text, struct buf *why)
{
    struct str s = str_from(text);
    int64_t v;

    switch (r->type) {
    case TYPE_URL:
        if (!conf_is_url(s)) {
            buf_printf(why, "%s.%s must be https://HOST or https://HOST:PORT, without anything behind it", r->section,
                       r->key);
            return false;
        }
        __attribute__((fallthrough));
    case TYPE_STR:
        if ((int64_t)s.n < r->min || (int64_t)s.n > r->max) {
            buf_printf(why, "%s.%s must have %lld to %lld bytes", r->section, r->key, (long long)r->min,
                       (long long)r->max);
            return false;
        }
        *(struct str *)conf_field(conf, r) = str_of(conf_copy(s), s.n);
        return true;
    case TYPE_INT:
        if (!str_to_i64(s, &v) || v < r->min || v > r->max) {
            buf_printf(why, "%s.%s must be a number from %lld to %lld (%s)", r->section, r->key, (long long)r->min,
                       (long long)r->max, r->unit);
            return false;
        }
        *(int64_t *)conf_field(conf, r) = v;
        return true;
    case TYPE_BOOL:
        if (!str_eqc(s, "yes") && !str_eqc(s, "no")) {
            buf_printf(why, "%s.%s must be yes or no", r->section, r->key);
            return false;
        }
        *(bool *)conf_field(conf, r) = str_eqc(s, "yes");
        return true;
    }
    return false;
}

/* For libinih: 1 goes on, 0 is an error. Only the first error is kept. */
static int conf_on_key(void *user, const char *section, const char *key, const char *value)
{
    struct conf_reading *rd = user;

    if (rd->why->n > 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(conf_rows); i++) {
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
    for (size_t i = 0; i < ARRAY_LEN(conf_rows) && ret_why->n == 0; i++) {
        if (rd.seen[i])
            continue;
        if (conf_rows[i].def == NULL)
            buf_printf(ret_why, "%s.%s is missing (%s)", conf_rows[i].section, conf_rows[i].key, conf_rows[i].help);
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
    for (size_t i = 0; i < ARRAY_LEN(conf_rows); i++)
        if (conf_rows[i].type == TYPE_STR || conf_rows[i].type == TYPE_URL)
            free((char *)((struct str *)conf_field(conf, &conf_rows[i]))->p);
    *conf = (struct conf){0};
}

void conf_document(struct buf *b)
{
    const char *section = "";

    buf_puts(b, "# MarketingCLI: every key with its default. A key without one must be given.\n");
    for (size_t i = 0; i < ARRAY_LEN(conf_rows); i++) {
        const struct conf_row *r = &conf_rows[i];
        if (strcmp(section, r->section) != 0)
            buf_printf(b, "\n[%s]\n", r->section);
        section = r->section;
        buf_printf(b, "# %s", r->help);
        if (r->type == TYPE_INT)
            buf_printf(b, " (%lld to %lld%s%s)", (long long)r->min, (long long)r->max, r->unit[0] ? " " : "", r->unit);
        buf_printf(b, "\n%s%s = %s\n", r->def == NULL ? "" : "#", r->key, r->def == NULL ? "" : r->def);
    }
}
