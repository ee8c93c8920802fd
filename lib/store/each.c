/* What lies in a store, for store_each. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "store/private.h"

#define PAGE_ARENA_BYTES (8u << 20) /* a listing, with its names of 1 KiB, and what it is read from */
#define DEPTH 2                     /* folders above a file */

struct each {
    store_each_fn *fn;
    void *arg;
    bool ended;
};

/* Ours has the name that its id gives it; a folder also has those that a crash has left half written. */
static struct uuid each_id(struct str name, const char *suffix)
{
    static const struct str folders = {"ab/cd/", sizeof "ab/cd/" - 1};
    char path[STORE_PATH_SIZE];
    struct uuid id;

    if (name.n <= folders.n)
        return UUID_NONE;
    struct str rest = str_skip(name, folders.n);
    if (str_ends(rest, str_from(suffix)))
        rest.n -= strlen(suffix);
    if (!str_ends(rest, STR(".jpg")) || !uuid_parse(str_head(rest, rest.n - strlen(".jpg")), &id))
        return UUID_NONE;
    store_path(&id, path);
    return str_eqc(str_of(name.p, (size_t)(rest.p - name.p) + rest.n), path) ? id : UUID_NONE;
}

static void each_tell(struct each *e, struct str name, const char *suffix)
{
    struct uuid id = each_id(name, suffix);

    e->ended = !e->fn(e->arg, name, &id);
}

static void each_close(DIR **d)
{
    if (*d != NULL)
        (void)closedir(*d);
}

/* Not every file system says it with the name (readdir(3)). */
static bool each_is_folder(const struct dirent *d, const char *path)
{
    struct stat st;

    return d->d_type == DT_DIR || (d->d_type == DT_UNKNOWN && lstat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* path: of the folder, without a slash at its end; below: what of it is part of the name. */
MUST_CHECK static enum err each_folder(struct each *e, const char *path, size_t below, int depth)
{
    _cleanup_(each_close) DIR *dir = opendir(path);
    char inner[512];
    struct dirent *d;

    if (dir == NULL)
        return errno == ENOENT || errno == ENOTDIR ? OK : ERR_STORE;
    while (!e->ended && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] == '.')
            continue;
        int n = snprintf(inner, sizeof inner, "%s/%s", path, d->d_name);
        if (n < 0 || n >= (int)sizeof inner)
            return ERR_STORE;
        if (depth == DEPTH || !each_is_folder(d, inner)) {
            each_tell(e, str_from(inner + below), DIRECTORY_PART);
            continue;
        }
        enum err error = each_folder(e, inner, below, depth + 1);
        if (error != OK)
            return error;
    }
    return OK;
}

MUST_CHECK static enum err each_object(struct each *e, const struct s3 *s3, struct store_said *said)
{
    struct s3_said last = {.tries = 0};
    struct s3_listing l = {.n = 0};
    struct str from = {NULL, 0};
    char token[S3_TOKEN_MAX_BYTES];
    struct arena arena;
    enum err error;

    arena_init(&arena, PAGE_ARENA_BYTES);
    do {
        error = s3_list(&arena, s3, STR(""), from, S3_LIST_MAX, &l, &last);
        if (error == OK && from.p != NULL && l.next.p != NULL && str_eq(from, l.next)) {
            last.error = STR("it goes on where it was asked to go on");
            error = ERR_STORE;
        }
        if (error != OK && said != NULL)
            (void)snprintf(said->error, sizeof said->error, "%.*s", STR_FMT(last.error));
        for (size_t i = 0; error == OK && i < l.n && !e->ended; i++)
            each_tell(e, l.v[i].key, "");
        if (error == OK && l.next.p != NULL) {
            memcpy(token, l.next.p, l.next.n); /* the arena is given back */
            from = str_of(token, l.next.n);
            l.next.p = token;
        }
        arena_clear(&arena);
    } while (error == OK && l.next.p != NULL && !e->ended);
    arena_done(&arena);
    return error;
}

enum err store_each_in(const struct store *s, unsigned folder, store_each_fn *fn, void *arg)
{
    struct each e = {.fn = fn, .arg = arg};
    char path[512];

    ASSERT(folder < STORE_FOLDERS);
    int n = snprintf(path, sizeof path, "%s/%02x", s->dir, folder);
    return n > 0 && n < (int)sizeof path ? each_folder(&e, path, strlen(s->dir) + 1, 1) : ERR_STORE;
}

struct uuid store_id_of(struct str name)
{
    return each_id(name, "");
}

enum err store_each(const struct store *s, enum store_kind kind, store_each_fn *fn, void *arg, struct store_said *said)
{
    struct each e = {.fn = fn, .arg = arg};

    if (kind == STORE_DIRECTORY)
        return each_folder(&e, s->dir, strlen(s->dir) + 1, 0);
    ASSERT(s->s3.endpoint != NULL);
    return each_object(&e, &s->s3, said);
}
