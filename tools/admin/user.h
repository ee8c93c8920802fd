/* What the files of the verbs `user ...` share: user.c makes and changes, user_show.c looks, user_reset.c hands out new
 * secrets. What is looked at or changed is in the user's activity (model/user/user_admin.h). */
#pragma once

#include "admin.h"
#include "crypto/password.h"
#include "model/user/user.h"

/* The user that given->argument names by address or id, with the desk open. False after a complaint, and then closed. */
MUST_CHECK bool user_at_desk(struct desk *desk, const struct given *given, struct user *ret_user);

/* A password of the user, of whom the address and the name are looked at (crypto/password_rule.h): the first line of standard
 * input where that was asked for, else one that is made up, and shown by user_show_password: now or never. False after a
 * complaint. */
struct user_password {
    struct str made; /* in the desk's arena; absent: whoever runs this knows it */
    char hash[PASSWORD_HASH_SIZE];
};
MUST_CHECK bool user_take_password(struct desk *desk, const struct given *given, const struct user *user,
                                   struct user_password *ret);
void user_show_password(const struct user_password *password);
