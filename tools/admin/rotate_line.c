/*
 * Secrets that somebody else knows, too: the new one is put above the old one, and its holders take both. Who has issued it is told, or
 * forgets the old one; then it goes here, too, by --finish. journal-key is our own, and is the same but for that (rotate_journal.c).
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "rotate.h"

/* From a terminal it is not shown. */
static size_t line_read_stdin(const char *name, char *ret, size_t size)
{
    struct termios before, silent;
    bool shown = tcgetattr(STDIN_FILENO, &before) != 0;
    size_t n = 0;
    ssize_t got = 1;

    if (!shown) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* Ctrl-C would leave it so; as a character it is refused */
        fprintf(stderr, "the new %s: ", name);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    while (n < size && (got = read(STDIN_FILENO, ret + n, size - n)) > 0) {
        n += (size_t)got;
        if (!shown && ret[n - 1] == '\n')
            break;
    }
    if (!shown) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return n;
}

static bool line_take(struct rotation *r, struct str *ret_text)
{
    char typed[ROTATION_LINE_MAX_BYTES + 2];

    if (r->given->file != NULL)
        return file_read(r->arena, r->given->file, ret_text);
    size_t n = line_read_stdin(r->what->name, typed, sizeof typed);
    *ret_text = str_from(NULL);
    ret_text->p = arena_strdup(r->arena, str_of(typed, n));
    ret_text->n = n;
    explicit_bzero(typed, sizeof typed);
    return true;
}

/* What those who hold it would say at their start, when it is too late, or NULL. */
static const char *line_unfit(const struct rotation *r, struct str text, struct str old)
{
    _cleanup_(secret_ring_done) struct secret_ring ring = {.n = 0};
    _cleanup_(buf_done) struct buf b = BUF_MAX(ROTATION_FILE_BYTES);
    const char *why;

    lines_first(old, text, &b);
    if (b.overflow)
        return "its file would be too large";
    if (!secret_ring_parse(buf_str(&b), SECRET_RING_WORDS, &ring, &why))
        return why;
    return r->what->unfit == NULL ? NULL : r->what->unfit(&r->desk->conf, &ring);
}

/* One line, as it was issued: a newline at its end is the terminal's or the editor's. */
static int line_check(struct rotation *r, struct str text, struct str old)
{
    if (str_ends(text, STR("\n")))
        text.n--;
    if (str_ends(text, STR("\r")))
        text.n--;
    if (text.n == 0)
        return complain("the new %s is empty; nothing was changed", r->what->name);
    if (!rotation_line_is_fine(text))
        return complain("the new %s must be one line of at most %d bytes, without blanks around it and without control "
                        "characters; nothing "
                        "was changed",
                        r->what->name, ROTATION_LINE_MAX_BYTES);
    if (lines_have(old, text))
        return complain("the new %s is the same as the old one; nothing was changed", r->what->name);
    if (lines_count(old) >= SECRET_RING_MAX)
        return complain("%s has %d lines already: take those away that are not good any more", r->what->name,
                        SECRET_RING_MAX);
    const char *unfit = line_unfit(r, text, old);
    if (unfit != NULL)
        return complain("the new %s cannot be used: %s; nothing was changed", r->what->name, unfit);
    r->state.line = text;
    return EXIT_DONE;
}

int rotation_begin_line(struct rotation *r)
{
    struct str text, old;
    int code = rotation_read(r, &old);

    if (code != EXIT_DONE)
        return code;
    if (r->what->make != NULL)
        text = r->what->make(r->arena);
    else if (!line_take(r, &text))
        return EXIT_FAILED;
    return line_check(r, text, old);
}

static const struct rotation_step line_put[] = {{"the new one stands above the old one", rotation_put_first},
                                                {"the services that hold it take both", rotation_restart},
                                                {NULL, NULL}};
const struct rotation_step rotation_finish_line[] = {{"only the new one is left", rotation_keep_new},
                                                     {"the services that hold it take it alone", rotation_restart},
                                                     {NULL, NULL}};
static const struct rotation_step line_abort[] = {
    {"the new one is gone", rotation_keep_old},
    {"the services that hold it take the old one alone", rotation_restart},
    {NULL, NULL}};

const struct rotation_way rotate_issued = {
    .begin = rotation_begin_line,
    .courses = {[ROTATE] = line_put, [FINISH] = rotation_finish_line, [ABORT] = line_abort}};
