/* The form of a file of spool.h: fields one after another, each with its length, so that none needs an escape. */
#include "base/buf.h"
#include "jobs/spool.h"

#define HEAD "kept result 1\n" /* another form has another number */
#define ABSENT UINT32_MAX
#define TEXT_MAX_BYTES 1024 /* kind, request id, note, detail */

static const struct {
    const char *word;
    enum err err;
} spool_form_errs[] = {
    {"ok", OK}, {"not_sent", ERR_NET_NOT_SENT}, {"unknown", ERR_NET_UNKNOWN}, {"forbidden", ERR_NET_FORBIDDEN}};

static void spool_form_put_number(struct buf *b, uint64_t n, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(b, (char)(n >> (8 * i)));
}

static void spool_form_put(struct buf *b, struct str s)
{
    spool_form_put_number(b, s.p == NULL ? ABSENT : s.n, 4);
    buf_put(b, s.p == NULL ? "" : s.p, s.n);
}

static struct str spool_form_word(enum err e)
{
    for (size_t i = 0; i < ARRAY_LEN(spool_form_errs); i++)
        if (spool_form_errs[i].err == e)
            return str_from(spool_form_errs[i].word);
    return (struct str){0};
}

static bool spool_form_err(struct str word, enum err *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(spool_form_errs); i++)
        if (str_eqc(word, spool_form_errs[i].word)) {
            *ret = spool_form_errs[i].err;
            return true;
        }
    return false;
}

/* A note or the detail of a result may be cut. */
static struct str spool_form_short(const char *text)
{
    return str_head(str_from(text), TEXT_MAX_BYTES);
}

bool spool_put(struct buf *b, const struct spooled *s)
{
    const struct net_result *r = &s->result;
    struct str word = spool_form_word(r->err);

    if (word.p == NULL || r->body.n > SPOOL_BODY_MAX_BYTES || s->memo.n > SPOOL_MEMO_MAX_BYTES ||
        s->kind.n > TEXT_MAX_BYTES || s->request_id.n > TEXT_MAX_BYTES)
        return false;
    buf_puts(b, HEAD);
    spool_form_put(b, s->kind);
    spool_form_put(b, str_of(s->about.b, sizeof s->about.b));
    spool_form_put(b, s->request_id);
    spool_form_put(b, s->note.p == NULL ? s->note : str_head(s->note, TEXT_MAX_BYTES));
    spool_form_put(b, s->memo);
    spool_form_put_number(b, (uint64_t)s->runs, 8);
    spool_form_put(b, word);
    spool_form_put_number(b, (uint64_t)r->status, 4);
    spool_form_put_number(b, (uint64_t)r->unasked | (uint64_t)r->of_recipient << 1, 1);
    spool_form_put_number(b, (uint64_t)r->body_bytes, 8);
    spool_form_put(b, spool_form_short(r->detail));
    spool_form_put(b, r->body);
    for (size_t i = 0; i < NET_WANTED_MAX; i++)
        spool_form_put(b, r->headers[i]);
    return !b->overflow;
}

/* What is left to read. Once something was not there, nothing more is. */
struct spool_form {
    struct str left;
    bool is_bad;
};

static uint64_t spool_form_number(struct spool_form *f, int bytes)
{
    uint64_t n = 0;

    if (f->is_bad || f->left.n < (size_t)bytes) {
        f->is_bad = true;
        return 0;
    }
    for (int i = 0; i < bytes; i++)
        n = n << 8 | (uint8_t)f->left.p[i];
    f->left = str_skip(f->left, (size_t)bytes);
    return n;
}

/* Of the text that is read, unless it is absent. */
static struct str spool_form_take(struct spool_form *f, size_t max_bytes)
{
    uint64_t n = spool_form_number(f, 4);

    if (f->is_bad || n == ABSENT)
        return (struct str){0};
    if (n > f->left.n || n > max_bytes) {
        f->is_bad = true;
        return (struct str){0};
    }
    struct str s = str_of(f->left.p, (size_t)n);
    f->left = str_skip(f->left, (size_t)n);
    return s;
}

static struct uuid spool_form_uuid(struct spool_form *f)
{
    struct uuid id = UUID_NONE;
    struct str s = spool_form_take(f, sizeof id.b);

    if (s.n != sizeof id.b)
        f->is_bad = true;
    else
        memcpy(id.b, s.p, sizeof id.b);
    return id;
}

static void spool_form_result(struct spool_form *f, struct arena *arena, struct net_result *r)
{
    if (!spool_form_err(spool_form_take(f, TEXT_MAX_BYTES), &r->err))
        f->is_bad = true;
    uint64_t status = spool_form_number(f, 4), flags = spool_form_number(f, 1), bytes = spool_form_number(f, 8);
    f->is_bad = f->is_bad || status > 999 || flags > 3 || bytes > INT64_MAX;
    r->status = (int)status;
    r->unasked = (flags & 1) != 0;
    r->of_recipient = (flags & 2) != 0;
    r->body_bytes = (int64_t)bytes;
    struct str detail = spool_form_take(f, TEXT_MAX_BYTES);
    r->detail = detail.p == NULL ? NULL : arena_strdup(arena, detail);
    r->body = arena_str(arena, spool_form_take(f, SPOOL_BODY_MAX_BYTES));
    for (size_t i = 0; i < NET_WANTED_MAX; i++)
        r->headers[i] = arena_str(arena, spool_form_take(f, SPOOL_BODY_MAX_BYTES));
}

bool spool_parse(struct arena *arena, struct str text, struct spooled *ret)
{
    struct spool_form f = {.left = text};
    struct spooled s = {.about = UUID_NONE};

    if (text.n > SPOOL_FILE_MAX_BYTES || !str_starts(text, STR(HEAD)))
        return false;
    f.left = str_skip(text, sizeof HEAD - 1);
    s.kind = arena_str(arena, spool_form_take(&f, TEXT_MAX_BYTES));
    s.about = spool_form_uuid(&f);
    s.request_id = arena_str(arena, spool_form_take(&f, TEXT_MAX_BYTES));
    s.note = arena_str(arena, spool_form_take(&f, TEXT_MAX_BYTES));
    s.memo = arena_str(arena, spool_form_take(&f, SPOOL_MEMO_MAX_BYTES));
    uint64_t runs = spool_form_number(&f, 8);
    s.runs = (int64_t)runs;
    spool_form_result(&f, arena, &s.result);
    if (f.is_bad || f.left.n > 0 || s.kind.p == NULL || s.memo.p == NULL || runs > UINT16_MAX)
        return false;
    *ret = s;
    return true;
}
