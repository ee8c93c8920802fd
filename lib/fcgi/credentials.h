/*
 * The credential epoch: programs keep verified keys for a second (model/key/key_cache.h), and whoever commits a change
 * that makes a credential say less than before ends that at once, in all programs of the machine (base/epoch.h).
 *
 *    e = key_revoke(c->db, c->arena, &c->caller.user_id, &id);
 *    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
 *        credentials_end(c);
 *
 * Any app whose row of service.def says .ends_credentials may call it, after the commit and before the answer. Such an
 * app also ends the epoch when it starts: a predecessor may have died between its commit and its call.
 */
#pragma once

#include "fcgi/app.h"

/*
 * Once it returns, no program of this machine takes the old credential. It cannot fail, because the change is committed
 * and the answer must say so: if the epoch cannot be written, it waits until all that was kept is too old (a second).
 */
void credentials_end(struct ctx *c);
