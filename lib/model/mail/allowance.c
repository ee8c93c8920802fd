#include "model/mail/allowance.h"

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/digest.h"

#define COUNTED_MAX_BYTES 320 /* the longest name of a wish, and the longest address */

enum { ALLOWANCE_COUNT, ALLOWANCE_COUNTED, ALLOWANCE_OF_TODAY, ALLOWANCE_TAKE_PLACE, ALLOWANCE_GIVE_BACK };
static const struct sql allowance_sqls[];

static const struct allowance_wish {
    const char *name;
    int64_t per_day;
    bool any_address; /* it is mailed to addresses that nobody has confirmed */
} allowance_wishes[MAIL_WISH__MAX];

static const struct allowance_place {
    int64_t before; /* it is mailed where there were fewer */
    bool counts;
} allowance_places[MAIL_PLACE__MAX];

/*
 * Many servers put ann+1@, ann+2@ ... into the mailbox of ann@. Where any address is mailed, all of these share one allowance, so
 * that nobody fills that mailbox by making up more of them. ann@ has one of its own, which those who make them up cannot use up.
 * Where only a user's address is mailed, there are no more mails than addresses that their owner has confirmed.
 */
static struct sha256 allowance_hash(const char *name, bool any_address, struct str email_key)
{
    struct str domain = email_key, local = {0}, base = {0};
    _cleanup_(buf_done) struct buf b = BUF_MAX(COUNTED_MAX_BYTES);

    ASSERT(str_cut(&domain, '@', &local));
    struct str tag = local;
    bool is_tagged = any_address && str_cut(&tag, '+', &base) && base.n > 0;
    buf_printf(&b, "%s:%.*s%s@%.*s", name, STR_FMT(is_tagged ? base : local), is_tagged ? "+" : "", STR_FMT(domain));
    ASSERT(!b.overflow);
    return sha256_of(buf_str(&b));
}

/* One statement counts and locks, so simultaneous requests cannot both take the last. */
enum err mail_take_allowance(struct db *db, enum mail_wish wish, struct str email_key, bool *ret_may)
{
    const struct allowance_wish *row = &allowance_wishes[wish];
    struct sha256 hash = allowance_hash(row->name, row->any_address, email_key);
    int64_t day = clock_now_us() / US_PER_DAY, mails;

    enum err e =
        db_exec(db, &allowance_sqls[ALLOWANCE_COUNT], DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(day)), NULL);
    if (e == OK)
        e = db_number(db, &allowance_sqls[ALLOWANCE_COUNTED], DB_ARGS(db_bytes(hash.b, sizeof hash.b)), &mails);
    if (e == OK)
        *ret_may = mails <= row->per_day;
    return e;
}

/* The names are none of a wish. */
static struct sha256 allowance_place_hash(bool wanted, struct str email_key)
{
    return allowance_hash(wanted ? "mailed" : "not_mailed", false, email_key);
}

enum err mail_take_place(struct db *db, enum mail_place place, struct str email_key, bool wanted, bool *ret_may)
{
    const struct allowance_place *row = &allowance_places[place];
    struct sha256 hash = allowance_place_hash(wanted, email_key);
    struct db_arg key = db_bytes(hash.b, sizeof hash.b);
    uint64_t taken = 0;

    enum err e =
        db_exec(db, &allowance_sqls[ALLOWANCE_OF_TODAY], DB_ARGS(key, db_i64(clock_now_us() / US_PER_DAY)), NULL);
    if (e == OK)
        e = db_exec(db, &allowance_sqls[ALLOWANCE_TAKE_PLACE], DB_ARGS(db_i64(row->counts), key, db_i64(row->before)),
                    &taken);
    if (e == OK)
        *ret_may = wanted && taken > 0;
    return e;
}

enum err mail_give_place_back(struct db *db, struct str email_key, int64_t created_at_us)
{
    struct sha256 hash = allowance_place_hash(true, email_key);
    int64_t day = clock_now_us() / US_PER_DAY;

    return db_exec(db, &allowance_sqls[ALLOWANCE_GIVE_BACK],
                   DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(day), db_i64(created_at_us / US_PER_DAY)), NULL);
}

static const struct allowance_wish allowance_wishes[MAIL_WISH__MAX] = {
    [MAIL_WISH_REGISTER] = {.name = "register", .per_day = 3, .any_address = true},
    [MAIL_WISH_REGISTER_PASSWORD] = {.name = "register_password", .per_day = 2, .any_address = true},
    [MAIL_WISH_RESET] = {.name = "reset", .per_day = 3},
    [MAIL_WISH_RESET_AGAIN] = {.name = "reset_again", .per_day = 3},
    [MAIL_WISH_CHANGE_EMAIL] = {.name = "change_email", .per_day = 3, .any_address = true},
    [MAIL_WISH_REFUSED] = {.name = "refused", .per_day = 1},
    [MAIL_WISH_REFUSED_CODE] = {.name = "refused_code", .per_day = 1},
};

static const struct allowance_place allowance_places[MAIL_PLACE__MAX] = {
    [MAIL_PLACE_REGISTRATION] = {.before = 3, .counts = true},
    [MAIL_PLACE_REGISTRATION_PASSWORD] = {.before = 2, .counts = true},
    [MAIL_PLACE_LINK] = {.before = 2, .counts = true},
    [MAIL_PLACE_WARNING] = {.before = 3},
};

static const struct sql allowance_sqls[] = {
    /* mails is set before day is: MariaDB assigns from left to right. */
    [ALLOWANCE_COUNT] = {.text = "INSERT INTO mail_allowances (address_hash, day, mails) VALUES (?, ?, 1) ON DUPLICATE"
                                 " KEY UPDATE mails = IF(day = VALUES(day), LEAST(mails + 1, 60000), 1),"
                                 " day = VALUES(day)",
                         .in = "bi"},
    [ALLOWANCE_COUNTED] = {.text = "SELECT mails FROM mail_allowances WHERE address_hash = ?",
                           .in = "b",
                           .cols = db_number_cols},
    [ALLOWANCE_OF_TODAY] = {.text =
                                "INSERT INTO mail_allowances (address_hash, day, mails) VALUES (?, ?, 0) ON DUPLICATE"
                                " KEY UPDATE mails = IF(day = VALUES(day), mails, 0), day = VALUES(day)",
                            .in = "bi"},
    [ALLOWANCE_TAKE_PLACE] = {.text =
                                  "UPDATE mail_allowances SET mails = mails + ? WHERE address_hash = ? AND mails < ?",
                              .in = "ibi"},
    [ALLOWANCE_GIVE_BACK] = {.text = "UPDATE mail_allowances SET mails = mails - 1 WHERE address_hash = ? AND mails > 0"
                                     " AND day = ? AND day = ?",
                             .in = "bii"},
};
