/*
 * token-keys and totp-keys (crypto/keyring.h): what is sealed under the old key is sealed again under the new one, while the services go on.
 *
 *    A             everybody seals under A
 *    A, B          and knows B, before anybody seals under it: programs are restarted one after the other
 *    B, A          seals under B; then all rows are sealed again
 *    B             nothing is under A any more
 *
 * A backup from before holds what is under A: the old line is needed with it (docs/operations.md#credentials).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"
#include "model/tiktok/account_reseal.h"
#include "model/user/second_factor_reseal.h"
#include "rotate.h"

#define KEY_BYTES 32
#define TOLD_EVERY_US (5 * US_PER_SEC)
#define RUNS_MAX \
    10 /* over all rows: the second finds what was written during the first, by programs that all have the new key */

static int ring_parse(struct rotation *r, struct str text, struct keyring **ret_ring)
{
    if (keyring_parse(text, ret_ring) == OK)
        return EXIT_DONE;
    return complain("%s is no key ring (lines of ID HEX64)", rotation_path(r, rotation_next(r, NULL), ""));
}

/* While the old key goes: a run that was killed may have taken it from some of the holders. */
static int ring_read(struct rotation *r, struct keyring **ret_ring)
{
    struct str text;
    int code = rotation_read_most(r, &text);

    return code == EXIT_DONE ? ring_parse(r, text, ret_ring) : code;
}

static int ring_begin(struct rotation *r)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;
    uint8_t key[KEY_BYTES];
    struct str text;
    int code = rotation_read(r, &text), id;

    if (code == EXIT_DONE)
        code = ring_parse(r, text, &ring);
    if (code != EXIT_DONE)
        return code;
    id = rotation_next_id(text);
    if (id == 0)
        return complain("%s has a key of each number", r->what->name);
    rand_bytes(key, sizeof key);
    r->state.line = arena_printf(r->arena, "%d %.*s", id, STR_FMT(hex_encode(r->arena, key, sizeof key)));
    explicit_bzero(key, sizeof key);
    return EXIT_DONE;
}

struct ring_progress {
    const char *name;
    int64_t told_us;
};

static void ring_told(const struct resealed *so_far, void *arg)
{
    struct ring_progress *p = arg;

    if (clock_mono_us() - p->told_us < TOLD_EVERY_US)
        return;
    p->told_us = clock_mono_us();
    printf("%s: %" PRIu64 " rows looked at, %" PRIu64 " sealed again\n", p->name, so_far->looked, so_far->sealed);
    (void)fflush(stdout);
}

typedef enum err ring_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                             struct resealed *ret);

/* Until none is left that anybody has put there meanwhile. */
static int ring_reseal_all(struct rotation *r, ring_reseal *reseal)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;
    struct ring_progress progress = {r->what->name, clock_mono_us()};
    struct resealed done = {.sealed = 1};
    uint64_t sealed = 0;
    int code = ring_read(r, &ring);

    for (int i = 0; code == EXIT_DONE && done.sealed > 0; i++) {
        if (i == RUNS_MAX)
            return complain("%s: some program still seals under an old key: was one not restarted?", r->what->name);
        enum err e = reseal(r->desk->db, ring, ring_told, &progress, &done);
        if (e != OK)
            return desk_complain(r->desk, e);
        sealed += done.sealed;
    }
    if (code == EXIT_DONE)
        printf("%s: %" PRIu64 " of %" PRIu64 " rows were sealed again\n", r->what->name, sealed, done.looked);
    if (done.unopened > 0)
        printf("%s: %" PRIu64 " rows cannot be opened with any key of it, before this rotation or after it\n",
               r->what->name, done.unopened);
    return code;
}

/* What worker@publish has left as files for the next one is sealed, too (jobs/spool.h). These are soon taken up. */
static int ring_look_at_kept(struct rotation *r, int current)
{
    const char *path = arena_printf(r->arena, "%.*s/publish", STR_FMT(r->desk->conf.worker_kept_dir)).p;
    DIR *dir = opendir(path);
    size_t n = 0;

    if (dir == NULL)
        return errno == ENOENT ? EXIT_DONE : complain("%s: %s", path, strerror(errno));
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        unsigned char id = 0;
        if (!str_ends(str_from(d->d_name), STR(".kept")))
            continue;
        _cleanup_(fd_closep) int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        n += fd >= 0 && read(fd, &id, 1) == 1 && id != current;
    }
    (void)closedir(dir);
    return n == 0 ? EXIT_DONE
                  : complain("%zu results that worker@publish has kept in %s are under an old key: it takes them up "
                             "within minutes, "
                             "once it runs and the database is there",
                             n, path);
}

/* In one step, so that nothing, a restore for example, can bring something of the old key in between two runs. */
static int ring_leave_tokens(struct rotation *r)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;
    int code = ring_reseal_all(r, accounts_reseal);

    if (code == EXIT_DONE)
        code = ring_read(r, &ring);
    if (code == EXIT_DONE)
        code = ring_look_at_kept(r, keyring_current_id(ring));
    return code == EXIT_DONE ? rotation_keep_new(r) : code;
}

static int ring_leave_second_factors(struct rotation *r)
{
    int code = ring_reseal_all(r, second_factors_reseal);

    return code == EXIT_DONE ? rotation_keep_new(r) : code;
}

#define RING_STEPS(leave) \
    { \
        {"the new key is known", rotation_put_last}, {"the services that hold it know it", rotation_restart}, \
            {"the new key is the current one", rotation_put_first}, {"the services seal under it", rotation_restart}, \
            {"all is sealed under it, and the old key is gone", leave}, \
            {"the services do not know the old one any more", rotation_restart}, \
        { \
            NULL, NULL \
        } \
    }

static const struct rotation_step ring_tokens[] = RING_STEPS(ring_leave_tokens);
static const struct rotation_step ring_second_factors[] = RING_STEPS(ring_leave_second_factors);

const struct rotation_way rotate_tokens = {
    .begin = ring_begin, .courses = {[ROTATE] = ring_tokens}, .with_database = true};
const struct rotation_way rotate_second_factors = {
    .begin = ring_begin, .courses = {[ROTATE] = ring_second_factors}, .with_database = true};
