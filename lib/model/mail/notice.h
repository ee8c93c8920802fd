/*
 * Notices: what a user is told by mail, and can switch off by kind. What has happened is a row of notices_due, written in the
 * transaction of its cause; the user's job NOTICES_JOB gathers what has come together (gather.h), so a thousand posts that
 * fail for one reason are one mail and not a thousand.
 *
 *    e = notice_add(db, &(struct notice_new){.kind = NOTICE_POST_FAILED, .user_id = user_id, .subject_id = post_id,
 *                                            .request_id = request_id});
 *
 * Test data is worth no notice: nobody waits for a test post, and a test suite would fill a mailbox.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

enum notice {
    NOTICE_NONE, /* of mail about the account itself, which cannot be switched off */
#define NOTICE(name, text, help) NOTICE_##name,
#include "model/mail/notice.def"
#undef NOTICE
    NOTICE__MAX
};

extern const char *const notice_names[]; /* by enum notice; that of NOTICE_NONE is "" */

#define NOTICES_JOB "notices" /* the kind of job; its subject is the user */

/* How long the first of several waits for others: what fails for one reason does so within minutes, and nobody misses a mail
 * that comes this much later. */
#define NOTICE_GATHER_US (2 * 60 * US_PER_SEC)

struct notice_new {
    enum notice kind;
    struct uuid user_id, subject_id;
    struct str request_id;
};

/* Call it in a transaction, after what it is about is locked and before jobs are. A subject is told of once at a time. */
MUST_CHECK enum err notice_add(struct db *db, const struct notice_new *notice);
MUST_CHECK enum err notice_add_many(struct db *db, const struct notice_new *notices,
                                    size_t n); /* DB_MANY_MAX at most */

/* What a user wants, by enum notice. */
struct notices {
    bool on[NOTICE__MAX];
};

MUST_CHECK enum err notices_read(struct db *db, const struct uuid *user_id,
                                 struct notices *ret_notices); /* ERR_NOT_FOUND */

/*
 * What a user wants, who may be gone: then nothing. ret_reached: whether anything may be mailed right now; not to one who is
 * disabled, or whose address mail does not reach, which may change again. In a transaction that refers to the user, lock: nobody
 * changes the row until its end.
 */
MUST_CHECK enum err notices_wanted(struct db *db, struct arena *arena, const struct uuid *user_id, bool lock,
                                   struct notices *ret_notices, bool *ret_reached);

/* Switches those on or off that are given, and notes that in the user's activity if it changes anything. ret_notices: all of
 * them, afterwards. ERR_NOT_FOUND. */
struct notices_change {
    bool given[NOTICE__MAX];
    struct notices to;
};
MUST_CHECK enum err notices_change(struct db *db, const struct uuid *user_id, const struct notices_change *change,
                                   struct notices *ret_notices);

/*
 * By the token of TOKEN_UNSUBSCRIBE in a mail: switches that mail's kind off, for whoever's mail it was, also of a disabled
 * user. The token stays good, and a repeat changes nothing. ERR_TOKEN.
 */
MUST_CHECK enum err notices_unsubscribe(struct db *db, struct arena *arena, struct str token, enum notice *ret_kind);
