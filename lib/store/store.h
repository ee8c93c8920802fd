/*
 * The image store: a folder, or a bucket that speaks S3. Callers see ids, and where a row says that its image is.
 *
 *    struct store store;
 *    e = store_init(&store, conf, &why);    // reads the credential s3-secret-key, if there is a bucket
 *    e = store_create(&store, &id, &file);    // a temporary file: write to file.fd
 *    e = store_commit(&store, &file, NULL);    // from now on it is there, whole and durable
 *    store_discard(&file);            // removes it, unless it was committed
 *    store_done(&store);
 *
 * New images go where store.kind of the configuration says; those of before stay where they are, and are reached there as long as that
 * is configured. An object is named as the file is: <id>.jpg below two levels of hexadecimal folders, which come from the random end
 * of the id. Nothing from outside is ever part of a path. Files are 0644 and folders 2775, of the group that writes: whoever may enter
 * the folder above the store (systemd/tmpfiles.conf) may read.
 *
 * A folder: written under another name, fsync, rename, fsync of the folder. S3: written into a nameless file of the spool, which is
 * then put as a whole, with its digest; a store that does not get all of it keeps nothing.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/secret_ring.h"
#include "base/uuid.h"
#include "store/s3.h"

#define STORE_SECRET_CREDENTIAL "s3-secret-key" /* empty where there is no bucket */

struct store {
    const char *dir, *spool_dir; /* of the configuration, which must outlive the struct */
    enum store_kind kind;        /* where new images go */
    struct s3 s3;                /* endpoint NULL: there is none */
    struct secret_ring secrets;  /* of s3, which points here: the struct must not be copied */
    atomic_bool folder_is_ours;  /* model/upload/upload_folder.h */
};

/* ERR_STORE or ERR_IO with the sentence in why: something is missing, or does not fit together. Nothing is connected to. */
MUST_CHECK enum err store_init(struct store *s, const struct conf *conf, struct buf *why);
void store_done(struct store *s);

/* Why a line of the credential cannot be a key of the bucket, or NULL: each is "SECRET", of s3.key_id, or "ID SECRET". */
const char *store_keys_fault(const struct secret_ring *secrets, const struct conf *conf);

struct store_file {
    int fd;
    enum store_kind kind;
    struct uuid id;
    char temporary[512], final[512]; /* of a folder */
};

#define STORE_FILE_NONE ((struct store_file){.fd = -1})

/* What a bucket said when something failed, for a log; empty when a folder did. */
struct store_said {
    char error[S3_WORD_MAX_BYTES + 60], request_id[S3_WORD_MAX_BYTES + 1];
};

/*
 * ERR_STORE_FULL, ERR_STORE. What fails may have put the image there, or may still do so: delete it. said, here and below, may be
 * NULL; it is written in any case.
 */
MUST_CHECK enum err store_create(const struct store *s, const struct uuid *id, struct store_file *ret_file);
MUST_CHECK enum err store_commit(const struct store *s, struct store_file *f, struct store_said *said); /* closes fd */
void store_discard(struct store_file *f); /* closes and unlinks; does nothing if committed, or without a file */

/* OK when it is not there: idempotent. */
MUST_CHECK enum err store_delete(const struct store *s, enum store_kind kind, const struct uuid *id,
                                 struct store_said *said);

/* Is it there? ERR_NOT_FOUND; ERR_STORE: nobody knows. */
MUST_CHECK enum err store_look(const struct store *s, enum store_kind kind, const struct uuid *id,
                               struct store_said *said);

/* A file with its bytes, from the first one on; the caller closes it. ERR_NOT_FOUND. */
MUST_CHECK enum err store_open(const struct store *s, enum store_kind kind, const struct uuid *id, int *ret_fd,
                               struct store_said *said);

/* Copies it to where it is not: there it is durable then. ERR_CONFLICT: its bytes have another digest. */
MUST_CHECK enum err store_copy(const struct store *s, const struct uuid *id, enum store_kind from, enum store_kind to,
                               const struct sha256 *digest, struct store_said *said);

/*
 * All that is there, one after another, in no order: its name ("ab/cd/<id>.jpg"), and whose it is; none of something that is not
 * ours. False of fn ends it. What comes and goes meanwhile is told or not. ERR_STORE.
 */
typedef bool store_each_fn(void *arg, struct str name, const struct uuid *id);
MUST_CHECK enum err store_each(const struct store *s, enum store_kind kind, store_each_fn *fn, void *arg,
                               struct store_said *said);

/* Whether a store of that kind is configured: the one that a row names may not be any more. */
bool store_has(const struct store *s, enum store_kind kind);
/* The same of one of the directory's outer folders, which are numbered: so a long look can go on where it ended. */
#define STORE_FOLDERS 256u
MUST_CHECK enum err store_each_in(const struct store *s, unsigned folder, store_each_fn *fn, void *arg);
struct uuid store_id_of(struct str name); /* whose object of a bucket that is; none: it is not ours */

/*
 * Where nginx finds it, for X-Accel-Redirect: "/internal/store/ab/cd/<id>.jpg", or for a bucket "/internal/s3/" and an address that
 * is signed for STORE_SIGNED_SEC.
 */
#define STORE_SIGNED_SEC 60 /* nginx asks at once; the two clocks may differ by a little */
struct str store_accel(struct arena *arena, const struct store *s, enum store_kind kind, const struct uuid *id);

/* A file without a name (O_TMPFILE) in dir, for data that is arriving. It is gone when closed. ERR_STORE_FULL,
 * ERR_STORE. */
MUST_CHECK enum err spool_open(const char *dir, int *ret_fd);
