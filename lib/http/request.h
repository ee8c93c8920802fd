/* A request as a handler sees it. Everything lives in the request's arena. */
#pragma once

#include "base/uuid.h"
#include "http/body.h"
#include "http/form.h"
#include "http/route.h"

struct request {
    struct str method, path; /* path without the query string */
    struct str id;           /* 32 hex digits, made by nginx; X-Request-Id */
    struct str host, origin, sec_fetch_site, accept, content_type, cookie, authorization;
    struct form query;
    struct str param[ROUTE_PARAMS_MAX];
    struct body body;
};

/* The media type of Content-Type without its parameters, lower case: "application/json". */
struct str request_media_type(const struct request *r, struct arena *arena);

/* param[i] as an id; ERR_NOT_FOUND when it is not one: an id that cannot exist is an id that does not. */
MUST_CHECK enum err request_param_uuid(const struct request *r, size_t i, struct uuid *ret_id);
