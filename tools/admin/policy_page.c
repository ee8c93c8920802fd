#include "policy_page.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/policy.h"
#include "base/retention.h"
#include "model/privacy/held.h"

/* What the files of policy/ hold, as the build has put it there. */
static const struct {
    const char *name, *text;
} policy_texts[] = {
#include "policy_texts.inc"
};

struct policy_writing {
    struct arena *arena;
    const struct policy_page *page;
    struct buf *b;
    int64_t recipients; /* of this installation */
};

struct str policy_page_day(struct arena *arena, int64_t at_us)
{
    time_t at = (time_t)(at_us / US_PER_SEC);
    struct tm tm;
    char text[40];

    ASSERT(gmtime_r(&at, &tm) != NULL);
    size_t n = strftime(text, sizeof text, "%d %B %Y", &tm);
    return arena_str(arena, text[0] == '0' ? str_of(text + 1, n - 1) : str_of(text, n));
}

static void policy_put(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (strchr("&<>\"'", text.p[i]) != NULL && text.p[i] != '\0')
            buf_printf(b, "&#%d;", text.p[i]);
        else
            buf_putc(b, text.p[i]);
}

struct str policy_controller_value(const struct conf *conf, size_t i)
{
    return *(const struct str *)((const char *)conf + policy_controller[i].offset);
}

static struct str policy_value(const struct policy_writing *w, struct str name)
{
    const struct conf *c = w->page->conf;
    const struct {
        const char *name;
        struct str value;
    } values[] = {
        {"service", c->service_name},
        {"version", w->page->version},
        {"effective", policy_page_day(w->arena, w->page->effective_at_us)},
    };

    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (str_eqc(name, values[i].name))
            return values[i].value;
    size_t i = 0;
    while (i < policy_controller_n && !str_eqc(name, policy_controller[i].name))
        i++;
    ASSERT(i < policy_controller_n);
    return policy_controller_value(c, i);
}

static void policy_put_words(struct policy_writing *w, struct str text)
{
    struct str before, name;

    while (str_cut(&text, '{', &before)) {
        policy_put(w->b, before);
        ASSERT(str_cut(&text, '}', &name));
        policy_put(w->b, policy_value(w, name));
    }
    policy_put(w->b, text);
}

/* Cuts " [C1 D3]" off the end. */
static struct str policy_cut_promises(struct str *text)
{
    struct str all = *text;

    ASSERT(str_ends(all, STR("]")));
    size_t open = all.n;
    while (open > 0 && all.p[open - 1] != '[')
        open--;
    ASSERT(open > 1);
    *text = str_trim(str_head(all, open - 1));
    return str_of(all.p + open, all.n - open - 1);
}

static void policy_open(struct policy_writing *w, const char *element, struct str promises)
{
    buf_printf(w->b, "<%s data-promises=\"", element);
    policy_put(w->b, promises);
    buf_puts(w->b, "\">");
}

static void policy_put_heading(struct policy_writing *w, const char *element, struct str words)
{
    buf_printf(w->b, "<%s>", element);
    policy_put_words(w, words);
    buf_printf(w->b, "</%s>\n", element);
}

/* Each sentence, or some together, with the promises that it makes. */
static void policy_put_paragraph(struct policy_writing *w, struct str text)
{
    const char *begin = "<p>";

    while (text.n > 0) {
        const char *end = memchr(text.p, ']', text.n);
        ASSERT(end != NULL);
        struct str words = str_head(text, (size_t)(end - text.p) + 1);
        text = str_trim(str_skip(text, words.n));
        struct str promises = policy_cut_promises(&words);
        buf_puts(w->b, begin);
        policy_open(w, "span", promises);
        policy_put_words(w, words);
        buf_puts(w->b, "</span>");
        begin = "\n";
    }
    buf_puts(w->b, "</p>\n");
}

static void policy_put_list(struct policy_writing *w, struct str text)
{
    struct str promises = policy_cut_promises(&text), line;

    policy_open(w, "ul", promises);
    while (str_next(&text, '\n', &line)) {
        buf_puts(w->b, "\n<li>");
        policy_put_words(w, str_trim(str_skip(line, strlen("- "))));
        buf_puts(w->b, "</li>");
    }
    buf_puts(w->b, "\n</ul>\n");
}

