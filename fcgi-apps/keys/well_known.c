/* What is found at a well-known address (RFC 8615) and is not a file. The other one, change-password, is nginx's. */
#include "base/clock.h"
#include "http/security_txt.h"
#include "keys/keys.h"

#define BODY_MAX_BYTES 2048

static enum err well_known_security(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(BODY_MAX_BYTES);

    if (c->conf->security_contact.n == 0)
        return ERR_NOT_FOUND;
    security_txt_write(c->conf, clock_now_us(), &b);
    ASSERT(!b.overflow);
    return reply_body(&c->rep, err_status(OK), "text/plain; charset=utf-8", buf_str(&b));
}

const struct route well_known_routes[] = {
    {.method = "GET",
     .pattern = "/.well-known/security.txt",
     .handler = well_known_security,
     .auth = AUTH_FOREIGN,
     .rate = RATE_HEALTH,
     .summary = "Whom to tell about a hole (RFC 9116)"},
    ROUTE_END,
};
