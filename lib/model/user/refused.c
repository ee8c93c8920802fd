#include "model/user/refused.h"

#include "base/clock.h"
#include "model/mail/allowance.h"
#include "model/mail/outbox.h"
#include "model/user/activity.h"
#include "model/user/user.h"

#define REFUSED_CODES \
    "Some of them had the right password, and a wrong code: somebody knows your password. If it was not you, choose " \
    "a new one at once."

struct refused {
    struct arena *arena;
    struct str email_key, request_id;
    bool knows_password;
    const struct user *user;
};

static enum err refused_tell_tx(struct db *db, void *arg)
{
    const struct refused *r = arg;
    struct mail_params params = {.at_us = clock_now_us(),
                                 .why = r->knows_password ? STR(REFUSED_CODES) : (struct str){0}};
    bool may_mail = false, has_place = true;

    enum mail_wish wish = r->knows_password ? MAIL_WISH_REFUSED_CODE : MAIL_WISH_REFUSED;
    enum err e = mail_take_allowance(db, wish, r->email_key, &may_mail);
    if (e == OK && !r->knows_password)
        e = mail_take_place(db, MAIL_PLACE_WARNING, r->email_key, true, &has_place);
    if (e == OK)
        e = activity_add(db, &(struct activity_new){
                                 .user_id = r->user->id, .what = ACTIVITY_SIGN_IN_REFUSED, .by = ACTIVITY_BY_SERVICE});
    if (e != OK || !may_mail || !has_place)
        return e;
    return mail_add(db, &(struct mail_new){.template = MAIL_SIGN_IN_REFUSED,
                                           .user_id = r->user->id,
                                           .params = &params,
                                           .request_id = r->request_id});
}

enum err refused_tell(struct db *db, struct arena *arena, struct str email_key, bool knows_password,
                      struct str request_id)
{
    struct user user = {0};
    struct refused r = {arena, email_key, request_id, knows_password, &user};

    enum err e = user_by_email(db, arena, email_key, &user);
    if (e == ERR_NOT_FOUND || (e == OK && user.state != USER_ACTIVE))
        return OK;
    return e == OK ? db_tx(db, refused_tell_tx, &r) : e;
}
