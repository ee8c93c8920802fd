/*
 * The sending side of the outbox (outbox.h, where a mail's life is drawn): what worker@mail reads of a mail, and what it
 * notes.
 *
 *    e = mail_look(db, arena, &id, &mail);    // the row, and to whom it goes now
 *    ...
 *    e = mail_note(db, &id, &(struct mail_verdict){.state = MAIL_IS_SENT, .reply_code = 250, .reply = reply});
 *
 * Each mail has an envelope sender of its own (VERP), so that what comes back names it: bounce+ID@DOMAIN.
 */
#pragma once

#include "model/mail/outbox.h"

enum mail_state { MAIL_IS_QUEUED, MAIL_IS_SENT, MAIL_IS_FAILED, MAIL_IS_DROPPED };
extern const char *const mail_state_names[]; /* "queued" ... NULL */

/* How long it is tried, from when the relay was asked for the first time: until then nobody can have refused it. */
#define MAIL_TRIED_US (2 * US_PER_DAY)
/* How many tries may end without the relay's word on the whole mail: it may have come as often. */
#define MAIL_UNKNOWN_MAX 3

struct mail_outgoing {
    struct uuid id, user_id, subject_id;
    struct str template_name;
    enum mail_template template; /* MAIL__MAX: a newer program's, which this one does not know */
    int state;
    int64_t created_at_us;
    int64_t tried_at_us;   /* when the relay was asked for the first time; 0: not yet */
    int64_t unknown_tries; /* as mail_verdict's unknown says */
    int user_state;        /* enum user_state; active where there is no user */
    struct mail_params params;
    struct str email; /* absent: nobody is left who should get it */
    struct str name;  /* of the user; absent: none, or it goes to an address that is not yet known to be the user's */
};

/*
 * ERR_NOT_FOUND: there is no such mail. The strings live in the arena. What tells a user of the account goes to the address
 * of when the mail was made: whoever has taken the account over, and changed the address since, must not be the one who is told, nor
 * get its link. Other mails with a link go to the address of now.
 */
MUST_CHECK enum err mail_look(struct db *db, struct arena *arena, const struct uuid *id,
                              struct mail_outgoing *ret_mail);

/*
 * A part of the transaction that makes the mail's token: what ends the links of before, and drops their mails, waits for that.
 * ERR_AGAIN: since mail_look the mail was dropped; or the user has another address, and the mail goes to the address of now.
 */
MUST_CHECK enum err mail_check_address(struct db *db, const struct mail_outgoing *mail);

/* What came of a try. queued: it is tried again. */
struct mail_verdict {
    enum mail_state state;
    bool tried;     /* the relay was asked: it counts */
    bool unknown;   /* and has the whole mail, and did not say whether it has taken it */
    int reply_code; /* 0: the relay has said nothing; what it said before stays */
    struct str reply;
    bool of_address; /* failed, because no mail reaches the address: then that of a user is marked (bounced.h) */
};
#define MAIL_REPLY_CHARS 500

/* Call it in the transaction that ends or postpones the job. A mail that has ended already stays as it is. */
MUST_CHECK enum err mail_note(struct db *db, const struct uuid *id, const struct mail_verdict *verdict);

struct str mail_sender(struct arena *arena, const struct uuid *id, struct str domain);
/* Whose bounce is this address for? False: of no mail. The domain is not looked at. */
MUST_CHECK bool mail_of_sender(struct str address, struct uuid *ret_id);

/* For people: marketingcli-admin. */
struct mail_row {
    struct uuid id, user_id, subject_id;
    struct str template_name, reply, request_id;
    int state;
    int64_t tries, reply_code, created_at_us, ended_at_us, bounced_at_us;
};
#define MAIL_LIST_MAX 1000

/* The newest in this state first, at most max <= MAIL_LIST_MAX. */
MUST_CHECK enum err mail_list(struct db *db, struct arena *arena, enum mail_state state, size_t max,
                              struct mail_row **ret_rows, size_t *ret_n);

/* The same for those that came back, the last to come first. */
MUST_CHECK enum err mail_list_bounced(struct db *db, struct arena *arena, size_t max, struct mail_row **ret_rows,
                                      size_t *ret_n);

/* In a transaction, because a look at what somebody was sent is noted in the user's activity. ERR_NOT_FOUND. */
MUST_CHECK enum err mail_show(struct db *db, struct arena *arena, const struct uuid *id, struct mail_row *ret_row);

/*
 * In a transaction: has a mail sent that has failed, or sooner one that waits. ERR_NOT_FOUND; ERR_CONFLICT: it was sent or
 * dropped.
 */
MUST_CHECK enum err mail_retry(struct db *db, struct arena *arena, const struct uuid *id);
