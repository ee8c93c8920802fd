/*
 * One-time tokens: who has the link of a mail may do one thing, once. A token is 256 random bits in base62, stored as its
 * SHA-256. worker@mail makes one for each try to send, after which nobody knows it but the mail.
 *
 *    e = token_make(db, arena, TOKEN_RESET_PASSWORD, &user_id, now_us, &token);    // the link: /reset-password#TOKEN
 *
 *    e = token_look(db, arena, TOKEN_RESET_PASSWORD, text, &user_id);      // is it good? It stays so
 *    ... in the transaction of what it is good for:
 *    e = token_use(db, arena, TOKEN_RESET_PASSWORD, text, &user_id);
 *
 * token_use uses up all tokens of the same purpose and subject, so of two at once one wins, and mails that were sent again
 * are worth no more than one. A token of another purpose is no token at all.
 */
#pragma once

#include "base/retention.h"
#include "db/db.h"

enum token_purpose {
    TOKEN_VERIFY_EMAIL,   /* subject: a registration */
    TOKEN_RESET_PASSWORD, /* a user */
    TOKEN_CHANGE_EMAIL,   /* a change of address */
    TOKEN_UNDO_EMAIL,     /* the same */
    TOKEN_UNSUBSCRIBE,    /* a mail; may be used again and again */
    TOKEN_UNDO_PASSWORD,  /* a user: chooses another password after a change (user/password_change.h) */
    TOKEN__MAX,
    TOKEN_NONE = TOKEN__MAX /* of a mail without a link */
};

extern const char *const token_purpose_names[];
extern const int64_t token_lifetime_us[TOKEN__MAX];

/* from_us: when its lifetime begins: now, or when what it is about was done. */
MUST_CHECK enum err token_make(struct db *db, struct arena *arena, enum token_purpose purpose,
                               const struct uuid *subject_id, int64_t from_us, struct str *ret_token);

/* ERR_TOKEN: there is no such token of this purpose, or it was used, or its time is over. */
MUST_CHECK enum err token_look(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                               struct uuid *ret_subject_id);

/* The same, also for one whose time was over less than TOKEN_KNOWN_US ago: who has it has read the mail that it came with, and can
 * do nothing else with it. One that was used, or made void, is none. */
#define TOKEN_KNOWN_US RETENTION_US(LINK) /* longer than a day, in which strangers cause no more mails */
MUST_CHECK enum err token_look_late(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                                    struct uuid *ret_subject_id);

MUST_CHECK enum err token_use(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                              struct uuid *ret_subject_id);

/* All that are there of a purpose and subject: nobody may use them any more. */
MUST_CHECK enum err token_void(struct db *db, enum token_purpose purpose, const struct uuid *subject_id);
