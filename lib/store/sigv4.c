#include "store/sigv4.h"

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/digest.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SCOPE_END "aws4_request"
#define DAY_CHARS 8 /* of a date: "20130524" */
#define CANONICAL_MAX_BYTES \
    16384u            /* S3 takes a key of 1024 bytes, three times as long when encoded, and 8 KiB of headers */
#define PRESIGNED_N 5 /* items of the query that are signed with it */

struct sigv4_date sigv4_date(int64_t at_us)
{
    struct sigv4_date d;
    time_t at = (time_t)(at_us / US_PER_SEC);
    struct tm tm;

    ASSERT(at_us >= 0 && gmtime_r(&at, &tm) != NULL);
    ASSERT(strftime(d.s, sizeof d.s, "%Y%m%dT%H%M%SZ", &tm) == sizeof d.s - 1);
    return d;
}

/* Pairs as they are sent, to be sorted */

struct sigv4_sorted {
    struct sigv4_pair v[SIGV4_PAIRS_MAX];
    size_t n;
};

static int sigv4_order(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, MIN(a.n, b.n));

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int sigv4_pair_order(const void *a, const void *b)
{
    const struct sigv4_pair *x = a, *y = b;
    int order = sigv4_order(x->name, y->name);

    return order != 0 ? order : sigv4_order(x->value, y->value);
}

static struct str sigv4_escaped(struct arena *arena, struct str s)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(CANONICAL_MAX_BYTES);

    buf_putescaped(&b, s);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

/* By the encoded names, as it is the encoded query that is compared. */
static void sigv4_query_sort(struct arena *arena, const struct sigv4_pair *query, size_t n, struct sigv4_sorted *ret)
{
    ASSERT(n <= SIGV4_PAIRS_MAX);
    ret->n = n;
    for (size_t i = 0; i < n; i++)
        ret->v[i] = (struct sigv4_pair){sigv4_escaped(arena, query[i].name), sigv4_escaped(arena, query[i].value)};
    qsort(ret->v, n, sizeof ret->v[0], sigv4_pair_order);
}

static void sigv4_headers_sort(const struct sigv4_request *r, struct sigv4_sorted *ret)
{
    bool host = false;

    ASSERT(r->n_headers <= SIGV4_PAIRS_MAX);
    ret->n = r->n_headers;
    memcpy(ret->v, r->headers, r->n_headers * sizeof ret->v[0]);
    qsort(ret->v, ret->n, sizeof ret->v[0], sigv4_pair_order);
    for (size_t i = 0; i < ret->n; i++) {
        host |= str_eqc(ret->v[i].name, "host");
        ASSERT(i == 0 || !str_eq(ret->v[i - 1].name, ret->v[i].name));
    }
    ASSERT(host);
}

static void sigv4_put_path(struct buf *b, struct str path)
{
    ASSERT(path.n > 0 && path.p[0] == '/');
    for (size_t i = 0, n; i < path.n; i += n) {
        const char *slash = memchr(path.p + i, '/', path.n - i);
        n = slash == NULL ? path.n - i : (size_t)(slash - path.p) - i;
        buf_putescaped(b, str_of(path.p + i, n));
        if (slash != NULL) {
            buf_putc(b, '/');
            n++;
        }
    }
}

static void sigv4_put_query(struct buf *b, const struct sigv4_sorted *query)
{
    for (size_t i = 0; i < query->n; i++)
        buf_printf(b, "%s%.*s=%.*s", i > 0 ? "&" : "", STR_FMT(query->v[i].name), STR_FMT(query->v[i].value));
}

/* Without the blanks around it, and each run of blanks inside as one. */
static void sigv4_put_value(struct buf *b, struct str value)
{
    value = str_trim(value);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != ' ' || value.p[i - 1] != ' ')
            buf_putc(b, value.p[i]);
}

static void sigv4_put_names(struct buf *b, const struct sigv4_sorted *headers)
{
    for (size_t i = 0; i < headers->n; i++)
        buf_printf(b, "%s%.*s", i > 0 ? ";" : "", STR_FMT(headers->v[i].name));
}

/* "20130524/us-east-1/s3/aws4_request" */
static struct str sigv4_scope(struct arena *arena, const struct sigv4_key *key, const struct sigv4_date *date)
{
    return arena_printf(arena, "%.*s/%.*s/%.*s/" SCOPE_END, DAY_CHARS, date->s, STR_FMT(key->region),
                        STR_FMT(key->service));
}

static struct str sigv4_canonical_digest(struct arena *arena, const struct sigv4_request *r,
                                         const struct sigv4_sorted *query, const struct sigv4_sorted *headers)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(CANONICAL_MAX_BYTES);

    buf_putstr(&b, r->method);
    buf_putc(&b, '\n');
    sigv4_put_path(&b, r->path);
    buf_putc(&b, '\n');
    sigv4_put_query(&b, query);
    buf_putc(&b, '\n');
    for (size_t i = 0; i < headers->n; i++) {
        buf_putstr(&b, headers->v[i].name);
        buf_putc(&b, ':');
        sigv4_put_value(&b, headers->v[i].value);
        buf_putc(&b, '\n');
    }
    buf_putc(&b, '\n');
    sigv4_put_names(&b, headers);
    buf_putc(&b, '\n');
    buf_putstr(&b, r->payload);
    ASSERT(!b.overflow);
    struct sha256 digest = sha256_of(buf_str(&b));
    return hex_encode(arena, digest.b, sizeof digest.b);
}

