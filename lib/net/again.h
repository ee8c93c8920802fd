/* How a call or a mail is made again with another secret: net/call.h and net/mail.h. Nothing outside lib/net includes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What bounds it, and is moved on for the next try. */
struct again {
    int *timeout_sec, *connect_timeout_sec;
    int64_t *start_by_us, *start_before_us; /* NULL: it has none */
    int64_t began_us;                       /* clock_mono_us */
};

/* True, and the bounds are those of the next try: it ends when this one would have had to end. */
bool again_in_time(const struct again *a);