static void policy_put_kept(struct policy_writing *w, enum retention_id id)
{
    const struct retention *r = &retentions[id];
    int n = id == RETENTION_IMAGE ? (int)w->page->conf->store_keep_days : r->n;

    if (r->unit != RETENTION_NONE)
        buf_printf(w->b, "%d %s ", n, retention_unit_names[r->unit]);
    policy_put(w->b, str_from(r->words));
}

/* The periods of all places where an item is. */
static void policy_put_item_kept(struct policy_writing *w, const struct policy_item *item)
{
    bool seen[RETENTION__MAX] = {false}, any = false;

    for (const struct held_column *c = held_columns; c->column != NULL; c++) {
        enum retention_id id = held_tables[c->table].retention;
        if (c->kind == HELD_COPY || seen[id] || !str_eqc(str_from(c->item), item->name))
            continue;
        seen[id] = true;
        buf_puts(w->b, any ? "; or " : "");
        policy_put_kept(w, id);
        any = true;
    }
}

static void policy_put_recipients_of(struct policy_writing *w, const struct policy_item *item)
{
    bool any = false;

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        if (item->recipients & w->recipients & INT64_C(1) << i) {
            buf_puts(w->b, any ? ", " : "");
            policy_put(w->b, str_from(policy_recipient_whos[i]));
            any = true;
        }
    buf_puts(w->b, any ? "" : "nobody");
}

static void policy_put_items(struct policy_writing *w, struct str group)
{
    buf_puts(w->b, "\n<tr><th>What</th><th>What for</th><th>Who else gets it</th><th>How long</th></tr>");
    for (const struct policy_item *i = policy_items; i->name != NULL; i++) {
        if (!str_eqc(group, policy_groups[i->group].name))
            continue;
        buf_puts(w->b, "\n<tr><td>");
        policy_put(w->b, str_from(i->what));
        buf_puts(w->b, "</td><td>");
        policy_put(w->b, str_from(policy_purpose_words[i->purpose]));
        buf_puts(w->b, "</td><td>");
        policy_put_recipients_of(w, i);
        buf_puts(w->b, "</td><td>");
        policy_put_item_kept(w, i);
        buf_puts(w->b, "</td></tr>");
    }
}

static void policy_put_purposes(struct policy_writing *w, struct str unused)
{
    (void)unused;
    buf_puts(w->b, "\n<tr><th>Purpose</th><th>Legal basis</th></tr>");
    for (size_t i = 0; policy_purpose_words[i] != NULL; i++) {
        buf_puts(w->b, "\n<tr><td>");
        policy_put(w->b, str_from(policy_purpose_words[i]));
        buf_puts(w->b, "</td><td>");
        policy_put(w->b, str_from(policy_purpose_bases[i]));
        buf_puts(w->b, "</td></tr>");
    }
}

static void policy_put_recipients(struct policy_writing *w, struct str unused)
{
    (void)unused;
    buf_puts(w->b, "\n<tr><th>Who</th><th>Where</th><th>What they get</th></tr>");
    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++) {
        bool any = false;
        if ((w->recipients >> i & 1) == 0)
            continue;
        buf_puts(w->b, "\n<tr><td>");
        policy_put(w->b, str_from(policy_recipient_whos[i]));
        buf_puts(w->b, "</td><td>");
        policy_put(w->b, policy_recipient_host(w->page->conf, (enum policy_recipient)i));
        buf_puts(w->b, "</td><td>");
        for (const struct policy_item *item = policy_items; item->name != NULL; item++)
            if (item->recipients >> i & 1) {
                buf_puts(w->b, any ? "; " : "");
                policy_put(w->b, str_from(item->what));
                any = true;
            }
        buf_puts(w->b, "</td></tr>");
    }
}

