#include "store/s3.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/rand.h"
#include "net/call.h"
#include "store/sigv4.h"

#define TRIES_MAX 5
#define PAUSE_FIRST_US \
    (200 * US_PER_MS) /* then twice as long each time: 3 s in all, because R2 takes one write a second of a key */
#define CONNECT_SEC 5
#define ERROR_MAX_BYTES (64u << 10)
#define LISTED_OBJECT_BYTES (2u << 10) /* with a name of 1 KiB; ours take 300 bytes */
#define HEADERS_MAX 5
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct str s3_host(const struct s3 *s)
{
    struct str host = str_from(s->endpoint);

    ASSERT(str_starts(host, STR("https://")));
    host = str_skip(host, strlen("https://"));
    return str_ends(host, STR(":443")) ? str_head(host, host.n - strlen(":443")) : host; /* as libcurl sends it */
}

static struct str s3_path(struct arena *arena, const struct s3 *s, struct str key)
{
    ASSERT(key.n <= S3_KEY_MAX_BYTES);
    return key.p == NULL ? arena_printf(arena, "/%.*s", STR_FMT(s->bucket))
                         : arena_printf(arena, "/%.*s/%.*s", STR_FMT(s->bucket), STR_FMT(key));
}

static struct sigv4_key s3_key(const struct s3 *s, const struct secret_try *with)
{
    struct str id = s->key_id, secret = secret_str(secret_try_now(with));

    if (str_cut(&secret, ' ', &id)) /* else id is as it was */
        secret = str_trim(secret);
    return (struct sigv4_key){id, secret, s->region, STR("s3")};
}

struct str s3_presigned(struct arena *arena, const struct s3 *s, struct str key, int64_t now_us, int64_t expires_sec)
{
    const struct sigv4_pair host = {STR("host"), s3_host(s)};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = s3_path(arena, s, key),
                                    .headers = &host,
                                    .n_headers = 1,
                                    .payload = SIGV4_UNSIGNED,
                                    .at_us = now_us};
    const struct secret_try with = secret_try_begin(s->secrets);
    const struct sigv4_key k = s3_key(s, &with);

    return sigv4_presigned(arena, &k, &r, expires_sec);
}

/* One request, as often as it takes */

struct s3_ask {
    const char *method;
    struct str key; /* absent: the bucket */
    const struct sigv4_pair *query;
    size_t n_query;
    const struct s3_body *body; /* NULL: none */
    int reply_fd;               /* 0: into memory */
    size_t reply_max_bytes;
    const char *wanted; /* a header of the answer */
};

/* What an answer means, the first row that fits; the rest is ERR_STORE. A status of 0: any. */
struct s3_verdict {
    int status;
    const char *code;
    enum err err;
    bool again;
};
static const struct s3_verdict s3_verdicts[];

/* Of S3, R2, Swift and MinIO, for a key that is unknown, is no more, or may not do this: nothing was done. An answer to HEAD has no code. */
static bool s3_refuses_key(const struct net_result *r, const struct s3_error *error)
{
    static const char *const codes[] = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Unauthorized",
                                        NULL};

    return r->err == OK && (r->status == 401 || r->status == 403) &&
           (error->code.p == NULL || str_is_one_of(error->code, codes));
}

static const struct s3_verdict *s3_judge(const struct net_result *r, const struct s3_error *error)
{
    static const struct s3_verdict no_answer = {0, NULL, ERR_STORE, true}, never = {0, NULL, ERR_STORE, false};
    static const struct s3_verdict done = {0, NULL, OK, false};

    if (r->err != OK)
        return r->err == ERR_NET_FORBIDDEN ? &never : &no_answer;
    if (r->status / 100 == 2)
        return &done;
    for (const struct s3_verdict *v = s3_verdicts; v->status != 0 || v->code != NULL; v++)
        if ((v->status == 0 || v->status == r->status) && (v->code == NULL || str_eqc(error->code, v->code)))
            return v;
    return &never;
}

/* The body of an error: also that which went to the file in place of the object. */
static void s3_read_reply(struct arena *arena, const struct s3_ask *ask, off_t at, const struct net_result *r,
                          struct s3_error *ret_error)
{
    struct str body = r->body;

    *ret_error = (struct s3_error){.code = {NULL, 0}};
    if (r->err != OK || r->status / 100 == 2)
        return;
    if (ask->reply_fd > 0) {
        char *p = arena_alloc(arena, ERROR_MAX_BYTES);
        ssize_t n = pread(ask->reply_fd, p, MIN((size_t)r->body_bytes, (size_t)ERROR_MAX_BYTES), at);
        body = str_of(p, n > 0 ? (size_t)n : 0);
    }
    s3_read_error(arena, body, ret_error);
}

