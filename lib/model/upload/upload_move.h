/*
 * Where images are, for who looks after the store (marketingcli-admin store): what there is, and how an image is moved while the service
 * runs.
 *
 *    upload_move_begin      the row says that there may be a copy in the other store: from now on a purge deletes it there, too
 *    ... the copy is made, and durable ...
 *    upload_move_switch     the row says that the image is there; the old file is the copy
 *    ... the old file is deleted ...
 *    upload_move_end        there is one again
 *
 * Whatever dies in between, the row names every place where the image is, and it is read from where it is whole. Who moves is alone:
 * the caller sees to that.
 */
#pragma once

#include "model/upload/upload.h"

struct upload_kept {
    struct uuid id;
    int state;                    /* enum upload_state; storing: its file may not be there yet */
    int store, store_other;       /* as in struct upload_place */
    uint8_t sha256[SHA256_BYTES]; /* of what is ready; else all zero */
};

/* Those whose files are not known to be gone, after that id, by their ids. */
MUST_CHECK enum err upload_kept_list(struct db *db, struct arena *arena, const struct uuid *after, size_t max,
                                     struct upload_kept **ret_kept, size_t *ret_n);
MUST_CHECK enum err upload_kept_get(struct db *db, struct arena *arena, const struct uuid *id,
                                    struct upload_kept *ret_kept); /* ERR_NOT_FOUND: no file may be there */

/* ERR_CONFLICT: it is not ready any more, or not where it was. */
MUST_CHECK enum err upload_move_begin(struct db *db, const struct uuid *id, int from, int to);
MUST_CHECK enum err upload_move_switch(struct db *db, const struct uuid *id, int from, int to);
MUST_CHECK enum err upload_move_end(struct db *db, const struct uuid *id, int from, int to);
