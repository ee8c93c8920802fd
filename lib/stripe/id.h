/*
 * Stripe's ids: a prefix that says of what, and letters, digits and '_'. How long they are is not promised; our columns
 * take STRIPE_ID_MAX_BYTES. Whether an id is there, and whose it is, Stripe knows.
 *
 *    if (!stripe_id_is(input->session_id, STRIPE_ID_SESSION))
 *        return ERR_NOT_FOUND;
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define STRIPE_ID_MAX_BYTES 255

#define STRIPE_ID_CUSTOMER "cus_"
#define STRIPE_ID_SUBSCRIPTION "sub_"
#define STRIPE_ID_SESSION "cs_"
#define STRIPE_ID_EVENT "evt_"
#define STRIPE_ID_PRICE "price_"
#define STRIPE_ID_CHARGE "ch_|py_" /* py_: paid without a card */

bool stripe_id_is(struct str id, const char *prefix);            /* or one of several prefixes, with '|' between them */
struct str stripe_id_or_none(struct str id, const char *prefix); /* absent if it is not one */
