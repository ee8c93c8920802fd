/*
 * What must be done to a database that was restored from a backup, before any program runs on it: what the journal has seen since the backup
 * is done again, posts that wait are held (post/hold.h), and what was good once is good no more.
 *
 *    e = restore_replay(db, arena, conf, journal, n, &done);
 *    if (e == OK)
 *        e = restore_end(db, &done);
 *
 * Each part can be repeated. A journal's line is found by the keyed hash of an id, so the caller says which ids it is about; a disconnect or
 * a revocation that came before the backup is in it, and does nothing.
 */
#pragma once

#include "base/conf.h"
#include "db/db.h"
#include "model/privacy/journal.h"

struct restore_done {
    int64_t erased, disconnected, revoked;
    int64_t held, sessions, sign_ins, tokens, mails;
};

/* lines: of all journals, in any order; they are sorted. Keys that users have revoked, accounts that were disconnected after they had been
 * connected, and users: they are put into the state erasing, and the workers do the rest. */
MUST_CHECK enum err restore_replay(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct secret_ring *keys, struct journal_line *lines, size_t n,
                                   struct restore_done *done);

/* Holds posts, ends sessions and sign-ins, the links of mails, and mails that are still to be sent: they may have been. */
MUST_CHECK enum err restore_end(struct db *db, struct restore_done *done);
