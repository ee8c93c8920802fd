/*
 * A struct net_call as a curl easy handle, and the end of a transfer as a struct net_result. Shared by call.c (one
 * blocking call) and loop.c (many on one thread); nothing outside lib/net includes it.
 *
 *    struct transfer *t = transfer_new(&call);    // copies all it needs of the call
 *    if (transfer_is_late(t))
 *        transfer_end_unsent(t, "...");        // or let it run: it is asked again right before the first byte
 *    curl_multi_add_handle(multi, transfer_easy(t));    // CURLINFO_PRIVATE of the handle is t
 *    ...
 *    transfer_end(t, msg->data.result);        // on the thread that ran it, after curl_multi_remove_handle
 *    transfer_result(t, arena, &result);        // on any thread, when that one is done with it
 *    transfer_free(t);
 *
 * Whether a byte of the request may have left is known from CURLOPT_PREREQFUNCTION, which libcurl calls when the
 * connection stands (TLS verified) and before it writes the request: a transfer that ends without that call was not
 * sent; every other end without a whole answer is unknown.
 */
#pragma once

#include <curl/curl.h>

#include "net/call.h"

struct transfer;

struct transfer *transfer_new(const struct net_call *call);
void transfer_free(struct transfer *t); /* wipes what may be secret; not while the handle is in a multi */
DEFINE_FREEP(struct transfer, transfer_free)

CURL *transfer_easy(struct transfer *t);
bool transfer_is_late(const struct transfer *t); /* start_by_us is over and nothing was sent */

void transfer_end(struct transfer *t, CURLcode code);
void transfer_end_unsent(struct transfer *t, const char *detail); /* ERR_NET_NOT_SENT; detail is static */

/* Strings are copied to the arena. */
void transfer_result(const struct transfer *t, struct arena *arena, struct net_result *ret_result);
