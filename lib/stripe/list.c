#include "stripe/list.h"

enum err stripe_read_list(const struct net_result *r, struct arena *arena, const struct json_field *fields,
                          struct stripe_list *ret_list, struct stripe_error *ret_error)
{
    struct stripe_list list = {.has_more = false};

    enum err e = stripe_read_answer(r, arena, ret_error);
    if (e != OK)
        return e;
    if (json_read(arena, r->body, fields, &list) != OK || !str_eqc(list.object, "list"))
        return ERR_NET_UNKNOWN;
    *ret_list = list;
    return OK;
}
