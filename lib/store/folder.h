/*
 * Which folder this is, and which machine. A database's images in the directory store are in one folder of one machine, and the row
 * that says so (model/upload/upload_folder.h) is compared with what these tell.
 *
 *    struct uuid id;
 *    enum err e = folder_mark(store.dir, &id);     // the folder has a mark from now on, and this is it
 *
 * The mark is the file FOLDER_MARK with an id, made once. So an empty folder, because a disk is not mounted or store.dir says
 * something else, is not taken for the one with the images.
 */
#pragma once

#include "base/err.h"
#include "base/uuid.h"

#define FOLDER_MARK ".marketingcli-folder" /* what begins with a point is no image to store_each */

MUST_CHECK enum err folder_marked(const char *dir, struct uuid *ret_id); /* ERR_NOT_FOUND: it has none; ERR_STORE */
/* Makes one if there is none: of several that do so at once one wins, and all get the same. ERR_STORE_FULL, ERR_STORE. */
MUST_CHECK enum err folder_mark(const char *dir, struct uuid *ret_id);
MUST_CHECK enum err folder_unmark(const char *dir); /* OK when there is none */

/*
 * A number for this machine, made of /etc/machine-id, which it does not tell (machine-id(5) asks for that). Positive; 0 where the
 * machine has no such id: it cannot be told from another one.
 */
int64_t folder_machine(void);
