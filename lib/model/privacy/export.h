/*
 * A copy of everything that is held of a user, for that user: a ZIP with JSON and CSV of each table of held.def, the images that are
 * still there, a README, and a list of SHA-256 digests at its end (docs/api.md#export). What is a secret is not in it: the statements are
 * made of held.def when the project is built (tools/generate/export.py), and name no such column.
 *
 *    _cleanup_(export_freep) struct export *x = NULL;
 *    e = export_read(db, &(struct export_from){.conf = conf, .store = store, .user_id = user_id}, &x);
 *    e = export_write(x, write, arg);
 *
 * export_read takes all rows in one snapshot into a file without a name, and ends the transaction: nothing is held in the database while
 * a slow reader reads. export_write makes the ZIP of that file and of the store, in flat memory, and may wait for its reader for as long
 * as write does. Neither looks whether the user may have it: that is export_give.
 */
#pragma once

#include "base/conf.h"
#include "base/uuid.h"
#include "db/db.h"
#include "store/store.h"

struct export;

struct export_from {
    const struct conf *conf;   /* its privacy_spool_dir is where the file is */
    const struct store *store; /* both must outlive the export */
    struct uuid user_id;
};

/* What will be in it. */
struct export_told {
    int64_t rows;   /* in all tables */
    int64_t images; /* that are held now: those that go meanwhile are named as gone */
    int64_t image_bytes;
    int64_t unread; /* of these, which could not be read; when it is written */
    int64_t taken_at_us;
};

/*
 * ERR_NOT_FOUND: no such user. ERR_STORE_FULL, ERR_STORE: of the file. Errors of the database as they are (db/db.h). The caller is in no
 * transaction. db needs rights to read what is exported: those of the user privacy (sql/grants.sql), or all.
 */
MUST_CHECK enum err export_read(struct db *db, const struct export_from *from, struct export **ret_export);

const struct export_told *export_told(const struct export *x);

/*
 * Gives the ZIP to write, piece by piece and once. An image that is there and cannot be read is named in the list of digests, and counted.
 * So are all that are in a bucket or a folder which is away. The first error of write ends it and is returned. After any error what was written is no whole ZIP, and has no list of digests.
 */
MUST_CHECK enum err export_write(struct export *x, enum err (*write)(void *arg, struct str bytes), void *arg);

void export_free(struct export *x); /* NULL is fine */
DEFINE_FREEP(struct export, export_free)

/*
 * Counts an export that is given to its user, and notes it in the user's activity: when all of it is read, and nothing is sent.
 * ERR_EXPORTS_A_DAY with the seconds until there is one again; ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND. With only_look it promises
 * nothing and writes nothing: it refuses early what would be refused anyway.
 */
MUST_CHECK enum err export_give(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                                bool only_look, int64_t *ret_wait_sec);