static void s3_tell(struct arena *arena, const struct net_result *r, const struct s3_error *error, int tries,
                    struct s3_said *said)
{
    struct str id = error->request_id.p != NULL ? error->request_id : r->headers[1];

    *said = (struct s3_said){.tries = tries, .status = r->err == OK ? r->status : 0};
    if (r->err != OK)
        said->error = str_from(r->detail);
    else if (r->status / 100 != 2)
        said->error =
            arena_printf(arena, "%d%s%.*s", r->status, error->code.p == NULL ? "" : " ", STR_FMT(error->code));
    if (id.n <= S3_WORD_MAX_BYTES && str_is_visible(id))
        said->request_id = id;
}

/* Of one try. Signed anew each time: a signature is good for 15 minutes, and a clock may be set right in between. */
static void s3_call(struct arena *arena, const struct s3 *s, const struct s3_ask *ask, const struct secret_try *with,
                    int64_t left_us, struct net_call *ret_call)
{
    const struct s3_body *b = ask->body;
    int64_t now_us = clock_now_us();
    struct sigv4_date date = sigv4_date(now_us);
    struct str payload = b == NULL ? STR(EMPTY_SHA256) : hex_encode(arena, b->sha256.b, sizeof b->sha256.b);
    const struct sigv4_pair signed_headers[HEADERS_MAX] = {
        {STR("host"), s3_host(s)},
        {STR("x-amz-content-sha256"), payload},
        {STR("x-amz-date"), str_from(date.s)},
        {STR("cache-control"), STR("no-store")},
        {STR("content-type"), str_from(b == NULL ? NULL : b->content_type)},
    };
    const struct sigv4_request r = {.method = str_from(ask->method),
                                    .path = s3_path(arena, s, ask->key),
                                    .query = ask->query,
                                    .n_query = ask->n_query,
                                    .headers = signed_headers,
                                    .n_headers = b == NULL ? 3 : HEADERS_MAX,
                                    .payload = payload,
                                    .at_us = now_us};
    const struct sigv4_key key = s3_key(s, with);
    const struct net_header headers[] = {
        {"x-amz-content-sha256", payload},
        {"x-amz-date", arena_str(arena, str_from(date.s))},
        {"Authorization", sigv4_authorization(arena, &key, &r)},
        {"Cache-Control", STR("no-store")},
    };
    struct net_header *kept = arena_alloc(arena, sizeof headers);
    int left_sec = (int)MAX((left_us + US_PER_SEC - 1) / US_PER_SEC, INT64_C(1));
    memcpy(kept, headers, sizeof headers);
    *ret_call = (struct net_call){
        .to = OUTGOING_STORE,
        .method = ask->method,
        .url = arena_printf(arena, "%s%.*s", s->endpoint, STR_FMT(sigv4_target(arena, &r))).p,
        .headers = kept,
        .n_headers = b == NULL ? 3 : ARRAY_LEN(headers),
        .content_type = b == NULL ? NULL : b->content_type,
        .body_fd = b == NULL ? 0 : b->fd,
        .body_bytes = b == NULL ? 0 : b->bytes,
        .reply_fd = ask->reply_fd,
        .reply_max_bytes = MAX(ask->reply_max_bytes, (size_t)ERROR_MAX_BYTES),
        .wanted = {ask->wanted == NULL ? "Content-Length" : ask->wanted, "x-amz-request-id"},
        .ca_file = s->ca_file,
        .allow_private = s->allow_private,
        .fresh = true,
        .timeout_sec = left_sec,
        .connect_timeout_sec = MIN(left_sec, CONNECT_SEC),
    };
}

static bool s3_reply_again(const struct s3_ask *ask, off_t at)
{
    return ask->reply_fd <= 0 || (ftruncate(ask->reply_fd, at) == 0 && lseek(ask->reply_fd, at, SEEK_SET) == at);
}

/* Between one and two times as long as the pause of that try: who failed together does not come again together. */
static int64_t s3_pause_us(int tries)
{
    int64_t least_us = PAUSE_FIRST_US << (tries - 1);

    return least_us + (int64_t)rand_below((uint64_t)least_us);
}

