#include "net/again.h"

#include "base/clock.h"
#include "net/call.h"
#include "net/mail.h"

/* One that has a time to start by may have waited for its turn until then; each of its ends is kept, because leases cover them. */
static int64_t again_left_us(const struct again *a)
{
    int64_t timeout_us = *a->timeout_sec * US_PER_SEC;
    bool waits = a->start_by_us != NULL && *a->start_by_us != 0;
    int64_t left_us =
        waits ? *a->start_by_us + timeout_us - clock_boot_us() : a->began_us + timeout_us - clock_mono_us();

    if (a->start_before_us != NULL && *a->start_before_us != 0)
        left_us = MIN(left_us, *a->start_before_us + timeout_us - clock_now_us());
    return left_us;
}

bool again_in_time(const struct again *a)
{
    int64_t left_sec = again_left_us(a) / US_PER_SEC;
    int timeout_sec = (int)MIN(left_sec, (int64_t)*a->timeout_sec);

    if (timeout_sec < 1)
        return false;
    int64_t later_us = (*a->timeout_sec - timeout_sec) * US_PER_SEC;
    if (a->start_by_us != NULL && *a->start_by_us != 0)
        *a->start_by_us += later_us;
    if (a->start_before_us != NULL && *a->start_before_us != 0)
        *a->start_before_us += later_us;
    *a->timeout_sec = timeout_sec;
    *a->connect_timeout_sec = MIN(*a->connect_timeout_sec, timeout_sec);
    return true;
}

/* An answer that is no refusal shows that the secret is taken; one of something in between shows nothing. */
static bool again_with_next(struct secret_try *with, const struct again *a, bool refused, bool answered)
{
    if (!refused) {
        if (answered)
            secret_try_taken(with);
        return false;
    }
    return again_in_time(a) && secret_try_next(with);
}

bool net_call_again(struct net_call *call, struct arena *arena, const struct net_result *r, int64_t began_us)
{
    struct net_sign_in *s = call->sign_in;

    if (s == NULL || s->with.ring->n < 2 || r->err != OK)
        return false;
    const struct again a = {&call->timeout_sec, &call->connect_timeout_sec, &call->start_by_us, &call->start_before_us,
                            began_us};
    if (!again_with_next(&s->with, &a, s->refused(arena, r), r->status < 500))
        return false;
    s->put(s, arena, call);
    return true;
}

bool net_mail_again(struct net_mail *mail, const struct net_result *r, int64_t began_us)
{
    struct secret_try *with = mail->with;

    if (with == NULL || with->ring->n < 2)
        return false;
    const struct again a = {&mail->timeout_sec, &mail->connect_timeout_sec, &mail->start_by_us, NULL, began_us};
    if (!again_with_next(with, &a, r->sign_in_refused, r->err == OK))
        return false;
    mail->secret = *secret_try_now(with);
    return true;
}
