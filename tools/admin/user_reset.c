/*
 * marketingcli-admin user reset-password|reset-totp: for somebody who cannot sign in any more. A password and not a link,
 * because the admin must have something to hand over that works without mail, and for longer than half an hour. Make sure
 * that it is the owner of the account who asks.
 */
#include <stdio.h>

#include "user.h"
#include "model/user/user_admin.h"

int verb_user_reset_password(const struct given *given)
{
    struct user_password password;
    struct desk desk;
    struct user user;
    int code = EXIT_FAILED;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    if (user_take_password(&desk, given, &user, &password)) {
        enum err e = user_admin_reset_password(desk.db, &desk.arena, &user.id, password.hash);
        code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
        if (e == OK) {
            printf("the password of %s is a new one, and all sessions have ended\n", given->argument);
            user_show_password(&password);
        }
    }
    desk_close(&desk);
    return code;
}

int verb_user_reset_totp(const struct given *given)
{
    struct desk desk;
    struct user user;
    int code = EXIT_DONE;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = user_admin_reset_totp(desk.db, &desk.arena, &user.id);
    if (e == OK)
        printf("signing in as %s needs no code any more, and all sessions have ended\n", given->argument);
    else if (e == ERR_TOTP_OFF)
        printf("signing in as %s needed no code before\n", given->argument);
    else
        code = desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}