MUST_CHECK static enum err s3_ask(struct arena *arena, const struct s3 *s, const struct s3_ask *ask,
                                  struct net_result *ret_result, struct s3_said *said)
{
    off_t at = ask->reply_fd > 0 ? lseek(ask->reply_fd, 0, SEEK_CUR) : 0;
    int64_t until_us = clock_mono_us() + s->timeout_sec * US_PER_SEC, pause_us = 0;
    struct secret_try with = secret_try_begin(s->secrets);
    struct s3_error error;
    struct s3_said ignored;
    struct net_call call;

    if (!s3_reply_again(ask, at))
        return err_of_store();
    for (int tries = 1;; tries++) {
        struct arena_mark mark = arena_mark(arena);
        s3_call(arena, s, ask, &with, until_us - clock_mono_us(), &call);
        net_call_run(arena, &call, ret_result);
        s3_read_reply(arena, ask, at, ret_result, &error);
        const struct s3_verdict *v = s3_judge(ret_result, &error);
        bool other_key = s3_refuses_key(ret_result, &error) && clock_mono_us() < until_us && secret_try_next(&with);
        if (v->err == OK || v->err == ERR_NOT_FOUND)
            secret_try_taken(&with);
        pause_us = other_key ? 0 : s3_pause_us(tries);
        bool again = other_key || (v->again && tries < TRIES_MAX && clock_mono_us() + pause_us < until_us);
        if (v->err != OK && !s3_reply_again(ask, at))
            return err_of_store();
        if (!again) {
            s3_tell(arena, ret_result, &error, tries, said == NULL ? &ignored : said);
            return v->err;
        }
        arena_back(arena, &mark);
        (void)nanosleep(&(struct timespec){pause_us / US_PER_SEC, pause_us % US_PER_SEC * 1000}, NULL);
    }
}

enum err s3_put(struct arena *arena, const struct s3 *s, struct str key, const struct s3_body *body,
                struct s3_said *said)
{
    const struct s3_ask ask = {.method = "PUT", .key = key, .body = body};
    struct net_result r;

    return s3_ask(arena, s, &ask, &r, said);
}

enum err s3_get(struct arena *arena, const struct s3 *s, struct str key, int fd, size_t max_bytes, int64_t *ret_bytes,
                struct s3_said *said)
{
    const struct s3_ask ask = {.method = "GET", .key = key, .reply_fd = fd, .reply_max_bytes = max_bytes};
    off_t at = lseek(fd, 0, SEEK_CUR);
    struct net_result r;

    enum err e = s3_ask(arena, s, &ask, &r, said);
    if (e == OK && (uint64_t)r.body_bytes > max_bytes) { /* an error may be longer than the object */
        (void)s3_reply_again(&ask, at);
        e = ERR_STORE;
    }
    if (e == OK)
        *ret_bytes = r.body_bytes;
    return e;
}

enum err s3_head(struct arena *arena, const struct s3 *s, struct str key, int64_t *ret_bytes, struct s3_said *said)
{
    const struct s3_ask ask = {.method = "HEAD", .key = key};
    struct net_result r;

    enum err e = s3_ask(arena, s, &ask, &r, said);
    if (e == OK)
        return r.headers[0].p != NULL && str_to_i64(r.headers[0], ret_bytes) ? OK : ERR_STORE;
    if (r.err != OK || r.status != 404)
        return e;
    /* An answer to HEAD has no body that would say what there is none of. */
    struct s3_listing listing;
    e = s3_list(arena, s, STR(""), (struct str){NULL, 0}, 1, &listing, said);
    return e == OK ? ERR_NOT_FOUND : e;
}

enum err s3_delete(struct arena *arena, const struct s3 *s, struct str key, struct s3_said *said)
{
    const struct s3_ask ask = {.method = "DELETE", .key = key};
    struct net_result r;

    enum err e = s3_ask(arena, s, &ask, &r, said);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* As long as it may be with so many objects: who asks for one has no room for a thousand. */
static size_t s3_listing_max_bytes(int max)
{
    ASSERT(max >= 1 && max <= S3_LIST_MAX);
    return ERROR_MAX_BYTES + (size_t)max * LISTED_OBJECT_BYTES;
}

enum err s3_list(struct arena *arena, const struct s3 *s, struct str prefix, struct str from, int max,
                 struct s3_listing *ret_listing, struct s3_said *said)
{
    const struct sigv4_pair query[] = {{STR("list-type"), STR("2")},
                                       {STR("max-keys"), arena_printf(arena, "%d", max)},
                                       {STR("prefix"), prefix},
                                       {STR("continuation-token"), from}};
    const struct s3_ask ask = {.method = "GET",
                               .query = query,
                               .n_query = from.p == NULL ? 3 : 4,
                               .reply_max_bytes = s3_listing_max_bytes(max)};
    struct net_result r;

