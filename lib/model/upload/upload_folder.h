/*
 * The directory store is one folder of one machine: whoever touches an image in it looks first whether this is that one. On another
 * machine with the same database an upload would be where nobody finds it, and a deletion would be noted and not done.
 *
 *    e = upload_folder_check(db, arena, &store, &why);
 *
 *    OK              it is. The first who asks makes it so: the folder gets its mark, and the row "directory" of stores notes mark and machine
 *    ERR_CONFLICT    it is not: why says what is the matter, in a sentence for the admin. Touch nothing
 *    others          nobody knows
 *
 * Once it was OK the database is not asked again for the same struct store, and only that there is a mark is looked at. A program asks at
 * its start, if the database answers then, and before it works on an image in the folder.
 */
#pragma once

#include "db/db.h"
#include "store/store.h"

MUST_CHECK enum err upload_folder_check(struct db *db, struct arena *arena, struct store *store, const char **ret_why);

/* For who only looks, such as a start: as above, but where new images go elsewhere, a folder that is nobody's stays so. */
MUST_CHECK enum err upload_folder_start(struct db *db, struct arena *arena, struct store *store, const char **ret_why);

/* For the admin: from now on it is this folder of this machine, whatever it was before. */
MUST_CHECK enum err upload_folder_adopt(struct db *db, struct arena *arena, struct store *store);

/* For the admin, after a move: no image is in a folder, so any machine may have the next one. Does nothing while one is there. */
MUST_CHECK enum err upload_folder_release(struct db *db);
