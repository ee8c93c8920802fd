/*
 * The mails that Stripe's events ask for. One for each invoice and kind, however often its payment is tried again or its event comes;
 * and one for each event that the admin is told of.
 *
 *    e = billing_tell_user(db, &event, MAIL_PAYMENT_FAILED, &params);
 */
#pragma once

#include "model/billing/provider_event.h"
#include "model/mail/outbox.h"

/* Parts of a transaction that holds the lock of the event's user; before jobs are locked. */
MUST_CHECK enum err billing_tell_user(struct db *db, const struct provider_event *event, enum mail_template template,
                                      const struct mail_params *params, struct str request_id);

/* Only with billing.admin_email; else the alarm alone tells. */
MUST_CHECK enum err billing_tell_admin(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct provider_event *event, struct str request_id);
