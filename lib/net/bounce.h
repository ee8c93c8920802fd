/*
 * Reads a mail that came back (RFC 3464: multipart/report with a part message/delivery-status), by GMime, which is included by
 * bounce.c alone.
 *
 *    struct bounce b = bounce_read(&arena, message);
 *    if (b.is_permanent) ...
 *
 * Limits: a message of BOUNCE_MAX_BYTES; what follows may be missing, because the report comes before the mail that it is
 * about. A mail server that says in a text of its own what went wrong is not understood.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define BOUNCE_MAX_BYTES (256u << 10)

struct bounce {
    bool is_permanent;  /* a recipient has Action "failed" and a Status of class 5 (RFC 3463) */
    bool is_of_address; /* and by that Status no mail can reach the address, whatever is in it and whoever sends it */
    struct str why;     /* of the first such recipient: "5.1.1 smtp; 550 no such user"; one line of UTF-8 */
    /* To whom it came back: words of Delivered-To, X-Original-To, Envelope-To and To, in this order, that may be addresses. */
    struct strs recipients;
};

struct bounce bounce_read(struct arena *arena, struct str message);
