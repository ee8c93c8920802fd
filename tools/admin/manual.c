/*
 * marketingcli-admin manual: marketingcli-admin(8) and marketingcli.conf(5) in the language of mdoc(7), from the table
 * of verbs and that of configuration keys. Only what no table knows is written out here.
 */
#include <stdio.h>
#include <string.h>

#include "admin.h"

#define PAGE_MAX_BYTES (256u << 10)
#define LINE_COLUMNS 76
#define PAGE_DATE "November 26, 2026" /* when the words in this file were last changed */

/* Text of a table: a line for each sentence and none longer than 80 bytes, as mdoc wants it; no line is taken for a macro. */
static void manual_put_text(struct buf *b, const char *text)
{
    struct str rest = str_from(text), word;
    size_t column = 0;

    while (str_next(&rest, ' ', &word)) {
        if (column > 0 && column + 1 + word.n > LINE_COLUMNS) {
            buf_putc(b, '\n');
            column = 0;
        }
        buf_puts(b, column > 0 ? " " : str_starts(word, STR(".")) || str_starts(word, STR("'")) ? "\\&" : "");
        for (size_t i = 0; i < word.n; i++)
            buf_puts(b, word.p[i] == '\\' ? "\\e" : (char[]){word.p[i], '\0'});
        column += 1 + word.n;
        if (str_ends(word, STR("."))) {
            buf_putc(b, '\n');
            column = 0;
        }
    }
    if (column > 0)
        buf_putc(b, '\n');
}

/* A word as the argument of a macro: a name of two letters is not to be taken for another macro. */
static void manual_put_word(struct buf *b, const char *word)
{
    buf_puts(b, "\\&");
    for (const char *p = word; *p != '\0'; p++)
        buf_puts(b, *p == '-' ? "\\-" : (char[]){*p, '\0'});
}

/* title is name in capitals. */
static void manual_put_head(struct buf *b, const char *name, const char *title, const char *section, const char *about)
{
    buf_printf(b,
               ".\\\" Printed by `marketingcli-admin manual --section %s` from the program's tables.\n"
               ".Dd " PAGE_DATE "\n.Dt %s %s\n.Os MarketingCLI\n.Sh NAME\n.Nm %s\n.Nd %s\n",
               section, title, section, name, about);
}

static void manual_put_option_words(struct buf *b, const struct option *o)
{
    manual_put_word(b, o->name);
    if (o->value != NULL)
        buf_printf(b, " Ar %s", o->value);
    buf_putc(b, '\n');
}

static void manual_put_option(struct buf *b, const struct option *o)
{
    buf_puts(b, ".It Cm ");
    manual_put_option_words(b, o);
    manual_put_text(b, o->help);
    if (o->def != NULL) {
        buf_puts(b, "The default is\n.Ql ");
        manual_put_word(b, o->def);
        buf_puts(b, " .\n");
    }
}

static void manual_put_verb(struct buf *b, const struct verb *v)
{
    buf_printf(b, ".Ss %s%s%s\n", v->name, v->argument != NULL ? " " : "", v->argument != NULL ? v->argument : "");
    manual_put_text(b, v->help);
    if (v->more != NULL) {
        buf_puts(b, ".Pp\n");
        manual_put_text(b, v->more);
    }
    if (v->options[0] == NULL)
        return;
    buf_puts(b, ".Bl -tag -width Ds\n");
    for (const struct option *const *o = v->options; *o != NULL; o++)
        manual_put_option(b, *o);
    buf_puts(b, ".El\n");
}

static void manual_put_synopsis(struct buf *b)
{
    buf_puts(b, ".Sh SYNOPSIS\n");
    for (const struct verb *v = verb_next(NULL); v != NULL; v = verb_next(v)) {
        buf_printf(b, ".Nm\n.Cm %s\n", v->name);
        if (v->argument != NULL)
            buf_printf(b, ".Ar %s\n", v->argument);
        for (const struct option *const *o = v->options; *o != NULL; o++) {
            buf_puts(b, ".Op Cm ");
            manual_put_option_words(b, *o);
        }
    }
    buf_puts(b, ".Nm\n.Cm help\n");
}