static void policy_put_retention(struct policy_writing *w, struct str unused)
{
    (void)unused;
    buf_puts(w->b, "\n<tr><th>What</th><th>How long it stays</th></tr>");
    for (enum retention_id id = 0; id < RETENTION__MAX; id++) {
        struct str name = str_from(retentions[id].name);
        buf_puts(w->b, "\n<tr><td>");
        for (size_t i = 0; i < name.n; i++)
            buf_putc(w->b, name.p[i] == '_' ? ' ' : name.p[i]);
        buf_puts(w->b, "</td><td>");
        policy_put_kept(w, id);
        buf_puts(w->b, "</td></tr>");
    }
}

static const struct policy_table {
    const char *name;
    void (*put)(struct policy_writing *w, struct str argument);
} policy_tables[] = {
    {"items", policy_put_items},
    {"purposes", policy_put_purposes},
    {"recipients", policy_put_recipients},
    {"retention", policy_put_retention},
};

static void policy_put_table(struct policy_writing *w, struct str text)
{
    struct str promises = policy_cut_promises(&text), name = text, argument = STR("");
    size_t i = 0;

    if (str_cut(&text, ' ', &name))
        argument = text;
    while (i < ARRAY_LEN(policy_tables) && !str_eqc(name, policy_tables[i].name))
        i++;
    ASSERT(i < ARRAY_LEN(policy_tables));
    policy_open(w, "table", promises);
    policy_tables[i].put(w, argument);
    buf_puts(w->b, "\n</table>\n");
}

static void policy_put_block(struct policy_writing *w, struct str text)
{
    if (str_starts(text, STR("## "))) {
        policy_put_heading(w, "h2", str_skip(text, 3));
    } else if (str_starts(text, STR("# "))) {
        policy_put_heading(w, "h1", str_skip(text, 2));
    } else if (str_starts(text, STR("- "))) {
        policy_put_list(w, text);
    } else if (str_starts(text, STR("@"))) {
        policy_put_table(w, str_skip(text, 1));
    } else {
        policy_put_paragraph(w, text);
    }
}

/* The text up to the next blank line. */
static bool policy_next_block(struct str *rest, struct str *ret_block)
{
    while (rest->n > 0 && *rest->p == '\n')
        *rest = str_skip(*rest, 1);
    const char *end = rest->n == 0 ? NULL : memmem(rest->p, rest->n, "\n\n", 2);
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    *ret_block = str_head(*rest, n);
    *rest = str_skip(*rest, n);
    if (str_ends(*ret_block, STR("\n")))
        ret_block->n--;
    return ret_block->n > 0;
}

static struct str policy_words(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policy_texts); i++)
        if (strcmp(policy_texts[i].name, name) == 0)
            return str_from(policy_texts[i].text);
    ASSERT(!"words of a page");
    return STR("");
}

void policy_page_write(struct arena *arena, const struct policy_page *page, struct buf *html)
{
    struct policy_writing w = {.arena = arena, .page = page, .b = html, .recipients = policy_recipients(page->conf)};
    struct str rest = policy_words(page->words), block, title = rest;

    ASSERT(str_cut(&rest, '\n', &title));
    rest = policy_words(page->words);
    buf_puts(html, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    policy_put(html, str_skip(title, strlen("# ")));
    buf_puts(html, " - ");
    policy_put(html, page->conf->service_name);
    buf_puts(
        html,
        "</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
        "<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n</head>\n<body class=\"words\">\n<main>\n");
    while (policy_next_block(&rest, &block))
        policy_put_block(&w, block);
    buf_puts(html, "</main>\n<footer class=\"foot\"><a href=\"/\">Home</a> <a href=\"/privacy\">Privacy policy</a> "
                   "<a href=\"/terms\">Terms</a></footer>\n</body>\n</html>\n");
    ASSERT(!html->overflow);
}

#define CONTROLLER(name_) \
    { \
        .name = #name_, .offset = offsetof(struct conf, controller_##name_) \
    }
const struct policy_controller policy_controller[] = {CONTROLLER(name),      CONTROLLER(address),     CONTROLLER(email),
                                                      CONTROLLER(authority), CONTROLLER(legal_basis), CONTROLLER(law)};
const size_t policy_controller_n = ARRAY_LEN(policy_controller);
