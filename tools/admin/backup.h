/* What the files of the verbs `backup ...` and `restore` share: backup.c makes one, backup_check.c keeps and judges those that there are,
 * backup_journal.c takes the journal elsewhere, restore.c puts one back. */
#pragma once

#include "admin.h"
#include "backup_file.h"
#include "child.h"

/* Files in backup.dir */
#define BACKUP_NAME_BEGINS "marketingcli-"
#define BACKUP_NAME_ENDS ".cms"
#define BACKUP_DIGEST_ENDS ".sha256" /* after the name: as sha256sum -c reads it */
#define BACKUP_PART_ENDS ".part"     /* after the name: not whole yet, or never */
#define BACKUP_STAMP_MADE "made"     /* and taken elsewhere; empty files, whose times worker/watch.c looks at */
#define BACKUP_STAMP_COPIED "journal-copied"
#define BACKUP_STAMP_BAD "bad" /* there while a backup is known to be bad */

/*
 * One at a time of backup, restore, and what deletes backups; of this database, whoever asks and on whatever machine. The lock ends with the
 * process. False after a complaint.
 */
struct alone {
    struct db *db;
};
MUST_CHECK bool alone_take(struct alone *a, struct arena *arena, const struct db_options *options, const char *what,
                           const char *database);
MUST_CHECK bool alone_still(struct alone *a, struct arena *arena, const char *what, const char *database);
void alone_end(struct alone *a);

/* The options of MariaDB's programs that lead to the database, from argv[n] on; returns the new n. */
size_t backup_argv_of(struct arena *arena, const struct db_options *options, const char **argv, size_t n);

/* A stamp's time is now. False with errno set. */
MUST_CHECK bool backup_stamp(const struct conf *conf, const char *name);

/* Whether the clock may say what is old: it has gone right for a day, as those have seen it who asked. Notes that somebody did. */
MUST_CHECK bool backup_clock_is_even(struct arena *arena, const struct conf *conf, int64_t now_us);

/* False after a complaint: dir has less room than that many bytes, and what (a plural) needs them. setting: what says another folder. */
MUST_CHECK bool backup_has_room(const char *dir, int64_t bytes, const char *what, const char *setting);

/* When a file was begun whose name is marketingcli-TIME.cms, or begins so; 0: it does not. */
int64_t backup_time_us(const char *name);

/*
 * What a backup that was killed has left: it is named, or deleted. Whoever makes one marks its file (backup_left_mark), and is not taken for one
 * of these, also by another installation with the same folder. False after a complaint.
 */
MUST_CHECK bool backup_left_mark(int fd); /* false: somebody is looking at it just now */
MUST_CHECK bool backup_left(struct arena *arena, const struct conf *conf, bool remove);

/* Runs backup.copy for a file. False after a complaint; fine where there is no such command. */
MUST_CHECK bool backup_copy(struct arena *arena, const struct conf *conf, const char *path);

int backup_complain(const char *path, enum err e); /* of backup_file.h's errors */

/* Loads pieces into a server by MariaDB's client. */
MUST_CHECK bool backup_load_begin(struct child *client, struct arena *arena, const struct db_options *options);
