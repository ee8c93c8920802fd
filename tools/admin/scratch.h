/*
 * A MariaDB server of our own, for as long as a verb needs one: its own folder, no network, one socket, nobody but us. A backup is loaded into
 * it, and so is known to be one that can be loaded.
 *
 *    struct scratch s = {.key = -1, .lock = -1};
 *    if (scratch_start(&s, &desk->arena, &desk->conf, bytes)) ... load, compare ...
 *    scratch_stop(&s);
 *
 * What it writes to the disk is encrypted under a key that was never on any, or is in memory (tmpfs): so nothing is left to be read when the
 * machine goes down. It dies with us.
 */
#pragma once

#include "base/conf.h"
#include "child.h"
#include "db/db.h"

struct scratch {
    struct child server;
    const char *dir, *socket;
    int key;  /* -1: none */
    int lock; /* of its folder, -1: none; another backup, as of another database, leaves what is locked alone */
    struct db *db;
};

/* A folder that others may pass through, if it is not there yet. False after a complaint. */
bool scratch_folder(const char *path);

/* What one that was killed has left goes, which is as large as the database. False after a complaint, also where it is at work. */
bool scratch_clear(struct arena *arena, const struct conf *conf);

/* False after a complaint; there must be room for so many bytes of a database. */
bool scratch_start(struct scratch *s, struct arena *arena, const struct conf *conf, int64_t bytes);
void scratch_stop(struct scratch *s); /* and nothing is left of it */
