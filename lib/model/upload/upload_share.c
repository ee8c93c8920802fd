#include "model/upload/upload.h"

#include "model/user/caps.h"

#define KEY_SHARES 2 /* one API key may have so much less than its user: one that runs wild leaves the others theirs */

static const struct sql upload_share_of_key;

enum err upload_key_has_room(struct db *db, const struct conf *conf, const struct uuid *user_id,
                             const struct uuid *key_id)
{
    int64_t n, max = (cap_max(conf, CAP_UPLOADS_A_DAY) + KEY_SHARES - 1) / KEY_SHARES;
    struct uuid since = uuid_floor(clock_now_us() - US_PER_DAY);

    if (uuid_is_none(key_id))
        return OK;
    enum err e = db_number(db, &upload_share_of_key, DB_ARGS(db_uuid(user_id), db_uuid(key_id), db_uuid(&since)), &n);
    if (e != OK)
        return e;
    return n < max ? OK : ERR_UPLOADS_OF_KEY;
}

static const struct sql upload_share_of_key = {
    .text = "SELECT COUNT(*) FROM uploads FORCE INDEX (by_key) WHERE user_id = ? AND key_id = ? AND id > ?",
    .in = "uuu",
    .cols = db_number_cols,
};
