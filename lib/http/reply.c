#include "http/reply.h"

struct meta {
    struct str request_id;
    int64_t limit;
    bool has_more;
    struct str next_cursor;
};

struct detail {
    struct str code, message, param;
    struct problem_limit limit;
    bool has_limit;
};

struct platform_error {
    struct str code, log_id;
};

struct reply_failure {
    struct str code, type, message, param;
    bool retryable, platform_given;
    struct json_array details;
    struct platform_error platform_error;
    struct str may_exist_id;
};

static const struct json_field reply_meta_fields[] = {{.name = "request_id", JSON_STR(struct meta, request_id)},
                                                      JSON_END};

static const struct json_field reply_list_meta_fields[] = {{.name = "request_id", JSON_STR(struct meta, request_id)},
                                                           {.name = "limit", JSON_I64(struct meta, limit)},
                                                           {.name = "has_more", JSON_BOOL(struct meta, has_more)},
                                                           {.name = "next_cursor", JSON_STR(struct meta, next_cursor)},
                                                           JSON_END};

static const struct json_field reply_detail_fields[] = {
    {.name = "code", JSON_STR(struct detail, code)},
    {.name = "message", JSON_STR(struct detail, message)},
    {.name = "param", JSON_STR(struct detail, param)},
    {.name = "limit", JSON_I64(struct detail, limit.max), JSON_GIVEN(struct detail, has_limit), .omit_empty = true},
    {.name = "used", JSON_I64(struct detail, limit.used), JSON_GIVEN(struct detail, has_limit), .omit_empty = true},
    {.name = "plan", JSON_STR(struct detail, limit.plan), .omit_empty = true},
    {.name = "allowed_by_plan", JSON_STR(struct detail, limit.allowed_by), .omit_empty = true},
    JSON_END};

static const struct json_field reply_platform_error_fields[] = {
    {.name = "code", JSON_STR(struct platform_error, code)},
    {.name = "log_id", JSON_STR(struct platform_error, log_id)},
    JSON_END};

static const struct json_field reply_failure_fields[] = {
    {.name = "code", JSON_STR(struct reply_failure, code)},
    {.name = "type", JSON_STR(struct reply_failure, type)},
    {.name = "message", JSON_STR(struct reply_failure, message)},
    {.name = "param", JSON_STR(struct reply_failure, param)},
    {.name = "retryable", JSON_BOOL(struct reply_failure, retryable)},
    {.name = "details", JSON_ARRAY(struct reply_failure, details, struct detail, reply_detail_fields)},
    {.name = "platform_error",
     JSON_OBJECT(struct reply_failure, platform_error, reply_platform_error_fields),
     JSON_GIVEN(struct reply_failure, platform_given)},
    {.name = "may_exist_id", JSON_STR(struct reply_failure, may_exist_id)},
    JSON_END};

static const struct {
    int status;
    const char *reason;
} reply_reasons[] = {
#define STATUS(status_, reason_) {.status = (status_), .reason = (reason_)},
#include "http/status.def"
#undef STATUS
};

const char *reply_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reply_reasons); i++)
        if (reply_reasons[i].status == status)
            return reply_reasons[i].reason;
    return "Unknown";
}

void reply_init(struct reply *r, struct arena *arena, struct str request_id)
{
    *r = (struct reply){.arena = arena, .request_id = request_id, .body = BUF_MAX(REPLY_BODY_MAX)};
}

void reply_done(struct reply *r)
{
    if (r->over != NULL)
        r->over(r->over_arg);
    r->over = NULL;
    buf_done(&r->body);
}

static bool reply_is_header_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
            return false;
    return true;
}

void reply_header(struct reply *r, const char *name, struct str value)
{
    ASSERT(r->headers_n < REPLY_HEADERS_MAX);
    ASSERT(reply_is_header_text(value));
    r->headers[r->headers_n++] = (struct reply_header){.name = name, .value = arena_str(r->arena, value)};
}

void reply_standing_header(struct reply *r, const char *name, struct str value)
{
    size_t i = 0;

    while (i < r->headers_n && !(r->headers[i].standing && strcmp(r->headers[i].name, name) == 0))
        i++;
    if (i == r->headers_n) {
        reply_header(r, name, value);
        r->headers[i].standing = true;
        return;
    }
    ASSERT(reply_is_header_text(value));
    r->headers[i].value = arena_str(r->arena, value);
}

static void reply_forget_headers(struct reply *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->headers_n; i++)
        if (r->headers[i].standing)
            r->headers[n++] = r->headers[i];
    r->headers_n = n;
}

static void reply_begin(struct reply *r, int status, const char *content_type)
{
    r->status = status;
    r->content_type = content_type;
    r->stream = NULL;
    buf_clear(&r->body);
}

static enum err reply_finish(struct reply *r)
{
    if (!r->body.overflow)
        return OK;
    reply_begin(r, 0, NULL);
    return ERR_INTERNAL;
}

