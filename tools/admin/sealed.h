/* After a restore: what of it is sealed under keys that the rings of this machine do not have, because they were rotated since; or have another
 * of that number, because the ring was lost and made anew. */
#pragma once

#include "admin.h"

/* A line for each such key, with how many rows and where it belongs. dir: the folder of the secrets. */
void sealed_say_unopenable(struct db *db, struct arena *arena, const char *dir);
