/*
 * A page of a list of Stripe's, whatever it lists. For lib/stripe's readers alone.
 *
 *    static const struct json_field fields[] = {STRIPE_LIST_FIELDS(struct stripe_read_object, stripe_read_object_fields)};
 *    e = stripe_read_list(r, arena, fields, &list, ret_error);
 *    for (size_t i = 0; i < list.data.n; i++) ... ((const struct stripe_read_object *)list.data.v)[i]
 */
#pragma once

#include "json/json.h"
#include "stripe/error.h"

#define STRIPE_LIST_MAX 100 /* that Stripe has on a page */

struct stripe_list {
    struct str object;
    struct json_array data;
    bool has_more;
};

#define STRIPE_LIST_FIELDS(T, fields_) \
    {.name = "object", JSON_STR(struct stripe_list, object), .typed = true, .required = true}, \
        {.name = "data", \
         JSON_ARRAY(struct stripe_list, data, T, fields_), \
         .max = STRIPE_LIST_MAX, \
         .typed = true, \
         .required = true}, \
        {.name = "has_more", JSON_BOOL(struct stripe_list, has_more), .typed = true, .required = true}, JSON_END

/* OK, what stripe_read_answer returns, or ERR_NET_UNKNOWN if a success is no such list. */
MUST_CHECK enum err stripe_read_list(const struct net_result *r, struct arena *arena, const struct json_field *fields,
                                     struct stripe_list *ret_list, struct stripe_error *ret_error);
