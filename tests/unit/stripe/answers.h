/* Answers of Stripe's for the tests of its readers. */
#pragma once

#include "net/call.h"

static struct net_result answer(int status, const char *body)
{
    struct net_result r = {.err = OK, .status = status, .body = str_from(body)};

    r.headers[0] = STR("req_1"); /* Request-Id */
    return r;
}
