#include "admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/epoch.h"

#define STATEMENT_TIMEOUT_SEC 60 /* a person waits, and some verbs look at much */

bool desk_open(struct desk *desk, const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    *desk = (struct desk){0};
    if (conf_load(&desk->conf, conf_path(), &why) != OK) {
        complain("%.*s", STR_FMT(buf_str(&why)));
        return false;
    }
    arena_init(&desk->arena, 64u << 20);
    struct db_options options = db_options_of(&desk->conf);
    if (given->database != NULL)
        options.name = given->database;
    options.user = given->user;
    options.timeout_sec = STATEMENT_TIMEOUT_SEC;
    options.must_fit = true;
    desk->db = db_new(&options);
    if (db_fit(desk->db) == OK)
        return true;
    complain("%s", db_unfit(desk->db) != NULL ? db_unfit(desk->db) : db_error(desk->db));
    desk_close(desk);
    return false;
}

void desk_close(struct desk *desk)
{
    db_free(desk->db);
    arena_done(&desk->arena);
    conf_done(&desk->conf);
}

int desk_complain(const struct desk *desk, enum err e)
{
    return db_errno(desk->db) != 0
               ? complain("%s MariaDB says: %s (%u)", err_sentence(e), db_error(desk->db), db_errno(desk->db))
               : complain("%s", err_sentence(e));
}

void desk_end_credentials(const struct desk *desk)
{
    struct str path = desk->conf.keys_epoch;
    struct epoch epoch = EPOCH_NONE;

    if (path.n == 0)
        return;
    if (epoch_open(path, true, &epoch) != OK || epoch_end(&epoch) != OK)
        fprintf(stderr, "warning: %.*s cannot be written (%s), so keys that are in use end only within a second\n",
                STR_FMT(path), strerror(errno));
    epoch_close(&epoch);
}
