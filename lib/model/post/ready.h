/*
 * What the posts need that go to TikTok, or are asked about there, several at once and in one statement. Only what is plain:
 * whatever is missing here, for any reason, is done one by one, and there the reason is found.
 *
 *    e = ready_turns(db, arena, account_ids, n, clock_now_us(), &ready, &ready_n);    // at most n, in any order
 */
#pragma once

#include "model/post/post.h"

struct ready {
    struct post post;
    struct account account; /* its id, state, scopes and snapshot */
    struct str request_id;  /* that made the post; of a turn */
    int64_t images_n;       /* 0: none, or one is gone; of a turn */
    struct str calls;       /* of the account: account_take_from */
    struct str access;      /* sealed: account_open_access */
    int64_t access_expires_at_us;
};

/* The next posts of accounts, DB_MANY_MAX at most, for their first attempt: account and user are active, it has tokens, its next
 * post is queued and due, nothing else of it is due or under way, and no program of an older release has the post. */
MUST_CHECK enum err ready_turns(struct db *db, struct arena *arena, const struct uuid *account_ids, size_t n,
                                int64_t now_us, struct ready **ret_ready, size_t *ret_n);

/* Posts that TikTok has and has not settled, of active accounts with tokens. */
MUST_CHECK enum err ready_polls(struct db *db, struct arena *arena, const struct uuid *post_ids, size_t n,
                                struct ready **ret_ready, size_t *ret_n);
