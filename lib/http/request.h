/* A request as a handler sees it. Everything lives in the request's arena. */
#pragma once

#include "base/uuid.h"
#include "http/body.h"
#include "http/form.h"
#include "http/route.h"

struct request {
    struct str method, path;                  /* path without the query string */
    struct str id;                            /* 32 hex digits, made by nginx; X-Request-Id */
#define HEADER(field, name) struct str field; /* as sent; absent without it */
#define HEADER_AS_SENT(field, name) \
    struct str field; \
    int field##_times; /* how often it was sent */
#include "http/header.def"
#undef HEADER
#undef HEADER_AS_SENT
    struct form query;
    struct str param[ROUTE_PARAMS_MAX];
    struct body body;
    bool is_private; /* of the simulator: it came by nginx's socket for programs of this machine (sandbox.socket) */
};

/*
 * Takes one FastCGI parameter, "HTTP_COOKIE=...", into the field of its header; the first one counts, and those that
 * header.def does not name are ignored. CGI's CONTENT_TYPE is the same once more, and counts as none that was sent. The text is not copied.
 */
void request_take_header(struct request *r, const char *param);

/* The media type of Content-Type without its parameters, lower case: "application/json". */
struct str request_media_type(const struct request *r, struct arena *arena);

/* param[i] as an id. ERR_NOT_FOUND when it is not one: what cannot be an id does not exist. */
MUST_CHECK enum err request_param_uuid(const struct request *r, size_t i, struct uuid *ret_id);
