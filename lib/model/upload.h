/*
 * Uploads: images and what was done to them. The row comes before the file (state storing), so that no file is without
 * a row; worker@media deletes file and then marks the row when delete_due_at_us is over.
 */
#pragma once

#include "base/conf.h"
#include "crypto/digest.h"
#include "db/db.h"
#include "image/image.h"

enum upload_state { UPLOAD_STORING, UPLOAD_READY, UPLOAD_DELETED };
extern const char *const upload_state_names[];
extern const char *const upload_change_names[]; /* in the order of enum image_change bits */

struct upload {
	struct uuid id, user_id;
	int state;
	struct str media_type; /* of the original */
	int64_t original_bytes, original_width, original_height;
	uint8_t original_sha256[SHA256_BYTES];
	struct str changes; /* comma between them, as the SET gives it */
	int64_t size_bytes, width, height;
	uint8_t sha256[SHA256_BYTES];
	int64_t created_at_us, delete_due_at_us, deleted_at_us;
};

/* What intake found out about an image that lies in the store. */
struct upload_report {
	struct uuid id;
	struct image_report image;
	uint64_t original_bytes;
	struct sha256 original_sha256, sha256;
};

MUST_CHECK enum err upload_begin(struct db *db, const struct uuid *user_id, struct uuid *ret_id);
MUST_CHECK enum err upload_ready(struct db *db, const struct conf *conf,
								 const struct upload_report *report); /* also in a caller's transaction */
MUST_CHECK enum err upload_get(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id,
							   struct upload *ret_upload); /* ready ones of that user; ERR_NOT_FOUND */
MUST_CHECK enum err upload_list(struct db *db, struct arena *arena, const struct uuid *user_id,
								const struct uuid *after, size_t max, struct upload **ret_uploads, size_t *ret_n);

/* Makes it due now: ERR_NOT_FOUND, ERR_UPLOAD_IN_USE while a post that has not ended uses it. Adds the purge job. The
 * file is gone when the job ran; the API stops showing it at once. */
MUST_CHECK enum err upload_delete(struct db *db, const struct uuid *user_id, const struct uuid *id,
								  struct str request_id);

/* Where TikTok fetches: the upload at position of an attempt that is still of use (younger than an hour or its post not
 * ended), and records the first fetch. ERR_NOT_FOUND otherwise. */
MUST_CHECK enum err upload_of_attempt(struct db *db, struct arena *arena, const struct uuid *attempt_id,
									  int64_t position, struct uuid *ret_upload_id);
MUST_CHECK enum err upload_note_fetch(struct db *db, const struct uuid *attempt_id, int64_t position);

/* For worker@media: uploads whose time is over and no post that has not ended uses, and the mark once the file is gone.
 */
MUST_CHECK enum err upload_due(struct db *db, struct arena *arena, int64_t now_us, size_t max, struct uuid **ret_ids,
							   size_t *ret_n);
MUST_CHECK enum err upload_deleted(struct db *db, const struct uuid *id);
