#include "mail/template.h"

#include "base/buf.h"
#include "base/text.h"

#define LETTER_MAX_BYTES (64u << 10)
#define BUTTON_STYLE \
    "display:inline-block;padding:12px 20px;border-radius:6px;background:#1f5eff;color:#ffffff;text-decoration:none"

/* What the files of templates/ hold, as the build has put it there. */
static const struct {
    const char *name, *text;
} template_files[] = {
#include "mail_texts.inc"
};

static const struct template_value {
    const char *name;
    size_t offset;
} template_fields[];

const char *template_page(enum token_purpose purpose)
{
    static const char *const template_pages[] = {
        [TOKEN_VERIFY_EMAIL] = "verify-email", [TOKEN_RESET_PASSWORD] = "reset-password",
        [TOKEN_CHANGE_EMAIL] = "change-email", [TOKEN_UNDO_EMAIL] = "undo-email",
        [TOKEN_UNSUBSCRIBE] = "unsubscribe",   [TOKEN_UNDO_PASSWORD] = "reset-password",
    };

    ASSERT(purpose < ARRAY_LEN(template_pages));
    return template_pages[purpose];
}

static struct str template_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(template_files); i++)
        if (strcmp(template_files[i].name, name) == 0)
            return str_from(template_files[i].text);
    ASSERT(!"a template without a file");
    return (struct str){0};
}

struct str template_text(enum mail_template template)
{
    return template_find(mail_kinds[template].name);
}

/* Of the file layout.html and of our own code: false for any other name. */
static bool template_value_of(const struct template_values *values, struct str name, struct str *ret_value)
{
    for (const struct template_value *f = template_fields; f->name != NULL; f++)
        if (str_eqc(name, f->name)) {
            *ret_value = *(const struct str *)(const void *)((const char *)values + f->offset);
            return true;
        }
    return false;
}

static void template_put(struct buf *b, struct str s, bool html)
{
    bool is_text = text_is_utf8(s);

    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c >= 0x80 && !is_text)
            buf_putc(b, '?');
        else if (c < ' ' || c == 0x7f)
            buf_putc(b, ' ');
        else if (html && strchr("&<>\"'", c) != NULL)
            buf_printf(b, "&#%d;", c);
        else
            buf_putc(b, (char)c);
    }
}

/* Fills in the values, and keeps line ends. False: one of them is absent. */
static bool template_fill(struct buf *b, struct str text, const struct template_values *values, bool html)
{
    struct str before, name, value;

    while (str_cut(&text, '{', &before)) {
        bool known = str_cut(&text, '}', &name) && template_value_of(values, name, &value);
        ASSERT(known);
        buf_putstr(b, before);
        if (value.p == NULL)
            return false;
        template_put(b, value, html);
    }
    buf_putstr(b, text);
    return true;
}

static bool template_is_button(struct str paragraph)
{
    return str_starts(paragraph, STR("[")) && str_ends(paragraph, STR("]"));
}

static void template_put_button(struct buf *text, struct buf *html, struct str words, struct str link)
{
    ASSERT(link.p != NULL);
    buf_printf(text, "%.*s:\n%.*s\n\n", STR_FMT(words), STR_FMT(link));
    buf_puts(html, "<p><a style=\"" BUTTON_STYLE "\" href=\"");
    template_put(html, link, true);
    buf_puts(html, "\">");
    template_put(html, words, true);
    buf_puts(html, "</a></p>\n<p>If the button does nothing, open this address:<br>\n");
    template_put(html, link, true);
    buf_puts(html, "</p>\n");
}

static void template_put_paragraph(struct buf *text, struct buf *html, struct str paragraph,
                                   const struct template_values *values)
{
    _cleanup_(buf_done) struct buf plain = BUF_MAX(LETTER_MAX_BYTES), marked = BUF_MAX(LETTER_MAX_BYTES);

    if (template_is_button(paragraph)) {
        template_put_button(text, html, str_head(str_skip(paragraph, 1), paragraph.n - 2), values->link);
        return;
    }
    if (!template_fill(&plain, paragraph, values, false) || !template_fill(&marked, paragraph, values, true))
        return;
    ASSERT(!plain.overflow && !marked.overflow);
    buf_printf(text, "%.*s\n\n", STR_FMT(buf_str(&plain)));
    buf_printf(html, "<p>%.*s</p>\n", STR_FMT(buf_str(&marked)));
}

/* The text up to the next blank line. */
static bool template_next_paragraph(struct str *rest, struct str *ret_paragraph)
{
    while (rest->n > 0 && *rest->p == '\n')
        *rest = str_skip(*rest, 1);
    const char *end = rest->n == 0 ? NULL : memmem(rest->p, rest->n, "\n\n", 2);
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    *ret_paragraph = str_head(*rest, n);
    *rest = str_skip(*rest, n);
    if (str_ends(*ret_paragraph, STR("\n")))
        ret_paragraph->n--;
    return ret_paragraph->n > 0;
}

/* {body} and {title} are HTML that is made; what else the layout names is a value. */
static void template_lay_out(struct buf *b, struct str subject, struct str body, const struct template_values *values)
{
    struct str layout = template_find("layout"), before, name, value;

    while (str_cut(&layout, '{', &before)) {
        buf_putstr(b, before);
        bool known = str_cut(&layout, '}', &name);
        ASSERT(known);
        if (str_eqc(name, "body")) {
            buf_putstr(b, body);
            continue;
        }
        if (str_eqc(name, "title"))
            value = subject;
        else
            ASSERT(template_value_of(values, name, &value));
        template_put(b, value, true);
    }
    buf_putstr(b, layout);
}

void template_write(struct arena *arena, enum mail_template template, const struct template_values *values,
                    struct letter *ret_letter)
{
    _cleanup_(buf_done) struct buf subject = BUF_MAX(LETTER_MAX_BYTES), text = BUF_MAX(LETTER_MAX_BYTES),
                                   body = BUF_MAX(LETTER_MAX_BYTES), html = BUF_MAX(2 * LETTER_MAX_BYTES);
    struct str rest = template_text(template), line, paragraph;

    ASSERT(str_cut(&rest, '\n', &line) && str_starts(line, STR("Subject: ")));
    ASSERT(template_fill(&subject, str_skip(line, strlen("Subject: ")), values, false));
    while (template_next_paragraph(&rest, &paragraph))
        template_put_paragraph(&text, &body, paragraph, values);
    buf_puts(&text, "-- \n");
    template_put(&text, values->service, false);
    buf_puts(&text, "\n");
    template_put(&text, values->url, false);
    buf_puts(&text, "\n");
    template_lay_out(&html, buf_str(&subject), buf_str(&body), values);
    ASSERT(!subject.overflow && !text.overflow && !body.overflow && !html.overflow);
    *ret_letter = (struct letter){.subject = arena_str(arena, buf_str(&subject)),
                                  .text = arena_str(arena, buf_str(&text)),
                                  .html = arena_str(arena, buf_str(&html))};
}

#define TEMPLATE_VALUE(field) \
    { \
#field, offsetof(struct template_values, field) \
    }
static const struct template_value template_fields[] = {
    TEMPLATE_VALUE(service),  TEMPLATE_VALUE(url),   TEMPLATE_VALUE(hello),
    TEMPLATE_VALUE(key_name), TEMPLATE_VALUE(about), TEMPLATE_VALUE(why),
    TEMPLATE_VALUE(at),       TEMPLATE_VALUE(count), {NULL, 0},
};