/* Each key is the HMAC of a part of the scope with the one before. They open what the secret opens: wiped. */
static struct str sigv4_signature(struct arena *arena, const struct sigv4_key *key, const struct sigv4_date *date,
                                  struct str text)
{
    const struct str parts[] = {str_of(date->s, DAY_CHARS), key->region, key->service, STR(SCOPE_END), text};
    _cleanup_(buf_done) struct buf first = BUF_MAX(1024);
    struct sha256 h;

    buf_puts(&first, "AWS4");
    buf_putstr(&first, key->secret);
    ASSERT(!first.overflow);
    h = hmac_sha256(buf_str(&first), parts[0]);
    for (size_t i = 1; i < ARRAY_LEN(parts); i++)
        h = hmac_sha256(str_of(h.b, sizeof h.b), parts[i]);
    struct str hex = hex_encode(arena, h.b, sizeof h.b);
    explicit_bzero(&h, sizeof h);
    return hex;
}

static struct str sigv4_sign(struct arena *arena, const struct sigv4_key *key, const struct sigv4_request *r,
                             const struct sigv4_sorted *query, const struct sigv4_sorted *headers)
{
    struct sigv4_date date = sigv4_date(r->at_us);
    struct str digest = sigv4_canonical_digest(arena, r, query, headers);

    return sigv4_signature(arena, key, &date,
                           arena_printf(arena, ALGORITHM "\n%s\n%.*s\n%.*s", date.s,
                                        STR_FMT(sigv4_scope(arena, key, &date)), STR_FMT(digest)));
}

struct str sigv4_authorization(struct arena *arena, const struct sigv4_key *key, const struct sigv4_request *r)
{
    _cleanup_(buf_done) struct buf names = BUF_MAX(CANONICAL_MAX_BYTES);
    struct sigv4_date date = sigv4_date(r->at_us);
    struct sigv4_sorted query, headers;

    sigv4_query_sort(arena, r->query, r->n_query, &query);
    sigv4_headers_sort(r, &headers);
    sigv4_put_names(&names, &headers);
    ASSERT(!names.overflow);
    return arena_printf(arena, ALGORITHM " Credential=%.*s/%.*s,SignedHeaders=%.*s,Signature=%.*s", STR_FMT(key->id),
                        STR_FMT(sigv4_scope(arena, key, &date)), STR_FMT(buf_str(&names)),
                        STR_FMT(sigv4_sign(arena, key, r, &query, &headers)));
}

static struct str sigv4_target_of(struct arena *arena, const struct sigv4_request *r, const struct sigv4_sorted *query,
                                  struct str signature)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(CANONICAL_MAX_BYTES);

    sigv4_put_path(&b, r->path);
    if (query->n > 0)
        buf_putc(&b, '?');
    sigv4_put_query(&b, query);
    if (signature.p != NULL)
        buf_printf(&b, "&X-Amz-Signature=%.*s", STR_FMT(signature));
    ASSERT(!b.overflow);
    return arena_printf(arena, "%.*s", STR_FMT(buf_str(&b)));
}

struct str sigv4_target(struct arena *arena, const struct sigv4_request *r)
{
    struct sigv4_sorted query;

    sigv4_query_sort(arena, r->query, r->n_query, &query);
    return sigv4_target_of(arena, r, &query, (struct str){NULL, 0});
}

struct str sigv4_presigned(struct arena *arena, const struct sigv4_key *key, const struct sigv4_request *r,
                           int64_t expires_sec)
{
    _cleanup_(buf_done) struct buf names = BUF_MAX(CANONICAL_MAX_BYTES);
    struct sigv4_date date = sigv4_date(r->at_us);
    struct sigv4_pair all[SIGV4_PAIRS_MAX];
    struct sigv4_sorted query, headers;

    ASSERT(expires_sec >= 1 && expires_sec <= SIGV4_EXPIRES_MAX_SEC && r->n_query + PRESIGNED_N <= SIGV4_PAIRS_MAX);
    sigv4_headers_sort(r, &headers);
    sigv4_put_names(&names, &headers);
    ASSERT(!names.overflow);
    const struct sigv4_pair own[PRESIGNED_N] = {
        {STR("X-Amz-Algorithm"), STR(ALGORITHM)},
        {STR("X-Amz-Credential"),
         arena_printf(arena, "%.*s/%.*s", STR_FMT(key->id), STR_FMT(sigv4_scope(arena, key, &date)))},
        {STR("X-Amz-Date"), str_from(date.s)},
        {STR("X-Amz-Expires"), arena_printf(arena, "%lld", (long long)expires_sec)},
        {STR("X-Amz-SignedHeaders"), buf_str(&names)},
    };
    memcpy(all, own, sizeof own);
    for (size_t i = 0; i < r->n_query; i++)
        all[PRESIGNED_N + i] = r->query[i];
    sigv4_query_sort(arena, all, PRESIGNED_N + r->n_query, &query);
    return sigv4_target_of(arena, r, &query, sigv4_sign(arena, key, r, &query, &headers));
}
