/*
 * The headers by which a mail program offers to switch a kind of mail off: List-Unsubscribe (RFC 2369 3.2) and
 * List-Unsubscribe-Post (RFC 8058 3.1). The relay must sign them (docs/operations.md#mail-that-arrives).
 */
#pragma once

#include "base/arena.h"
#include "net/call.h"

#define UNSUBSCRIBE_HEADERS 2

/* url: of the service; token: of TOKEN_UNSUBSCRIBE. Returns UNSUBSCRIBE_HEADERS. */
size_t unsubscribe_headers(struct arena *arena, struct str url, struct str token,
                           struct net_header ret_headers[static UNSUBSCRIBE_HEADERS]);
