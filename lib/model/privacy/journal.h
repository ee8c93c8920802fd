/*
 * The journal: what a restore of a backup must do again. An erasure, a disconnect and a revocation are noted in the transaction in
 * which they happen, by the function that does it, so no way to it leaves it out; worker@privacy appends them to a file outside the
 * database, and deletes the row once the line is on the disk.
 *
 *    e = journal_add(db, JOURNAL_DISCONNECT, &user_id, &account_id);
 *
 * A line of the file (docs/operations.md#the-journal) is text:
 *
 *    1 2026-11-27T15:56:00.000000Z erasure 64-hex-digits 32-hex-digits
 *
 * version, time, what; HMAC-SHA-256 of what and the 16 bytes of the id, under the credential journal-key; and the first half of
 * HMAC-SHA-256 of the line before that. So the file names nobody to whoever has no key, and a restore finds by the ids that it has what
 * to do to them. A line without its end (the machine went down) is closed before the next one is added; what it was to say comes again,
 * because its row is still there. So a line can be there twice, which does no harm.
 */
#pragma once

#include "base/secret_ring.h"
#include "crypto/digest.h"
#include "db/db.h"

#define JOURNAL_JOB "journal" /* in JOB_PRIVACY; its subject is the user */

enum journal_what { JOURNAL_ERASURE, JOURNAL_DISCONNECT, JOURNAL_REVOCATION, JOURNAL_WHAT__MAX };
extern const char *const journal_what_names[];

struct journal_entry {
    struct uuid id; /* of the row */
    int what;
    struct uuid subject_id; /* a user, an account, a key */
    int64_t at_us;
};

/* A part of a transaction, and its last but for other jobs: it locks a job. */
MUST_CHECK enum err journal_add(struct db *db, enum journal_what what, const struct uuid *user_id,
                                const struct uuid *subject_id);

/* Of a user, JOURNAL_MAX at most, the oldest first; journal_written deletes the rows of those that are on the disk. */
#define JOURNAL_MAX 100
MUST_CHECK enum err journal_due(struct db *db, struct arena *arena, const struct uuid *user_id,
                                struct journal_entry **ret_entries, size_t *ret_n);
MUST_CHECK enum err journal_written(struct db *db, const struct journal_entry *entries, size_t n);

/* The file */

/*
 * The keys are a ring (SECRET_RING_LINES): lines are written with the first, and those of before, which are of the others, are read. So an
 * old key stays in it as long as a backup is older than the change.
 */
#define JOURNAL_KEY_CREDENTIAL "journal-key"
#define JOURNAL_KEY_MIN_BYTES 32                       /* of each, which is used as it is */
bool journal_keys_fit(const struct secret_ring *keys); /* there is one, and none is too short */

#define JOURNAL_FILE "journal"
#define JOURNAL_LINE_MAX 160

/* The keyed hash by which a line names an id. */
struct sha256 journal_name(const struct secret *key, enum journal_what what, const struct uuid *id);

/* A line, with its end; returns its bytes. */
size_t journal_write_line(const struct secret *key, const struct journal_entry *entry,
                          char ret[static JOURNAL_LINE_MAX]);

/* Appends JOURNAL_MAX lines at most and waits until the disk has them. Whoever else appends is waited for. ERR_JOURNAL, with errno set:
 * some may be there, and may be added again. */
MUST_CHECK enum err journal_append(const char *dir, const struct secret_ring *keys, const struct journal_entry *entries,
                                   size_t n);

struct journal_line {
    int64_t at_us;
    int what;
    struct sha256 name;
};

/* One line, without its end. False: it is torn, or of none of these keys. */
bool journal_read_line(const struct secret_ring *keys, struct str line, struct journal_line *ret_line);

/* Goes through a file: lines that are whole are given to fn (NULL: they are counted alone), the others counted. ERR_NOT_FOUND: there is
 * no file; ERR_JOURNAL, with errno set: it cannot be read. */
struct journal_counts {
    int64_t lines[JOURNAL_WHAT__MAX], torn;
    int64_t
        newest_unread_us; /* of the torn, the newest that is whole, but of none of the keys, by what it says itself; 0: there is none */
};
MUST_CHECK enum err journal_each(const char *dir, const struct secret_ring *keys,
                                 void (*fn)(const struct journal_line *line, void *arg), void *arg,
                                 struct journal_counts *ret_counts);
/* The same of any file, such as a copy. */
MUST_CHECK enum err journal_each_of(const char *path, const struct secret_ring *keys,
                                    void (*fn)(const struct journal_line *line, void *arg), void *arg,
                                    struct journal_counts *ret_counts);
