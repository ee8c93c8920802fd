/*
 * A user's activity: what was done with the account, and when. Rows are added in the transaction of what they tell, are
 * never changed, and go after 24 months. They hold no network address and no user agent.
 *
 *    e = activity_add(db, &(struct activity_new){.user_id = user_id, .what = ACTIVITY_KEY_CREATED,
 *                                                .about_id = key_id, .about = key_name});
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

enum activity_what {
#define ACTIVITY(name, text, words) ACTIVITY_##name,
#include "model/user/activity.def"
#undef ACTIVITY
    ACTIVITY__MAX
};

enum activity_by { ACTIVITY_BY_USER, ACTIVITY_BY_KEY, ACTIVITY_BY_ADMIN, ACTIVITY_BY_SERVICE };

extern const char *const activity_names[];    /* "registered" ... NULL */
extern const char *const activity_words[];    /* what a person reads: "The account was made" ... NULL */
extern const char *const activity_by_names[]; /* "user" ... NULL */

struct activity_new {
    struct uuid user_id;
    enum activity_what what;
    enum activity_by by;  /* the user, unless it is said */
    struct uuid about_id; /* none: the account itself */
    struct str about;     /* its name now, cut to ACTIVITY_ABOUT_CHARS; absent: none */
    bool is_minor;        /* see ACTIVITY_MINOR_US */
};

#define ACTIVITY_ABOUT_CHARS 200

/*
 * What can be changed to and fro for nothing, and opens nothing to anybody, is noted once in so long: else a session could add a
 * row a second, each for 24 months, and hide with them what matters.
 */
#define ACTIVITY_MINOR_US (10 * 60 * US_PER_SEC)

/* Of one kind and user in 24 hours: what comes after so many is minor, whatever it is. No fewer than caps.key_changes_a_day can be:
 * the keys that the undoing of a change of address revokes are found by these rows. */
#define ACTIVITY_A_DAY 1000

/* Call it in a transaction; where is_minor, one that has locked the user. */
MUST_CHECK enum err activity_add(struct db *db, const struct activity_new *activity);

struct activity {
    struct uuid id; /* first (fcgi/page.h) */
    int what, by;
    struct uuid about_id; /* none: the account itself */
    struct str about;
    int64_t created_at_us;
};

/* At most max of a user's, with ids below that one, newest first. */
MUST_CHECK enum err activity_list(struct db *db, struct arena *arena, const struct uuid *user_id,
                                  const struct uuid *below, size_t max, struct activity **ret_rows, size_t *ret_n);
