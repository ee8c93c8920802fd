#include "crypto/rotation.h"

#include <inttypes.h>

#define RING_ID_MAX 255 /* one byte of what is sealed */

/* The next line that is not empty. Blanks around it may be a part of it. */
static bool rotation_next_line(struct str *text, struct str *ret_line)
{
    while (str_next(text, '\n', ret_line)) {
        ret_line->n -= str_ends(*ret_line, STR("\r"));
        if (str_trim(*ret_line).n > 0)
            return true;
    }
    return false;
}

static void rotation_put_line(struct buf *b, struct str line)
{
    buf_putstr(b, line);
    buf_putc(b, '\n');
}

void lines_without(struct str text, struct str line, struct buf *b)
{
    struct str each;

    while (rotation_next_line(&text, &each))
        if (!str_eq(each, line))
            rotation_put_line(b, each);
}

void lines_first(struct str text, struct str line, struct buf *b)
{
    rotation_put_line(b, line);
    lines_without(text, line, b);
}

void lines_last(struct str text, struct str line, struct buf *b)
{
    lines_without(text, line, b);
    rotation_put_line(b, line);
}

bool lines_have(struct str text, struct str line)
{
    struct str each;

    while (rotation_next_line(&text, &each))
        if (str_eq(each, line))
            return true;
    return false;
}

size_t lines_count(struct str text)
{
    struct str each;
    size_t n = 0;

    while (rotation_next_line(&text, &each))
        n++;
    return n;
}

bool rotation_line_is_fine(struct str line)
{
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
            return false;
    return line.n > 0 && line.n <= ROTATION_LINE_MAX_BYTES && str_trim(line).n == line.n;
}

static bool rotation_read_id(struct str line, int64_t *ret_id)
{
    struct str id;

    line = str_trim(line);
    return str_cut(&line, ' ', &id) && str_to_i64(id, ret_id) && *ret_id >= 1 && *ret_id <= RING_ID_MAX;
}

int rotation_next_id(struct str ring)
{
    bool used[RING_ID_MAX + 1] = {false};
    int64_t id, current = 0;
    struct str line;

    while (rotation_next_line(&ring, &line))
        if (rotation_read_id(line, &id)) {
            used[id] = true;
            current = current == 0 ? id : current;
        }
    for (int i = 1; current != 0 && i <= RING_ID_MAX; i++) {
        int next = (int)((current - 1 + i) % RING_ID_MAX) + 1;
        if (!used[next])
            return next;
    }
    return 0;
}

void rotation_state_put(const struct rotation_state *s, struct buf *b)
{
    buf_printf(b, "begun_us %" PRId64 "\ncourse %" PRId64 "\nstep %" PRId64 "\n", s->begun_us, s->course, s->step);
    if (s->of.n > 0)
        buf_printf(b, "of %.*s\n", STR_FMT(s->of));
    if (s->line.n > 0)
        buf_printf(b, "line %.*s\n", STR_FMT(s->line));
}

bool rotation_state_parse(struct str text, struct rotation_state *ret)
{
    struct rotation_state s = {.begun_us = -1, .course = -1, .step = -1};
    const struct {
        struct str name;
        int64_t *number;
        struct str *word;
    } fields[] = {{STR("begun_us"), &s.begun_us, NULL},
                  {STR("course"), &s.course, NULL},
                  {STR("step"), &s.step, NULL},
                  {STR("of"), NULL, &s.of},
                  {STR("line"), NULL, &s.line}};
    struct str line, name;

    while (rotation_next_line(&text, &line)) {
        size_t i = 0;
        if (!str_cut(&line, ' ', &name))
            return false;
        while (i < ARRAY_LEN(fields) && !str_eq(fields[i].name, name))
            i++;
        if (i == ARRAY_LEN(fields) || (fields[i].number != NULL && !str_to_i64(line, fields[i].number)))
            return false;
        if (fields[i].word != NULL)
            *fields[i].word = line;
    }
    if (s.begun_us < 0 || s.course < 0 || s.step < 0)
        return false;
    *ret = s;
    return true;
}
