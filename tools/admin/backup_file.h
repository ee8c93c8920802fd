/*
 * The file of a backup: CMS messages (crypto/envelope.h) one after another, each a part of at most BACKUP_PART_BYTES. So it is written and
 * read as a stream, of any length, in flat memory; and what was left out, cut off, repeated or taken from another backup shows. A part says
 * which backup it is of, its number and whether it is the last. The first one is what the backup says of itself, and the others are
 * the dump, compressed (RFC 1952, gzip).
 *
 *    e = backup_file_make(&w, path, to, &about);
 *    e = backup_file_dump(&w, piece) for each piece of the dump, then backup_file_finish(&w, &digest);
 *
 *    e = backup_file_open(&r, path, key, &about);            // the first part
 *    while ((e = backup_file_read(&r, &piece)) == OK) ...    // of the dump; ERR_NOT_FOUND: that was all of it
 */
#pragma once

#include <zlib.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "crypto/digest.h"
#include "crypto/envelope.h"

#define BACKUP_PART_BYTES (4u << 20)
#define BACKUP_ABOUT_MAX_BYTES (1u << 20) /* some 30 kB: a row for each schema file */

/* What a backup says of itself. */
struct backup_about {
    struct str made_at, database;
    int64_t schema;
    struct str migrations; /* SQL: the table schema_migrations, which comes last at a restore */
};

/* As text, and back. False: it is none of ours. The strings are parts of text. */
void backup_about_write(struct buf *b, const struct backup_about *about);
MUST_CHECK bool backup_about_read(struct str text, struct backup_about *ret_about);

/* What stands before each part. */
#define BACKUP_MAGIC "MCLIBAK1" /* then 16 bytes, 8 for the number, and 1 */
#define BACKUP_HEAD_BYTES 33
struct backup_head {
    struct uuid backup;
    uint64_t number; /* from 0 */
    bool is_last;
};
MUST_CHECK bool backup_head_read(struct str text, struct backup_head *ret_head);

struct backup_writer {
    int fd;
    const struct envelope_to *to;
    struct backup_head head;
    struct buf part, der;
    struct sha256_stream *digest;
    z_stream zip;
    uint64_t bytes;
};

/* Errors: ERR_STORE_FULL, ERR_STORE with errno set; ERR_CONFLICT: the certificate does not do. */
MUST_CHECK enum err backup_file_make(struct backup_writer *w, const char *path, const struct envelope_to *to,
                                     const struct backup_about *about);
MUST_CHECK enum err backup_file_dump(struct backup_writer *w, struct str piece);
MUST_CHECK enum err backup_file_finish(struct backup_writer *w, struct sha256 *ret_digest); /* it is on the disk */
void backup_file_done(struct backup_writer *w);

struct backup_reader {
    int fd;
    const struct envelope_key *key;
    struct backup_head head;
    struct buf der, part, piece;
    bool unzipping, ended; /* ended: the compressed dump has come to its end */
    z_stream zip;
};

/* Errors: ERR_SEALED: the key is not the one, or the part was changed; ERR_CONFLICT: the file is no backup, or a part of it is missing;
 * ERR_STORE: it cannot be read, with errno set. The about's strings live as long as the arena. */
MUST_CHECK enum err backup_file_open(struct backup_reader *r, const char *path, const struct envelope_key *key,
                                     struct arena *arena, struct backup_about *ret_about);
MUST_CHECK enum err backup_file_read(struct backup_reader *r, struct str *ret_piece); /* valid until the next call */
void backup_reader_done(struct backup_reader *r);
