/* marketingcli-admin billing sync|sync-all|forget|disown: what worker@billing is asked to do, or not to do any more. */
#include <inttypes.h>
#include <stdio.h>

#include "model/billing/jobs.h"
#include "user.h"

struct billing_asking {
    const struct uuid *user_id;
    enum err (*ask)(struct db *db, const struct uuid *user_id, struct str request_id);
};

static enum err billing_ask_tx(struct db *db, void *arg)
{
    const struct billing_asking *a = arg;

    return a->ask(db, a->user_id, (struct str){0});
}

static int billing_ask_of_user(const struct given *given,
                               enum err (*ask)(struct db *db, const struct uuid *user_id, struct str request_id),
                               const char *words)
{
    struct desk desk;
    struct user user;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = db_tx(desk.db, billing_ask_tx, &(struct billing_asking){&user.id, ask});
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        printf("%s %s\n", given->argument, words);
    desk_close(&desk);
    return code;
}

int verb_billing_sync(const struct given *given)
{
    return billing_ask_of_user(given, billing_ask_sync, "is asked for at Stripe, in a moment");
}

int verb_billing_forget(const struct given *given)
{
    return billing_ask_of_user(given, billing_forget, "is deleted at Stripe, in a moment");
}

int verb_billing_disown(const struct given *given)
{
    struct desk desk;
    struct user user;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = billing_disown(desk.db, &desk.arena, &desk.conf, &user.id);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        desk_end_credentials(&desk);
    int code = e == OK              ? EXIT_DONE
               : e == ERR_NOT_FOUND ? complain("%s has no customer", given->argument)
               : e == ERR_AGAIN
                   ? complain("somebody asks Stripe about %s right now: try again in two minutes", given->argument)
                   : desk_complain(&desk, e);
    if (e == OK)
        printf("%s has no customer any more; Stripe was not asked\n", given->argument);
    desk_close(&desk);
    return code;
}

int verb_billing_sync_all(const struct given *given)
{
    struct desk desk;
    uint64_t n = 0;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = billing_ask_all(desk.db, &n);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    printf("%" PRIu64 " users are asked for at Stripe, one after another\n", n);
    desk_close(&desk);
    return code;
}
