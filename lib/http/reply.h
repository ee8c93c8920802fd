/*
 * An answer being made. Handlers fill it; the program sends it once they return.
 *
 *    return reply_data(rep, 201, keys_shown_fields, &key);
 *
 * JSON answers have the envelope of docs/api.md#answers: {"data": ..., "meta": {"request_id": ...}}.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/problem.h"
#include "http/sink.h"
#include "json/json.h"

#define REPLY_HEADERS_MAX 16
#define REPLY_BODY_MAX (4u << 20) /* 100 posts with 35 images each stay far below */

struct reply_header {
    const char *name;
    struct str value;
    bool standing;
};

struct reply {
    struct arena *arena;
    struct str request_id;
    int status; /* 0: the handler has not answered yet */
    const char *content_type;
    struct reply_header headers[REPLY_HEADERS_MAX];
    size_t headers_n;
    struct buf body;
    enum err (*stream)(struct sink *sink, void *arg); /* writes the body instead; NULL: body is the whole of it */
    void *stream_arg;
    void (*over)(void *arg); /* reply_when_over */
    void *over_arg;
};

/* "Not Found": what the status line says after the code. Any status has one: RFC 9112 4 wants at least a space. */
const char *reply_reason(int status);

void reply_init(struct reply *r, struct arena *arena, struct str request_id);
void reply_done(struct reply *r);

/* The value is copied; it must not contain CR, LF or NUL (ASSERTed). A header that is set twice is sent twice. */
void reply_header(struct reply *r, const char *name, struct str value);

/* A header that holds whatever the answer becomes: reply_error keeps it. Set again, it replaces the first. */
void reply_standing_header(struct reply *r, const char *name, struct str value);

MUST_CHECK enum err reply_data(struct reply *r, int status, const struct json_field *fields, const void *value);
/* data is the text of a JSON value, as reply_data wrote it before. */
MUST_CHECK enum err reply_data_text(struct reply *r, int status, struct str data);
MUST_CHECK enum err reply_nothing(struct reply *r);                       /* 204 */
MUST_CHECK enum err reply_redirect(struct reply *r, struct str location); /* 303 */

/* n elements of size bytes each; meta gets limit, has_more and next_cursor; without a next_cursor, false and null. */
MUST_CHECK enum err reply_list(struct reply *r, const struct json_field *fields, const void *v, size_t n, size_t size,
                               int64_t limit, struct str next_cursor);

/* Any other body, without the envelope: HTML, the simulator's JSON. */
MUST_CHECK enum err reply_body(struct reply *r, int status, const char *content_type, struct str body);

/*
 * A body of any size, which write puts into the sink after the handler has returned; only for a route with .streams.
 *
 * Nothing is sent before the first put. If write fails until then, the client gets that error as its answer. A later
 * failure comes too late for a status: the answer then breaks off in a way that every client of HTTP/1.1 and 2 notices
 * (no last chunk, a reset stream), and the log has the error. A HEAD is answered without calling write.
 *
 * arg and all that write uses live in the request's arena, which is not cleared before write has returned: use it for
 * what is bounded, and let db_each read the rows. write holds no lock, no transaction and no statement while it puts:
 * the slowest of readers decides how long that takes. The request's thread is taken for all that time.
 */
MUST_CHECK enum err reply_stream(struct reply *r, int status, const char *content_type,
                                 enum err (*write)(struct sink *sink, void *arg), void *arg);

/*
 * Calls over once, when the answer has been sent or nothing comes of it any more: for what a stream uses that is in no arena, such as a
 * file.
 */
void reply_when_over(struct reply *r, void (*over)(void *arg), void *arg);

/*
 * Answers with an error in the shape of docs/api.md#answers. problems may be NULL or empty. ERR_VALIDATION with problems
 * becomes problems_err of them; a code that is inside only becomes internal_error, without details. Whatever was set before
 * is forgotten, except for the standing headers.
 */
void reply_error(struct reply *r, enum err code, const struct problems *problems);
