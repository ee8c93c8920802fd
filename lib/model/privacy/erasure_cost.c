#include "base/mode.h"
#include "model/privacy/erasure.h"

static const struct sql erasure_cost_sql;

enum err erasure_cost(struct db *db, struct arena *arena, const struct uuid *user_id, struct erasure_cost *ret_cost)
{
    return db_row(db, &erasure_cost_sql, DB_ARGS(db_uuid(user_id)), arena, ret_cost);
}

static const struct db_col erasure_cost_cols[] = {
    DB_COL(struct erasure_cost, email, STR),         DB_COL(struct erasure_cost, plan, STR),
    DB_COL(struct erasure_cost, plan_until_us, I64), DB_COL(struct erasure_cost, accounts, I64),
    DB_COL(struct erasure_cost, keys, I64),          DB_COL(struct erasure_cost, images, I64),
    DB_COL(struct erasure_cost, posts_waiting, I64), DB_COL(struct erasure_cost, posts_at_tiktok, I64),
    DB_COL(struct erasure_cost, posts, I64),         DB_END,
};

/* Each along an index that begins with the user. */
#define COUNT(rows) "(SELECT COUNT(*) FROM " rows ")"

static const struct sql erasure_cost_sql = {
    .text =
        "SELECT u.email, u.subscribed_plan, u.subscribed_until_us, " COUNT("accounts a WHERE a.user_id = u.id AND "
                                                                           "a.state <> 'disconnected'") ", " COUNT("api"
                                                                                                                   "_ke"
                                                                                                                   "ys "
                                                                                                                   "k "
                                                                                                                   "WHE"
                                                                                                                   "RE "
                                                                                                                   "k."
                                                                                                                   "use"
                                                                                                                   "r_"
                                                                                                                   "id "
                                                                                                                   "= "
                                                                                                                   "u."
                                                                                                                   "id "
                                                                                                                   "AND"
                                                                                                                   " k."
                                                                                                                   "rev"
                                                                                                                   "oke"
                                                                                                                   "d_"
                                                                                                                   "at_"
                                                                                                                   "us "
                                                                                                                   "IS "
                                                                                                                   "NUL"
                                                                                                                   "L "
                                                                                                                   "AND"
                                                                                                                   " k."
                                                                                                                   "of_"
                                                                                                                   "key"
                                                                                                                   "_id"
                                                                                                                   " IS"
                                                                                                                   " NU"
                                                                                                                   "LL") ", " COUNT(
            "uploads i WHERE i.user_id = u.id AND i.deleted_at_us IS NULL") ", " COUNT("posts p WHERE p.user_id = u.id "
                                                                                       "AND p.ended_at_us IS NULL AND "
                                                                                       "p.state NOT IN ('publishing', "
                                                                                       "'processing')") ", " COUNT("pos"
                                                                                                                   "ts "
                                                                                                                   "p "
                                                                                                                   "WHE"
                                                                                                                   "RE "
                                                                                                                   "p."
                                                                                                                   "use"
                                                                                                                   "r_"
                                                                                                                   "id "
                                                                                                                   "= "
                                                                                                                   "u."
                                                                                                                   "id "
                                                                                                                   "AND"
                                                                                                                   " p."
                                                                                                                   "mod"
                                                                                                                   "e "
                                                                                                                   "= "
                                                                                                                   "'li"
                                                                                                                   "ve'"
                                                                                                                   " AN"
                                                                                                                   "D "
                                                                                                                   "p."
                                                                                                                   "sta"
                                                                                                                   "te "
                                                                                                                   "IN "
                                                                                                                   "('"
                                                                                                                   "pub"
                                                                                                                   "lis"
                                                                                                                   "hed"
                                                                                                                   "', "
                                                                                                                   "'in"
                                                                                                                   "_in"
                                                                                                                   "box"
                                                                                                                   "', "
                                                                                                                   "'pu"
                                                                                                                   "bli"
                                                                                                                   "shi"
                                                                                                                   "ng'"
                                                                                                                   ", "
                                                                                                                   "'pr"
                                                                                                                   "oce"
                                                                                                                   "ssi"
                                                                                                                   "ng'"
                                                                                                                   ")") ", " COUNT("posts p WHERE p.user_id = u.id") " FROM users u WHERE u.id = ?",
    .in = "u",
    .cols = erasure_cost_cols};
