/*
 * To whom programs speak, and what they may reach there: one table (outgoing.def). What belongs to no row is not sent.
 *
 *    struct net_call call = {.to = OUTGOING_STRIPE, ...};
 */
#pragma once

#include <stdbool.h>

#include "base/policy.h"

enum outgoing {
    OUTGOING_NOBODY, /* the caller has forgotten it: ASSERTed */
#define OUTGOING(id, name, class, private, socket, recipient) OUTGOING_##id,
#include "net/outgoing.def"
#undef OUTGOING
    OUTGOING__MAX
};

enum outgoing_private { PRIVATE_NEVER, PRIVATE_IF_SET };

struct outgoing_row {
    const char *name, *class;
    enum outgoing_private private;
    bool socket;
    int recipient; /* enum policy_recipient, or -1 */
};

extern const struct outgoing_row outgoings[OUTGOING__MAX];

/* In test builds, a line of $MARKETINGCLI_TEST_DIR/called, if that file is there: "stripe localhost:8443". */
#ifdef TEST_HOOKS
void outgoing_note(enum outgoing to, const char *host);
#else
static inline void outgoing_note(enum outgoing to, const char *host)
{
    (void)to, (void)host;
}
#endif
