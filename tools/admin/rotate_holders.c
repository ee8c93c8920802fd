/* Who holds a credential that is rotated: their files, and their restart. */
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "child.h"
#include "rotate.h"

#define HOLDERS_MAX 64 /* there are some 15 services */

static bool rotation_names(const struct rotation *r, const struct service *s)
{
    return r->state.of.n == 0 || str_eq(service_database(r->arena, s), r->state.of) ||
           str_eq(service_label(r->arena, s), r->state.of);
}

const struct service *rotation_next(const struct rotation *r, const struct service *s)
{
    for (s = s == NULL ? services : s + 1; s->name != NULL; s++)
        if (credentials_has(s, r->what) && rotation_names(r, s))
            return s;
    return NULL;
}

const char *rotation_path(const struct rotation *r, const struct service *s, const char *ending)
{
    return arena_printf(r->arena, "%s%s", credentials_path(r->arena, r->dir, s, r->what), ending).p;
}

static const char *rotation_unit(const struct rotation *r, const struct service *s)
{
    return arena_printf(r->arena, "marketingcli-%s%s.service", s->kind == SERVICE_WORKER ? "worker@" : "", s->name).p;
}

/* One that does not run reads the file when it is started. */
int rotation_restart(struct rotation *r)
{
    const char *argv[HOLDERS_MAX + 3];
    struct child child = {.pid = 0};
    struct fault fault;
    size_t n = 0;

    argv[n++] = r->given->restart != NULL ? r->given->restart : "systemctl";
    if (r->given->restart == NULL)
        argv[n++] = "try-restart";
    for (const struct service *s = rotation_next(r, NULL); s != NULL; s = rotation_next(r, s)) {
        ASSERT(n < ARRAY_LEN(argv) - 1);
        argv[n++] = r->given->restart != NULL ? service_label(r->arena, s).p : rotation_unit(r, s);
    }
    argv[n] = NULL;
    if (fault_before(&fault, "restart the holders"))
        return complain("they are not restarted");
    if (!child_start(&child, argv, &(struct child_ways){.takes = false}) || !child_end(&child))
        return EXIT_FAILED;
    return fault_after(&fault) ? complain("nobody knows whether they were restarted") : EXIT_DONE;
}

static bool rotation_same(struct str a, struct str b)
{
    struct str line;

    if (lines_count(a) != lines_count(b))
        return false;
    while (str_next(&a, '\n', &line)) {
        line.n -= str_ends(line, STR("\r"));
        if (str_trim(line).n > 0 && !lines_have(b, line))
            return false;
    }
    return true;
}

int rotation_read(struct rotation *r, struct str *ret_text)
{
    const struct service *first = rotation_next(r, NULL);
    struct str text, of_first;

    if (!file_read(r->arena, rotation_path(r, first, ""), &of_first))
        return EXIT_FAILED;
    for (const struct service *s = rotation_next(r, first); s != NULL; s = rotation_next(r, s)) {
        if (!file_read(r->arena, rotation_path(r, s, ""), &text))
            return EXIT_FAILED;
        if (!rotation_same(text, of_first))
            return complain("%s and %s differ, and should be the same: correct the wrong one first",
                            rotation_path(r, first, ""), rotation_path(r, s, ""));
    }
    *ret_text = of_first;
    return EXIT_DONE;
}

int rotation_read_most(struct rotation *r, struct str *ret_text)
{
    struct str text, most = {0};

    for (const struct service *s = rotation_next(r, NULL); s != NULL; s = rotation_next(r, s)) {
        if (!file_read(r->arena, rotation_path(r, s, ""), &text))
            return EXIT_FAILED;
        if (most.p == NULL || lines_count(text) > lines_count(most))
            most = text;
    }
    *ret_text = most;
    return EXIT_DONE;
}

int rotation_edit_all(struct rotation *r, rotation_edit *edit)
{
    int code = EXIT_DONE;

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s)) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(ROTATION_FILE_BYTES);
        struct str text;
        if (!file_read(r->arena, rotation_path(r, s, ""), &text))
            return EXIT_FAILED;
        edit(text, r->state.line, &b);
        if (b.overflow)
            return complain("%s would be too large", rotation_path(r, s, ""));
        code = credentials_write(r->arena, rotation_path(r, s, ""), buf_str(&b));
    }
    return code;
}

static void rotation_only(struct str text, struct str line, struct buf *b)
{
    (void)text;
    lines_first(STR(""), line, b);
}

int rotation_put_first(struct rotation *r)
{
    return rotation_edit_all(r, lines_first);
}

int rotation_put_last(struct rotation *r)
{
    return rotation_edit_all(r, lines_last);
}

int rotation_keep_new(struct rotation *r)
{
    return rotation_edit_all(r, rotation_only);
}

int rotation_keep_old(struct rotation *r)
{
    return rotation_edit_all(r, lines_without);
}
