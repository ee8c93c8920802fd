/* marketingcli-admin invitation create|list|revoke: who can register where registration.mode is invitation. */
#include <inttypes.h>
#include <stdio.h>

#include "admin.h"
#include "base/clock.h"
#include "model/user/invitation.h"

#define DAYS_MAX (INVITATION_LIFETIME_MAX_US / US_PER_DAY)

static bool invitation_number(const char *option, const char *text, int64_t most, int64_t *ret)
{
    if (str_to_i64(str_from(text), ret) && *ret >= 1 && *ret <= most)
        return true;
    complain("%s must be a number from 1 to %" PRId64, option, most);
    return false;
}

int verb_invitation_create(const struct given *given)
{
    struct invitation_new new;
    struct desk desk;
    struct str code;
    struct uuid id;
    int64_t days;

    if (!invitation_number("--uses", given->uses, INVITATION_USES_MAX, &new.uses_max) ||
        !invitation_number("--days", given->days, DAYS_MAX, &days))
        return EXIT_USAGE;
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    new.lifetime_us = days *US_PER_DAY;
    enum err e = invitation_create(desk.db, &desk.arena, &new, &code, &id);
    int exit = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        printf("made the invitation %s\ncode: %.*s\n", uuid_text(&id).s, STR_FMT(code));
    desk_close(&desk);
    return exit;
}

static enum err invitation_show(const void *row, void *arg)
{
    const struct invitation *i = row;
    char text[TIME_TEXT_SIZE];

    (void)arg;
    time_format(i->expires_at_us, text);
    printf("%s  %" PRId64 " of %" PRId64 " used, expires %s%s\n", uuid_text(&i->id).s, i->uses, i->uses_max, text,
           i->revoked_at_us != 0 ? ", revoked" : "");
    return OK;
}

int verb_invitation_list(const struct given *given)
{
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = invitation_each(desk.db, invitation_show, NULL);
    int exit = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    desk_close(&desk);
    return exit;
}

int verb_invitation_revoke(const struct given *given)
{
    struct desk desk;
    struct uuid id;

    if (!uuid_parse(str_from(given->argument), &id))
        return complain("%s is not the id of an invitation", given->argument);
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = invitation_revoke(desk.db, &id);
    int exit = EXIT_DONE;
    if (e == ERR_NOT_FOUND)
        exit = complain("there is no invitation %s", given->argument);
    else if (e != OK)
        exit = desk_complain(&desk, e);
    else
        printf("%s is revoked\n", given->argument);
    desk_close(&desk);
    return exit;
}
