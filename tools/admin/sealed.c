#include "sealed.h"

#include <inttypes.h>
#include <stdio.h>

#include "credentials.h"
#include "crypto/keyring.h"
#include "model/tiktok/account_reseal.h"
#include "model/user/second_factor_reseal.h"

#define IDS_MAX 256 /* one byte of what is sealed */

struct sealed_under {
    int64_t id, rows;
};
static const struct db_col sealed_cols[] = {DB_COL(struct sealed_under, id, I64),
                                            DB_COL(struct sealed_under, rows, I64), DB_END};

typedef enum err sealed_try(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                            struct reseal_tried *ret);

static const struct sealed_of {
    const char *ring, *what;
    sealed_try *try_key;
    struct sql sql;
} sealed_rings[] = {
    {"token-keys",
     "TikTok accounts",
     accounts_try_key,
     {.text = "SELECT ORD(access_token), COUNT(*) FROM accounts WHERE access_token IS NOT NULL"
              " GROUP BY ORD(access_token) ORDER BY 1",
      .in = "",
      .cols = sealed_cols}},
    {"totp-keys",
     "secrets of authenticator apps",
     second_factors_try_key,
     {.text = "SELECT ORD(secret), COUNT(*) FROM user_totp GROUP BY ORD(secret) ORDER BY 1",
      .in = "",
      .cols = sealed_cols}},
};

struct sealed_look {
    struct db *db;
    struct arena *arena;
    const struct sealed_of *of;
    const char *path;
    const struct keyring *ring;
};

static void sealed_complain(const struct sealed_look *l)
{
    complain("what is sealed under %s cannot be looked at: MariaDB says: %s (%u)", l->of->ring, db_error(l->db),
             db_errno(l->db));
}

static void sealed_say_missing(const struct sealed_look *l, const struct sealed_under *under)
{
    printf("  CANNOT BE OPENED: %" PRId64 " %s are sealed under key %" PRId64
           " of %s, which %s does not have. Take its line from the backup of the credentials from then, put it below "
           "the others, in all files of that name, and restart the services\n",
           under->rows, l->of->what, under->id, l->of->ring, l->path);
}

/* Where some are opened the key is the one, and the others are a matter of their own rows. */
static void sealed_try_one(const struct sealed_look *l, const struct sealed_under *under)
{
    struct arena_mark mark = arena_mark(l->arena);
    struct reseal_tried tried;

    if (l->of->try_key(l->db, l->arena, l->ring, (int)under->id, &tried) != OK)
        sealed_complain(l);
    else if (tried.looked > 0 && tried.opened == 0)
        printf("  CANNOT BE OPENED: %" PRId64 " %s are sealed under another key %" PRId64
               " of %s than that in %s, which was made later. Take the line from the backup of the credentials from "
               "then, put it in that one's place, in all files of that name, and restart the services\n",
               under->rows, l->of->what, under->id, l->of->ring, l->path);
    arena_back(l->arena, &mark);
}

static void sealed_look_at(const struct sealed_look *l)
{
    const struct sealed_under *under;
    void *rows;
    size_t n;

    if (db_rows(l->db, &l->of->sql, DB_NO_ARGS, l->arena, sizeof *under, IDS_MAX, &rows, &n) != OK) {
        sealed_complain(l);
        return;
    }
    under = rows;
    for (size_t k = 0; k < n; k++)
        if (keyring_has(l->ring, (int)under[k].id))
            sealed_try_one(l, &under[k]);
        else
            sealed_say_missing(l, &under[k]);
}

static void sealed_look_at_ring(struct db *db, struct arena *arena, const char *dir, const struct sealed_of *of)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;
    const struct credential *f = credentials_find(of->ring);
    const struct service *s = services;
    struct str text;

    while (!credentials_has(s, f))
        s++;
    const char *path = credentials_path(arena, dir, s, f);
    if (!file_read(arena, path, &text))
        return;
    if (keyring_parse(text, &ring) != OK)
        complain("%s is no key ring: nothing that is sealed can be opened", path);
    if (ring != NULL)
        sealed_look_at(&(struct sealed_look){.db = db, .arena = arena, .of = of, .path = path, .ring = ring});
}

void sealed_say_unopenable(struct db *db, struct arena *arena, const char *dir)
{
    for (size_t i = 0; i < ARRAY_LEN(sealed_rings); i++)
        sealed_look_at_ring(db, arena, dir, &sealed_rings[i]);
}
