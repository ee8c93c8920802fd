#include "net/bounce.h"

#include <gmime/gmime.h>
#include <string.h>

#include "base/text.h"
#include "net/mail_status.h"

#define WHY_MAX_BYTES 2000
#define PARTS_MAX 20 /* of the report; there are three (RFC 6522 3) */
#define RECIPIENTS_MAX 100

/* In the order in which mail servers mean them: what the envelope said, then what the report's author wrote. */
static const char *const bounce_headers[] = {"Delivered-To", "X-Original-To", "Envelope-To", "To"};

/* A word that may be an address; false when nothing is left. */
static bool bounce_next_word(struct str *rest, struct str *ret_word)
{
    size_t n = 0;

    if (rest->n == 0)
        return false;
    while (n < rest->n && strchr(" \t\r\n<>,;\"", rest->p[n]) == NULL)
        n++;
    *ret_word = str_head(*rest, n);
    *rest = str_skip(*rest, MIN(n + 1, rest->n));
    return true;
}

static void bounce_take_recipients(struct arena *arena, const char *value, struct strs *ret)
{
    struct str rest = str_from(value), word;

    while (ret->n < RECIPIENTS_MAX && bounce_next_word(&rest, &word))
        if (memchr(word.p, '@', word.n) != NULL)
            ret->v[ret->n++] = str_of(arena_strdup(arena, word), word.n);
}

static struct strs bounce_recipients(struct arena *arena, GMimeObject *message)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(message);
    struct strs found = {.v = arena_array(arena, RECIPIENTS_MAX, sizeof *found.v)};

    for (size_t k = 0; k < ARRAY_LEN(bounce_headers); k++)
        for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
            GMimeHeader *h = g_mime_header_list_get_header_at(list, i);
            if (g_ascii_strcasecmp(g_mime_header_get_name(h), bounce_headers[k]) == 0)
                bounce_take_recipients(arena, g_mime_header_get_raw_value(h), &found);
        }
    return found;
}

/* What a group of fields says of one recipient. */
struct bounce_group {
    bool failed;
    struct str code; /* absent: it is not permanent */
    struct str diagnostic;
};

static void bounce_take_line(struct bounce_group *g, struct str line)
{
    struct str name;

    if (!str_cut(&line, ':', &name))
        return; /* also what a folded line goes on with: the first line of a diagnostic is enough */
    name = str_trim(name);
    line = str_trim(line);
    if (str_ieq(name, STR("Action")))
        g->failed = str_ieq(line, STR("failed"));
    else if (str_ieq(name, STR("Status")) && !mail_status_read(line, &g->code))
        g->code = (struct str){0};
    else if (str_ieq(name, STR("Diagnostic-Code")))
        g->diagnostic = line;
}

/* One line that a terminal takes. */
static struct str bounce_words(struct arena *arena, const struct bounce_group *g)
{
    struct str words = arena_printf(arena, "%.*s %.*s", STR_FMT(g->code),
                                    STR_FMT(str_head(g->diagnostic, MIN(g->diagnostic.n, (size_t)WHY_MAX_BYTES))));

    return text_is_utf8(words) && text_is_printable(words, false) ? str_trim(words) : g->code;
}

/* Groups of fields with empty lines between them: the first is about the message, the others about a recipient each. */
static bool bounce_read_status(struct arena *arena, struct str text, struct bounce *ret)
{
    struct bounce_group group = {.failed = false};
    struct str line = STR("");

    for (bool more = true; more;) {
        more = str_next(&text, '\n', &line);
        if (str_ends(line, STR("\r")))
            line.n--;
        if (more && str_trim(line).n > 0) {
            if (line.p[0] != ' ' && line.p[0] != '\t')
                bounce_take_line(&group, line);
            continue;
        }
        if (group.failed && group.code.p != NULL) {
            ret->is_permanent = true;
            ret->is_of_address = mail_status_is_of_address(group.code);
            ret->why = bounce_words(arena, &group);
            return true;
        }
        group = (struct bounce_group){.failed = false};
    }
    return false;
}

static struct str bounce_content(struct arena *arena, GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream = g_mime_stream_mem_new();
    struct str text = STR("");

    if (content != NULL && g_mime_data_wrapper_write_to_stream(content, stream) > 0) {
        const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        text = str_from(arena_strdup(arena, str_of((const char *)bytes->data, bytes->len)));
    }
    g_object_unref(stream);
    return text;
}

static bool bounce_is_status(GMimeObject *part)
{
    GMimeContentType *type = g_mime_object_get_content_type(part);

    return GMIME_IS_PART(part) && (g_mime_content_type_is_type(type, "message", "delivery-status") ||
                                   g_mime_content_type_is_type(type, "message", "global-delivery-status"));
}

static void bounce_read_report(struct arena *arena, GMimeObject *report, struct bounce *ret)
{
    if (!GMIME_IS_MULTIPART(report) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(report), "multipart", "report"))
        return;
    GMimeMultipart *parts = GMIME_MULTIPART(report);
    for (int i = 0; i < MIN(g_mime_multipart_get_count(parts), PARTS_MAX); i++) {
        GMimeObject *part = g_mime_multipart_get_part(parts, i);
        if (bounce_is_status(part) && bounce_read_status(arena, bounce_content(arena, GMIME_PART(part)), ret))
            return;
    }
}

/* Some mail servers put a line "From ..." before what they pipe, as in a mailbox. */
static struct str bounce_without_from_line(struct str message)
{
    struct str line;

    if (str_starts(message, STR("From ")))
        (void)str_next(&message, '\n', &line);
    return message;
}

struct bounce bounce_read(struct arena *arena, struct str message)
{
    struct bounce b = {.is_permanent = false};

    g_mime_init();
    message = bounce_without_from_line(str_head(message, BOUNCE_MAX_BYTES));
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(message.p, message.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
    if (m != NULL) {
        GMimeObject *part = g_mime_message_get_mime_part(m);
        b.recipients = bounce_recipients(arena, GMIME_OBJECT(m));
        if (part != NULL)
            bounce_read_report(arena, part, &b);
        g_object_unref(m);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return b;
}
