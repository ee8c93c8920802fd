/* What the pages of the simulated Stripe share. */
#pragma once

#include "base/clock.h"
#include "sandbox/stripe/stripe.h"

#define STRIPE_PAGE_MAX_BYTES (256u << 10) /* the portal of a customer with a hundred subscriptions */

MUST_CHECK enum err stripe_page_say(struct ctx *c, int status, const char *title, const char *text);

/* Reads the form that was sent. False: answered, or *ret_err. */
bool stripe_page_form(struct ctx *c, struct form *ret_form, enum err *ret_err);