static enum err reply_finish_envelope(struct reply *r, const struct json_field *fields, const struct meta *meta)
{
    buf_puts(&r->body, ",\"meta\":");
    json_write(&r->body, fields, meta);
    buf_putc(&r->body, '}');
    return reply_finish(r);
}

enum err reply_data(struct reply *r, int status, const struct json_field *fields, const void *value)
{
    reply_begin(r, status, "application/json");
    buf_puts(&r->body, "{\"data\":");
    json_write(&r->body, fields, value);
    return reply_finish_envelope(r, reply_meta_fields, &(struct meta){.request_id = r->request_id});
}

enum err reply_data_text(struct reply *r, int status, struct str data)
{
    reply_begin(r, status, "application/json");
    buf_puts(&r->body, "{\"data\":");
    buf_putstr(&r->body, data);
    return reply_finish_envelope(r, reply_meta_fields, &(struct meta){.request_id = r->request_id});
}

enum err reply_nothing(struct reply *r)
{
    reply_begin(r, 204, NULL);
    return OK;
}

enum err reply_redirect(struct reply *r, struct str location)
{
    reply_begin(r, 303, NULL);
    reply_header(r, "Location", location);
    return OK;
}

enum err reply_list(struct reply *r, const struct json_field *fields, const void *v, size_t n, size_t size,
                    int64_t limit, struct str next_cursor)
{
    reply_begin(r, 200, "application/json");
    buf_puts(&r->body, "{\"data\":[");
    for (size_t i = 0; i < n; i++) {
        buf_puts(&r->body, i == 0 ? "" : ",");
        json_write(&r->body, fields, (const char *)v + i * size);
    }
    buf_putc(&r->body, ']');
    return reply_finish_envelope(r, reply_list_meta_fields,
                                 &(struct meta){.request_id = r->request_id,
                                                .limit = limit,
                                                .has_more = next_cursor.p != NULL,
                                                .next_cursor = next_cursor});
}

enum err reply_body(struct reply *r, int status, const char *content_type, struct str body)
{
    reply_begin(r, status, content_type);
    buf_putstr(&r->body, body);
    return reply_finish(r);
}

enum err reply_stream(struct reply *r, int status, const char *content_type,
                      enum err (*write)(struct sink *sink, void *arg), void *arg)
{
    reply_begin(r, status, content_type);
    r->stream = write;
    r->stream_arg = arg;
    return OK;
}

void reply_when_over(struct reply *r, void (*over)(void *arg), void *arg)
{
    ASSERT(r->over == NULL);
    r->over = over;
    r->over_arg = arg;
}

/* Clients do not see what went wrong inside: all those codes look alike to them. */
static enum err reply_outside(enum err code)
{
    return err_is_shown(code) ? code : ERR_INTERNAL;
}

static struct str reply_message_of(const struct problem *p, enum err code)
{
    return p->message.p != NULL && code != ERR_INTERNAL ? p->message : str_from(err_sentence(code));
}

static struct json_array reply_details_of(struct arena *arena, const struct problems *problems)
{
    struct detail *v = arena_array(arena, problems->n, sizeof *v);

    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->v[i];
        enum err code = reply_outside(p->code);
        v[i] = (struct detail){.code = str_from(err_slug(code)),
                               .message = reply_message_of(p, code),
                               .param = p->param,
                               .limit = p->limit,
                               .has_limit = p->has_limit};
    }
    return (struct json_array){.v = v, .n = problems->n};
}

void reply_error(struct reply *r, enum err code, const struct problems *problems)
{
    static const struct problems none;
    struct reply_failure f = {0};

    if (problems == NULL || reply_outside(code) == ERR_INTERNAL)
        problems = &none;
    if (code == ERR_VALIDATION && problems->n > 0)
        code = problems_err(problems);
    code = reply_outside(code);
    f.code = str_from(err_slug(code));
    f.type = str_from(err_type(code));
    f.message = str_from(err_sentence(code));
    bool repeat_tells = code == ERR_OUTCOME_UNKNOWN && problems->has_key;
    f.retryable = (err_retryable(code) || repeat_tells) && !problems->used_up;
    if (problems->n == 1 && reply_outside(problems->v[0].code) == code) {
        f.message = reply_message_of(&problems->v[0], code);
        f.param = problems->v[0].param;
    }
    f.details = reply_details_of(r->arena, problems);
    f.platform_given = problems->platform_code.p != NULL || problems->platform_log_id.p != NULL;
    f.platform_error = (struct platform_error){problems->platform_code, problems->platform_log_id};
    if (code == ERR_OUTCOME_UNKNOWN && !uuid_is_none(&problems->may_exist))
        f.may_exist_id = arena_str(r->arena, str_from(uuid_text(&problems->may_exist).s));

    reply_forget_headers(r);
    reply_begin(r, err_status(code), "application/json");
    buf_puts(&r->body, "{\"error\":");
    json_write(&r->body, reply_failure_fields, &f);
    enum err e = reply_finish_envelope(r, reply_meta_fields, &(struct meta){.request_id = r->request_id});
    ASSERT(e == OK); /* PROBLEMS_MAX problems are far below REPLY_BODY_MAX */
}
