/* What the files of the verb restore share: restore.c is its course, restore_input.c reads what it is given besides the backup. */
#pragma once

#include "admin.h"
#include "model/restore/restore.h"

#define RESTORE_UNFINISHED "restore_unfinished" /* a table, as long as no service may run: restore.c */

/* The file's digest, as it stands beside it; that there is none is said, and no fault. */
MUST_CHECK int restore_check_digest(struct arena *arena, const char *path);

/* All lines of the journals in --journal, a file or a folder of files; else of privacy.journal_dir. None, with --without-journal. */
struct restore_journal {
    struct secret_ring keys;
    struct journal_line *lines;
    size_t n, size, torn;
    int64_t newest_unread_us; /* model/privacy/journal.h */
};
/* made_at_us: when the backup was made. Lines of keys that have gone since are needed only if they are of later. */
MUST_CHECK int restore_journal_read(struct arena *arena, const struct conf *conf, const struct given *given,
                                    int64_t made_at_us, struct restore_journal *ret);
void restore_journal_done(struct restore_journal *j);

/* migrate.c: what a backup of an older release lacks. */
MUST_CHECK int migrate_restored(struct arena *arena, const struct db_options *options, const char *database,
                                const char *sql_dir);
