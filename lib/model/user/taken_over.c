#include "model/user/taken_over.h"

#include "model/key/key.h"
#include "model/user/activity.h"
#include "model/user/second_factor.h"

static enum err taken_over_remove_factor(struct db *db, struct arena *arena, const struct uuid *user_id,
                                         int64_t since_us)
{
    struct second_factor factor;
    bool was_on;

    enum err e = second_factor_read(db, arena, user_id, &factor);
    if (e != OK || !factor.is_on || factor.enabled_at_us < since_us)
        return e;
    e = second_factor_remove(db, arena, user_id, &was_on);
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = *user_id, .what = ACTIVITY_TOTP_DISABLED}) : e;
}

enum err taken_over_clear(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t since_us)
{
    enum err e = taken_over_remove_factor(db, arena, user_id, since_us);

    return e == OK ? key_revoke_since(db, arena, user_id, since_us) : e;
}
