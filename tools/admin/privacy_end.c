/* marketingcli-admin privacy disconnect|erase|cancel: what is asked for by mail that ends something. The workers that hold the secrets do it. */
#include <stdio.h>

#include "model/privacy/erasure.h"
#include "privacy.h"

static int privacy_disconnect(struct desk *desk, const struct given *given, const struct user *user)
{
    struct uuid account = UUID_NONE;
    size_t n;

    if (given->account != NULL && !uuid_parse(str_from(given->account), &account))
        return complain("%s is not the id of an account", given->account);
    enum err e = request_disconnect(desk->db, &desk->arena, &user->id, &account, &n);
    if (e == ERR_NOT_FOUND)
        return complain("there is no account %s of this user that is connected", given->account);
    if (e != OK)
        return desk_complain(desk, e);
    printf("%zu to be disconnected: worker@publish does it\n", n);
    return EXIT_DONE;
}

int verb_privacy_disconnect(const struct given *given)
{
    return privacy_do(given, &(struct privacy_deed){REQUEST_DISCONNECT, privacy_disconnect});
}

/* With the grace that users have, in which they, too, can cancel it. */
static int privacy_erase(struct desk *desk, const struct given *given, const struct user *user)
{
    const struct erasure_ask ask = {.user_id = user->id,
                                    .by = ACTIVITY_BY_ADMIN,
                                    .grace_us = desk->conf.erasure_grace_days * US_PER_DAY,
                                    .reason = str_from(given->reason)};
    struct erasure erasure;

    enum err e = erasure_begin(desk->db, &desk->arena, &desk->conf, &ask, &erasure);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN) /* keys are revoked, and sessions ended */
        desk_end_credentials(desk);
    if (e != OK)
        return desk_complain(desk, e);
    printf("receipt %s\n", uuid_text(&erasure.id).s);
    return EXIT_DONE;
}

int verb_privacy_erase(const struct given *given)
{
    return privacy_do(given, &(struct privacy_deed){REQUEST_ERASE, privacy_erase});
}

/* For an owner who cannot sign in. It is no request of its own: the erasure that ends here was noted as one, where it was one. */
int verb_privacy_cancel(const struct given *given)
{
    struct erasure erasure;
    struct str reason;
    struct desk desk;
    struct user user;

    if (!privacy_reason(given, &reason))
        return EXIT_USAGE;
    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = erasure_cancel(desk.db, &desk.arena, &user.id, ACTIVITY_BY_ADMIN, reason, &erasure);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        printf("receipt %s is canceled; keys, TikTok accounts and images that had gone do not come back\n",
               uuid_text(&erasure.id).s);
    desk_close(&desk);
    return code;
}