static void manual_admin(struct buf *b)
{
    manual_put_head(b, "marketingcli-admin", "MARKETINGCLI-ADMIN", "8", "set up and look after a MarketingCLI server");
    manual_put_synopsis(b);
    buf_puts(b, ".Sh DESCRIPTION\n"
                ".Nm\n"
                "is the tool of the person who runs MarketingCLI on a server.\n"
                "A verb says what to do.\n"
                "Results go to standard output, complaints to standard error.\n"
                ".Pp\n"
                "Verbs that bring something about can be run again at any time: they leave alone\n"
                "what is already done.\n"
                "The verbs of users need the database and no program that runs, and what they\n"
                "look at or change is in the activity that the user sees.\n"
                ".Cm help\n"
                "lists the verbs.\n");
    for (const struct verb *v = verb_next(NULL); v != NULL; v = verb_next(v))
        manual_put_verb(b, v);
    buf_puts(b, ".Sh ENVIRONMENT\n"
                ".Bl -tag -width MARKETINGCLI_CONF\n"
                ".It Ev MARKETINGCLI_CONF\n"
                "The configuration file to read in place of\n"
                ".Pa " CONF_DEFAULT_PATH " .\n"
                ".El\n"
                ".Sh FILES\n"
                ".Bl -tag -width Ds\n"
                ".It Pa " CONF_DEFAULT_PATH "\n"
                "The configuration, see\n"
                ".Xr marketingcli.conf 5 .\n"
                "The verbs that use the database read it.\n"
                ".It Pa " CREDENTIALS_DIR "\n"
                "The secrets, a folder for each service.\n"
                ".It Pa " SQL_DIR "\n"
                "The schema files and\n"
                ".Pa grants.sql .\n"
                ".El\n");
    buf_printf(b,
               ".Sh EXIT STATUS\n"
               ".Bl -tag -width Ds\n"
               ".It %d\nDone.\n"
               ".It %d\nFailed.\nA line on standard error says why.\n"
               ".It %d\nThe command line is wrong: nothing was done.\n"
               ".El\n",
               EXIT_DONE, EXIT_FAILED, EXIT_USAGE);
    buf_puts(b, ".Sh EXAMPLES\n"
                "On a new server, once MariaDB runs and the configuration has its\n"
                ".Cm url :\n"
                ".Bd -literal -offset indent\n"
                "marketingcli\\-admin credentials\n"
                "marketingcli\\-admin migrate \\-\\-credentials " CREDENTIALS_DIR "\n"
                "systemctl enable \\-\\-now marketingcli.target\n"
                "marketingcli\\-admin user create ada@example.com\n"
                ".Ed\n"
                ".Pp\n"
                "After a new release has been installed:\n"
                ".Bd -literal -offset indent\n"
                "marketingcli\\-admin credentials\n"
                "marketingcli\\-admin migrate \\-\\-credentials " CREDENTIALS_DIR "\n"
                "systemctl daemon\\-reload\n"
                "systemctl start marketingcli.target\n"
                "systemctl restart \\(aqmarketingcli\\-*.service\\(aq\n"
                "systemctl reload nginx\n"
                ".Ed\n"
                ".Pp\n"
                "Every address of the API, and who may call it:\n"
                ".Dl marketingcli\\-admin routes\n"
                ".Sh SEE ALSO\n"
                ".Xr systemctl 1 ,\n"
                ".Xr marketingcli.conf 5 ,\n"
                ".Xr mariadbd 8 ,\n"
                ".Xr nginx 8\n");
}

