#include "model/user/email_holder.h"

#include "model/user/user.h"

enum { EMAIL_HOLDER_USER, EMAIL_HOLDER_KEPT, EMAIL_HOLDER_OTHER };
static const struct sql email_holder_sqls[];

struct email_holder_user {
    struct uuid id;
    int state;
};

/* Both tables are read, whatever the first says, so that the time tells nothing. */
enum err email_holder_find(struct db *db, struct arena *arena, struct str email_key, struct email_holder *ret_holder)
{
    struct email_holder_user user = {.state = USER_DISABLED};
    struct email_holder holder = {.is_enabled = true};

    enum err e = db_row(db, &email_holder_sqls[EMAIL_HOLDER_KEPT], DB_ARGS(db_str(email_key), db_i64(clock_now_us())),
                        arena, &holder);
    if (e == OK || e == ERR_NOT_FOUND)
        e = db_row(db, &email_holder_sqls[EMAIL_HOLDER_USER], DB_ARGS(db_str(email_key)), arena, &user);
    if (e == OK)
        holder = (struct email_holder){.user_id = user.id, .is_enabled = user.state != USER_DISABLED};
    if (e == OK || e == ERR_NOT_FOUND)
        *ret_holder = holder;
    return e == ERR_NOT_FOUND ? OK : e;
}

bool email_holder_is_there(const struct email_holder *holder)
{
    return !uuid_is_none(&holder->user_id) && holder->is_enabled;
}

enum err email_holder_tell(struct db *db, const struct email_holder *holder, enum mail_template template, bool may,
                           struct str request_id)
{
    bool can_undo = !uuid_is_none(&holder->change_id);
    struct mail_new mail = {
        .template = can_undo ? MAIL_EMAIL_CHANGED : template,
        .subject_id = holder->change_id,
        .request_id = request_id,
    };

    if (may && holder->is_enabled)
        mail.user_id = holder->user_id;
    /* Who is erased since they were found is nobody. Nobody is looked for, too, so that the time tells nothing. */
    enum err e = user_lock_any(db, &mail.user_id);
    if (e == ERR_NOT_FOUND)
        mail.user_id = UUID_NONE;
    return e == OK || e == ERR_NOT_FOUND ? mail_add(db, &mail) : e;
}

enum err email_check_kept(struct db *db, struct str email_key, const struct uuid *user_id)
{
    int64_t one;
    enum err e = db_number(db, &email_holder_sqls[EMAIL_HOLDER_OTHER],
                           DB_ARGS(db_str(email_key), db_i64(clock_now_us()), db_uuid(user_id)), &one);

    return e == OK ? ERR_DB_DUPLICATE : e == ERR_NOT_FOUND ? OK : e;
}

static const struct db_col email_holder_kept_cols[] = {
    DB_COL(struct email_holder, user_id, UUID),
    DB_COL(struct email_holder, change_id, UUID),
    DB_END,
};

static const struct db_col email_holder_user_cols[] = {
    DB_COL(struct email_holder_user, id, UUID),
    DB_COL_ENUM(struct email_holder_user, state, user_state_names),
    DB_END,
};

#define EMAIL_IS_KEPT "old_email_key = ? AND undo_until_us > ? AND undone_at_us IS NULL"

static const struct sql email_holder_sqls[] = {
    [EMAIL_HOLDER_USER] = {.text = "SELECT id, state FROM users WHERE email_key = ?",
                           .in = "s",
                           .cols = email_holder_user_cols},
    [EMAIL_HOLDER_KEPT] = {.text = "SELECT user_id, id FROM email_changes WHERE " EMAIL_IS_KEPT
                                   " ORDER BY confirmed_at_us DESC LIMIT 1",
                           .in = "si",
                           .cols = email_holder_kept_cols},
    [EMAIL_HOLDER_OTHER] = {.text = "SELECT 1 FROM email_changes WHERE " EMAIL_IS_KEPT " AND user_id <> ? LIMIT 1",
                            .in = "siu",
                            .cols = db_number_cols},
};
