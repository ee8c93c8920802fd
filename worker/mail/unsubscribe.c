#include "mail/unsubscribe.h"

size_t unsubscribe_headers(struct arena *arena, struct str url, struct str token,
                           struct net_header ret_headers[static UNSUBSCRIBE_HEADERS])
{
    ret_headers[0] =
        (struct net_header){"List-Unsubscribe", arena_printf(arena, "<%.*s/api/v1/mail/unsubscribe?token=%.*s>",
                                                             STR_FMT(url), STR_FMT(token))};
    ret_headers[1] = (struct net_header){"List-Unsubscribe-Post", STR("List-Unsubscribe=One-Click")};
    return UNSUBSCRIBE_HEADERS;
}