static void manual_put_key(struct buf *b, const struct conf_row *r)
{
    _cleanup_(buf_done) struct buf accepted = BUF_MAX(1024);

    buf_puts(b, ".It Cm ");
    manual_put_word(b, r->key);
    buf_putc(b, '\n');
    manual_put_text(b, r->help);
    buf_puts(&accepted, "Must be ");
    conf_put_accepted(&accepted, r);
    buf_putc(&accepted, '.');
    manual_put_text(b, accepted.p);
    if (r->def == NULL) {
        buf_puts(b, "This key must be given.\n");
    } else if (r->def[0] == '\0') {
        buf_puts(b, "Empty by default.\n");
    } else {
        buf_puts(b, "The default is\n.Ql ");
        manual_put_word(b, r->def);
        buf_puts(b, " .\n");
    }
}

static void manual_put_keys(struct buf *b)
{
    const char *section = "";

    for (const struct conf_row *r = conf_rows; r->section != NULL; r++) {
        if (strcmp(section, r->section) != 0)
            buf_printf(b, "%s.Ss [%s]\\&\n.Bl -tag -width Ds\n", section[0] == '\0' ? "" : ".El\n", r->section);
        section = r->section;
        manual_put_key(b, r);
    }
    buf_puts(b, ".El\n");
}

static void manual_conf(struct buf *b)
{
    manual_put_head(b, "marketingcli.conf", "MARKETINGCLI.CONF", "5", "the configuration of a MarketingCLI server");
    buf_puts(b, ".Sh SYNOPSIS\n"
                ".Pa " CONF_DEFAULT_PATH "\n"
                ".Sh DESCRIPTION\n"
                "All programs of MarketingCLI read this file when they start.\n"
                "Restart them after a change.\n"
                "A section begins with its name in brackets, and a line\n"
                ".Ql key = value\n"
                "sets a key of the section above it.\n"
                "A line that begins with\n"
                ".Ql #\n"
                "or\n"
                ".Ql \\&;\n"
                "is a comment.\n"
                "A line has at most 197 bytes.\n"
                ".Pp\n"
                "A program refuses to start if the file has a section or key that is not\n"
                "listed here, the same key twice, or a value that its key does not accept.\n"
                "The log says which key is at fault.\n"
                ".Pp\n"
                "Secrets do not belong here: they are files below\n"
                ".Pa " CREDENTIALS_DIR " ,\n"
                "see\n"
                ".Cm credentials\n"
                "in\n"
                ".Xr marketingcli\\-admin 8 .\n");
    manual_put_keys(b);
    buf_puts(b, ".Sh FILES\n"
                ".Bl -tag -width Ds\n"
                ".It Pa " CONF_DEFAULT_PATH "\n"
                "The file itself.\n"
                ".It Pa " CONF_DEFAULT_PATH ".sample\n"
                "Every key with its default, as a start.\n"
                ".El\n"
                ".Sh EXAMPLES\n"
                "All that a server needs:\n"
                ".Bd -literal -offset indent\n"
                "[service]\n"
                "url = https://post.example.com\n"
                "\n"
                "[tiktok]\n"
                "client_key = aw1example2key3\n"
                ".Ed\n"
                ".Sh SEE ALSO\n"
                ".Xr marketingcli\\-admin 8\n");
}

static const struct manual_page {
    const char *section;
    void (*put)(struct buf *b);
} manual_pages[] = {{"8", manual_admin}, {"5", manual_conf}};

int verb_manual(const struct given *given)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX_BYTES);

    for (size_t i = 0; i < ARRAY_LEN(manual_pages); i++)
        if (strcmp(given->section, manual_pages[i].section) == 0)
            manual_pages[i].put(&b);
    if (b.n == 0) {
        complain("there is no manual page of section %s: say 8 or 5", given->section);
        return EXIT_USAGE;
    }
    ASSERT(!b.overflow);
    return fwrite(b.p, 1, b.n, stdout) == b.n ? EXIT_DONE : EXIT_FAILED;
}
