#include "store/s3_xml.h"

#include <expat.h>
#include <limits.h>

#include "base/buf.h"

#define DEPTH_MAX 8
#define PATH_MAX_BYTES 200 /* of the names of the open elements */

/* Takes the text of an element that has ended. False: the document is refused. */
typedef bool xml_take_fn(void *into, struct arena *arena, struct str text);

struct xml_field {
    const char *path; /* of names, from the root on; both an end of an element and its text are told */
    xml_take_fn *take;
    size_t max_bytes; /* a longer text is taken as absent */
};

struct xml {
    XML_Parser parser;
    struct arena *arena;
    const struct xml_field *fields; /* ends with a NULL path */
    const struct xml_field *open;   /* whose text is being read; NULL: none */
    void *into;
    struct buf path, text;
    size_t path_n[DEPTH_MAX]; /* length of path before each open element */
    size_t depth;
    bool refused;
};

static void xml_refuse(struct xml *x)
{
    x->refused = true;
    (void)XML_StopParser(x->parser, XML_FALSE);
}

static const struct xml_field *xml_find(const struct xml *x)
{
    for (const struct xml_field *f = x->fields; f->path != NULL; f++)
        if (str_eqc(buf_str(&x->path), f->path))
            return f;
    return NULL;
}

/* The name of a prefix and a namespace is that after the colon: S3 has one namespace, and names it in different ways. */
static void XMLCALL xml_on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *x = arg;
    const char *colon = strrchr(name, ':');
    (void)attributes;

    if (x->depth == DEPTH_MAX) {
        xml_refuse(x);
        return;
    }
    x->path_n[x->depth++] = x->path.n;
    if (x->path.n > 0)
        buf_putc(&x->path, '/');
    buf_puts(&x->path, colon == NULL ? name : colon + 1);
    if (x->path.overflow) {
        xml_refuse(x);
        return;
    }
    x->open = xml_find(x);
    if (x->open != NULL) {
        buf_done(&x->text);
        x->text = BUF_MAX(x->open->max_bytes);
    }
}

static void XMLCALL xml_on_end(void *arg, const XML_Char *name)
{
    struct xml *x = arg;
    const struct xml_field *f =
        x->refused ? NULL : xml_find(x); /* expat ends an element that it has begun all the same */
    struct str text = f != NULL && f == x->open && !x->text.overflow ? buf_str(&x->text) : (struct str){NULL, 0};
    (void)name;

    if (f != NULL && !f->take(x->into, x->arena, text))
        xml_refuse(x);
    if (x->refused)
        return;
    x->open = NULL;
    ASSERT(x->depth > 0);
    x->path.n = x->path_n[--x->depth];
}

static void XMLCALL xml_on_text(void *arg, const XML_Char *text, int n)
{
    struct xml *x = arg;

    if (x->open != NULL)
        buf_put(&x->text, text, (size_t)n);
}

static void XMLCALL xml_on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                                   int has_internal)
{
    (void)name, (void)system, (void)public, (void)has_internal;
    xml_refuse(arg);
}

/* Whatever the document says, it is UTF-8: so no other coding is asked for. */
MUST_CHECK static bool xml_read(struct arena *arena, struct str body, const struct xml_field *fields, void *into)
{
    struct xml x = {.arena = arena, .fields = fields, .into = into, .path = BUF_MAX(PATH_MAX_BYTES)};

    if (body.n == 0 || body.n > INT_MAX)
        return false;
    x.parser = XML_ParserCreate("UTF-8");
    ASSERT(x.parser != NULL);
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, xml_on_start, xml_on_end);
    XML_SetCharacterDataHandler(x.parser, xml_on_text);
    XML_SetStartDoctypeDeclHandler(x.parser, xml_on_doctype);
    bool good = XML_Parse(x.parser, body.p, (int)body.n, 1) == XML_STATUS_OK && !x.refused;
    XML_ParserFree(x.parser);
    buf_done(&x.path);
    buf_done(&x.text);
    return good;
}

/* Error */

