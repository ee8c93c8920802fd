/*
 * What worker@billing is asked to do, beside what Stripe's events ask for (model/billing/provider_event.h): a job each, whose subject
 * is the user. All but billing_ask_all are parts of a transaction, and its last: they lock a job.
 */
#pragma once

#include "base/conf.h"
#include "db/db.h"

#define BILLING_JOB_CUSTOMER "customer"      /* what Stripe has of the user is fetched and stored */
#define BILLING_JOB_EMAIL "customer_email"   /* the user's address is told to Stripe */
#define BILLING_JOB_DELETE "customer_delete" /* the customer is deleted at Stripe, and then forgotten here */

MUST_CHECK enum err billing_ask_sync(struct db *db, const struct uuid *user_id, struct str request_id);

#define BILLING_JOB_RECONCILE "reconcile" /* standing: what was never delivered is asked for */
#define BILLING_MISSED_US \
    (3600 * INT64_C(1000000)) /* an event that has not come so long after it came up: Stripe tries again long before */

/* Webhooks come that nobody has signed rightly: what was delivered to us and what not, Stripe knows. It is asked once what came up by now
 * can be said to be missed, and not at its daily time. */
MUST_CHECK enum err billing_ask_reconcile(struct db *db, struct str request_id);

/* Of all who have a customer; each in turn, a few in a transaction of their own. *ret_n: how many that were. */
MUST_CHECK enum err billing_ask_all(struct db *db, uint64_t *ret_n);

/*
 * Of those who have a plan although their period was over a day ago, and of whom nothing was stored since; who was seen to be nobody Stripe's
 * key can see is left to whoever was told. BILLING_LAPSED_MAX at most: the next time come others. *ret_n: how many that were.
 */
#define BILLING_LAPSED_MAX 200
MUST_CHECK enum err billing_ask_lapsed(struct db *db, struct arena *arena, uint64_t *ret_n);

/* The address has changed: under the user's lock. Nothing, if Stripe knows nothing of the user. */
MUST_CHECK enum err billing_ask_email(struct db *db, const struct uuid *user_id, struct str request_id);

/*
 * For an erasure: open checkouts are ended, the customer is deleted at Stripe, and with it what they subscribe to; then the row
 * subscriptions, the events and what came of them are gone, too. Also for somebody of whom Stripe knows nothing.
 */
MUST_CHECK enum err billing_forget(struct db *db, const struct uuid *user_id, struct str request_id);

/* Since when Stripe may have a customer of the user that is not stored; 0: there is none such. And that there is none of those that were asked
 * for since then, if nobody has asked meanwhile. */
MUST_CHECK enum err billing_customer_asked(struct db *db, const struct uuid *user_id, int64_t *ret_at_us);
MUST_CHECK enum err billing_customer_looked(struct db *db, const struct uuid *user_id, int64_t asked_at_us);

/*
 * What is kept of a customer that Stripe does not have, or that its account's owner has deleted by hand, goes, without asking Stripe: an
 * admin's word in place of it. Nothing waits to delete a customer then, because the user may buy again at once; of whoever is being erased
 * the job goes on, at once. ERR_NOT_FOUND: there is none; ERR_AGAIN: somebody asks Stripe about it right now. The caller ends the
 * credential epoch.
 */
MUST_CHECK enum err billing_disown(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct uuid *user_id);

/* Whose customer is it? ERR_NOT_FOUND: nobody's. */
MUST_CHECK enum err billing_user_of(struct db *db, struct arena *arena, struct str customer, struct uuid *ret_user_id);

/* Whom Stripe knows under which address. */
struct billing_contact {
    struct str customer, email;
};
MUST_CHECK enum err billing_contact(struct db *db, struct arena *arena, const struct uuid *user_id,
                                    struct billing_contact *ret_contact); /* ERR_NOT_FOUND: no customer */

/*
 * A customer that was made for the user, and of which we know no more, is theirs again; their address may have changed since, so
 * Stripe hears of it. In a transaction; locks the user, and a job. ERR_ACCOUNT_DISABLED; ERR_DB_DUPLICATE: the user has one, or it is
 * another's.
 */
MUST_CHECK enum err billing_bind(struct db *db, struct arena *arena, const struct uuid *user_id, struct str customer,
                                 struct str request_id);
