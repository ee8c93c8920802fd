/*
 * The credential epoch: programs keep verified keys for a second (model/key/key_cache.h), and whoever commits a change
 * that makes a credential say less than before ends that at once, in all programs of the machine (base/epoch.h).
 *
 *    e = key_revoke(c->db, &c->caller.user_id, &id);
 *    if (e == OK)
 *        e = credentials_end(c);
 *
 * Any app whose row of service.def says .ends_credentials may call it, after the commit and before the answer. Such an
 * app also ends the epoch when it starts: a predecessor may have died between its commit and its call.
 */
#pragma once

#include "fcgi/app.h"

/* ERR_UNAVAILABLE: what was committed holds, but other programs may take the old credential for another second. */
MUST_CHECK enum err credentials_end(struct ctx *c);