static void xml_set_word(struct str *field, struct arena *arena, struct str text)
{
    text = str_trim(text);
    if (field->p == NULL && text.n > 0 && str_is_visible(text))
        *field = arena_str(arena, text);
}

static bool xml_take_code(void *into, struct arena *arena, struct str text)
{
    xml_set_word(&((struct s3_error *)into)->code, arena, text);
    return true;
}

static bool xml_take_request_id(void *into, struct arena *arena, struct str text)
{
    xml_set_word(&((struct s3_error *)into)->request_id, arena, text);
    return true;
}

static bool xml_take_message(void *into, struct arena *arena, struct str text)
{
    struct s3_error *e = into;

    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return true;
    if (e->message.p == NULL && text.n > 0)
        e->message = arena_str(arena, text);
    return true;
}

void s3_read_error(struct arena *arena, struct str body, struct s3_error *ret_error)
{
    static const struct xml_field fields[] = {
        {"Error/Code", xml_take_code, S3_WORD_MAX_BYTES},
        {"Error/Message", xml_take_message, S3_MESSAGE_MAX_BYTES},
        {"Error/RequestId", xml_take_request_id, S3_WORD_MAX_BYTES},
        {NULL, NULL, 0},
    };
    struct s3_error error = {.code = {NULL, 0}};

    *ret_error = xml_read(arena, body, fields, &error) ? error : (struct s3_error){.code = {NULL, 0}};
}

/* ListBucketResult */

struct xml_listing {
    struct s3_listing listing;
    struct s3_object next;
    bool is_listing, is_truncated;
};

static bool xml_take_listing(void *into, struct arena *arena, struct str text)
{
    (void)arena, (void)text;
    ((struct xml_listing *)into)->is_listing = true;
    return true;
}

static bool xml_take_key(void *into, struct arena *arena, struct str text)
{
    if (text.n == 0)
        return false;
    ((struct xml_listing *)into)->next.key = arena_str(arena, text);
    return true;
}

static bool xml_take_size(void *into, struct arena *arena, struct str text)
{
    (void)arena;
    return str_to_i64(text, &((struct xml_listing *)into)->next.size_bytes);
}

static bool xml_take_object(void *into, struct arena *arena, struct str text)
{
    struct xml_listing *x = into;
    struct s3_listing *l = &x->listing;
    (void)text;

    if (x->next.key.p == NULL || x->next.size_bytes < 0 || l->n == S3_LIST_MAX)
        return false;
    if (l->v == NULL)
        l->v = arena_array(arena, S3_LIST_MAX, sizeof *l->v);
    l->v[l->n++] = x->next;
    x->next = (struct s3_object){.size_bytes = -1};
    return true;
}

static bool xml_take_truncated(void *into, struct arena *arena, struct str text)
{
    (void)arena;
    ((struct xml_listing *)into)->is_truncated = str_eqc(text, "true");
    return str_eqc(text, "true") || str_eqc(text, "false");
}

static bool xml_take_next(void *into, struct arena *arena, struct str text)
{
    ((struct xml_listing *)into)->listing.next = arena_str(arena, text);
    return text.n > 0;
}

enum err s3_read_listing(struct arena *arena, struct str body, struct s3_listing *ret_listing)
{
    static const struct xml_field fields[] = {
        {"ListBucketResult", xml_take_listing, 4096}, /* the blanks between what is in it */
        {"ListBucketResult/IsTruncated", xml_take_truncated, 8},
        {"ListBucketResult/NextContinuationToken", xml_take_next, S3_TOKEN_MAX_BYTES},
        {"ListBucketResult/Contents", xml_take_object, 4096},
        {"ListBucketResult/Contents/Key", xml_take_key, S3_KEY_MAX_BYTES},
        {"ListBucketResult/Contents/Size", xml_take_size, 20},
        {NULL, NULL, 0},
    };
    struct xml_listing x = {.next.size_bytes = -1};

    if (!xml_read(arena, body, fields, &x) || !x.is_listing || (x.is_truncated && x.listing.next.p == NULL))
        return ERR_STORE;
    if (!x.is_truncated)
        x.listing.next = (struct str){NULL, 0};
    *ret_listing = x.listing;
    return OK;
}
