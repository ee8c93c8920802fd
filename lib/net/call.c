#include "net/call.h"

#include "net/transfer.h"

void net_init(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

void net_call_run(struct arena *arena, const struct net_call *call, struct net_result *ret_result)
{
    _cleanup_(transfer_freep) struct transfer *t = transfer_new(call);

    if (transfer_is_late(t))
        transfer_end_unsent(t, "too late to be sent");
    else
        transfer_end(t, curl_easy_perform(transfer_easy(t)));
    transfer_result(t, arena, ret_result);
}
