/* marketingcli-admin billing events|replay: what Stripe has told us, and what became of it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/billing/provider_event.h"
#include "user.h"

#define LISTED_MAX 100 /* a screen or two; the options keep them apart */

static void billing_events_put_word(const char *name, struct str value)
{
    if (value.n == 0)
        return;
    printf(" %s=", name);
    put_foreign(value);
}

static void billing_events_put(const struct provider_event *event)
{
    char at[TIME_TEXT_SIZE];

    put_foreign(event->event_id);
    putchar(' ');
    put_foreign(event->type);
    time_format(event->received_at_us, at);
    printf(" %s %s", provider_event_state_names[event->state], at);
    if (event->why != PROVIDER_EVENT_HAS_NO_WHY)
        printf(" why=%s", provider_event_why_names[event->why]);
    if (event->via != PROVIDER_EVENT_BY_WEBHOOK)
        printf(" via=%s", provider_event_via_names[event->via]);
    if (!uuid_is_none(&event->user_id))
        printf(" user=%s", uuid_text(&event->user_id).s);
    billing_events_put_word("customer", event->customer_id);
    billing_events_put_word("subscription", event->subscription_id);
    billing_events_put_word("charge", event->charge_id);
    billing_events_put_word("status", event->status);
    putchar('\n');
}

/* -1: of every state. False after a complaint. */
static bool billing_events_state(const char *name, int *ret_state)
{
    *ret_state = -1;
    if (name == NULL)
        return true;
    for (int i = 0; provider_event_state_names[i] != NULL; i++)
        if (strcmp(provider_event_state_names[i], name) == 0) {
            *ret_state = i;
            return true;
        }
    complain("--state %s: say waiting, done or ignored", name);
    return false;
}

static int billing_events_list(struct desk *desk, const struct uuid *user_id, int state)
{
    struct provider_event *events;
    size_t n;

    enum err e = provider_events_list(desk->db, &desk->arena, user_id, state, LISTED_MAX, &events, &n);
    if (e != OK)
        return desk_complain(desk, e);
    for (size_t i = 0; i < n; i++)
        billing_events_put(&events[i]);
    return EXIT_DONE;
}

int verb_billing_events(const struct given *given)
{
    struct user user = {.id = {{0}}};
    struct given of = *given;
    struct desk desk;
    int state;

    if (!billing_events_state(given->state, &state))
        return EXIT_USAGE;
    of.argument = given->of;
    if (given->of != NULL ? !user_at_desk(&desk, &of, &user) : !desk_open(&desk, given))
        return EXIT_FAILED;
    int code = billing_events_list(&desk, &user.id, state);
    desk_close(&desk);
    return code;
}

int verb_billing_replay(const struct given *given)
{
    struct event_seen seen;
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = provider_event_replay(desk.db, &desk.arena, str_from(given->argument), (struct str){0}, &seen);
    int code = EXIT_DONE;
    if (e == ERR_NOT_FOUND)
        code = complain("there is no event %s; those of more than 30 days ago are gone", given->argument);
    else if (e == ERR_CONFLICT)
        code = complain("%s is about none of our users: %s", given->argument, provider_event_why_names[seen.why]);
    else if (e != OK)
        code = desk_complain(&desk, e);
    else
        printf("%s waits for the worker\n", given->argument);
    desk_close(&desk);
    return code;
}
