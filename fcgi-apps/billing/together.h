/*
 * Events that come at once are stored in one transaction: what one costs the database is mostly its commit and its turns, and a burst
 * has hundreds of them a second. Nobody waits for others to come: who finds none under way begins, with all that are there.
 *
 *    e = together_store(t, c->db, &new);    as provider_events_store does
 */
#pragma once

#include "model/billing/provider_event.h"

struct together;

struct together *together_new(void);
void together_free(struct together *t);

/* ERR_AGAIN: of those that were stored together one could not be, and none is: try it alone. */
MUST_CHECK enum err together_store(struct together *t, struct db *db, struct event_new *new);
