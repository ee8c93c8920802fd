/*
 * Bodies and queries as Stripe wants them: application/x-www-form-urlencoded with nested names, a[b][0][c]=value. What
 * stands between the brackets is encoded, the brackets are not, as in Stripe's own clients. (lib/http/form.h has flat
 * names.)
 *
 *    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);
 *    stripe_form_put(&form, STRIPE_NAME("line_items", "0", "price"), price);
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define STRIPE_NAME(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Appends a pair, with '&' before it unless the form is empty or ends with '?'. An absent value appends nothing; an
 * empty one is sent, which at Stripe deletes what was there. */
void stripe_form_put(struct buf *form, const char *const *name, struct str value);
void stripe_form_put_i64(struct buf *form, const char *const *name, int64_t value);
void stripe_form_put_bool(struct buf *form, const char *const *name, bool value);

/* name[0]=..., name[1]=...: a list of texts. */
void stripe_form_put_list(struct buf *form, const char *name, const char *const *values, size_t n);