    enum err e = s3_ask(arena, s, &ask, &r, said);
    return e == OK ? s3_read_listing(arena, r.body, ret_listing) : e;
}

/* Calls that somebody else makes */

struct s3_others_call {
    const struct s3 *s;
    struct s3_ask ask;
    struct net_sign_in sign_in;
};

static bool s3_others_refused(struct arena *arena, const struct net_result *r)
{
    const struct s3_ask ask = {.reply_fd = 0};
    struct s3_error error;

    s3_read_reply(arena, &ask, 0, r, &error);
    return s3_refuses_key(r, &error);
}

/* Signed anew, with the other key. */
static void s3_others_put(const struct net_sign_in *sign_in, struct arena *arena, struct net_call *call)
{
    const struct s3_others_call *o = sign_in->arg;
    struct net_call again;

    s3_call(arena, o->s, &o->ask, &sign_in->with, US_PER_SEC, &again);
    call->headers = again.headers;
}

/* It is not fresh: there may be thousands of them, and each may be made twice. */
static void s3_others_call(struct arena *arena, const struct s3 *s, const struct s3_ask *ask, struct net_call *ret_call)
{
    struct s3_others_call *o = arena_alloc(arena, sizeof *o);

    *o = (struct s3_others_call){
        .s = s, .ask = *ask, .sign_in = {secret_try_begin(s->secrets), s3_others_refused, s3_others_put, o}};
    s3_call(arena, s, &o->ask, &o->sign_in.with, s->timeout_sec * US_PER_SEC, ret_call);
    ret_call->sign_in = &o->sign_in;
    ret_call->fresh = false;
}

void s3_call_object(struct arena *arena, const struct s3 *s, const char *method, struct str key,
                    struct net_call *ret_call)
{
    const struct s3_ask ask = {.method = method, .key = key};

    s3_others_call(arena, s, &ask, ret_call);
}

void s3_call_list(struct arena *arena, const struct s3 *s, const struct s3_wish *wish, struct net_call *ret_call)
{
    const struct sigv4_pair pairs[] = {{STR("list-type"), STR("2")},
                                       {STR("max-keys"), arena_printf(arena, "%d", wish->max)},
                                       {STR("prefix"), wish->prefix},
                                       {STR("start-after"), wish->after}};
    struct sigv4_pair *query = arena_alloc(arena, sizeof pairs);
    const struct s3_ask ask = {.method = "GET",
                               .query = query,
                               .n_query = wish->after.p == NULL ? 3 : 4,
                               .reply_max_bytes = s3_listing_max_bytes(wish->max)};

    memcpy(query, pairs, sizeof pairs);
    s3_others_call(arena, s, &ask, ret_call);
}

enum err s3_called(struct arena *arena, const struct net_result *r, struct s3_said *said)
{
    const struct s3_ask ask = {.reply_fd = 0};
    struct s3_error error;

    s3_read_reply(arena, &ask, 0, r, &error);
    s3_tell(arena, r, &error, 1, said);
    return s3_judge(r, &error)->err;
}

/* The codes of S3, R2, Swift, Ceph and MinIO. HEAD has no body, and so no code. */
static const struct s3_verdict s3_verdicts[] = {
    {404, "NoSuchKey", ERR_NOT_FOUND, false},
    {404, "NoSuchBucket", ERR_STORE, false},
    {507, NULL, ERR_STORE_FULL, false},
    {0, "EntityTooLarge", ERR_STORE_FULL, false}, /* Swift's of a quota: 20 MB are too large for nobody */
    {0, "QuotaExceeded", ERR_STORE_FULL, false},
    {0, "ServiceQuotaExceeded", ERR_STORE_FULL, false},
    {0, "XMinioStorageFull", ERR_STORE_FULL, false},
    {0, "InsufficientCapacity", ERR_STORE_FULL, false},
    {408, NULL, ERR_STORE, true},
    {409, "OperationAborted", ERR_STORE, true},
    {429, NULL, ERR_STORE, true},
    {500, NULL, ERR_STORE, true},
    {502, NULL, ERR_STORE, true},
    {503, NULL, ERR_STORE, true},
    {504, NULL, ERR_STORE, true},
    {400, "BadDigest", ERR_STORE, true}, /* damaged on the way, as far as anybody knows */
    {400, "ClientDisconnect", ERR_STORE, true},
    {400, "IncompleteBody", ERR_STORE, true},
    {400, "RequestTimeout", ERR_STORE, true},
    {0, NULL, ERR_STORE, false},
};
