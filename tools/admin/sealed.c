#include "sealed.h"

#include <inttypes.h>
#include <stdio.h>

#include "credentials.h"
#include "crypto/keyring.h"

#define IDS_MAX 256 /* one byte of what is sealed */

struct sealed_under {
    int64_t id, rows;
};
static const struct db_col sealed_cols[] = {DB_COL(struct sealed_under, id, I64),
                                            DB_COL(struct sealed_under, rows, I64), DB_END};

static const struct {
    const char *ring, *what;
    struct sql sql;
} sealed_rings[] = {
    {"token-keys",
     "TikTok accounts",
     {.text = "SELECT ORD(access_token), COUNT(*) FROM accounts WHERE access_token IS NOT NULL"
              " GROUP BY ORD(access_token) ORDER BY 1",
      .in = "",
      .cols = sealed_cols}},
    {"totp-keys",
     "secrets of authenticator apps",
     {.text = "SELECT ORD(secret), COUNT(*) FROM user_totp GROUP BY ORD(secret) ORDER BY 1",
      .in = "",
      .cols = sealed_cols}},
};

static void sealed_look_at(struct db *db, struct arena *arena, const char *dir, size_t i)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;
    const struct credential *f = credentials_find(sealed_rings[i].ring);
    const struct service *s = services;
    const struct sealed_under *under;
    struct str text;
    void *rows;
    size_t n;

    while (!credentials_has(s, f))
        s++;
    const char *path = credentials_path(arena, dir, s, f);
    if (!file_read(arena, path, &text))
        return;
    if (keyring_parse(text, &ring) != OK)
        complain("%s is no key ring: nothing that is sealed can be opened", path);
    if (ring == NULL)
        return;
    if (db_rows(db, &sealed_rings[i].sql, DB_NO_ARGS, arena, sizeof *under, IDS_MAX, &rows, &n) != OK) {
        complain("what is sealed under %s cannot be counted: MariaDB says: %s (%u)", f->name, db_error(db),
                 db_errno(db));
        return;
    }
    under = rows;
    for (size_t k = 0; k < n; k++)
        if (!keyring_has(ring, (int)under[k].id))
            printf("  CANNOT BE OPENED: %" PRId64 " %s are sealed under key %" PRId64
                   " of %s, which %s does not have. Take its line from "
                   "the backup of the credentials from then, put it below the others, in all files of that name, and "
                   "restart the "
                   "services\n",
                   under[k].rows, sealed_rings[i].what, under[k].id, f->name, path);
}

void sealed_say_unopenable(struct db *db, struct arena *arena, const char *dir)
{
    for (size_t i = 0; i < ARRAY_LEN(sealed_rings); i++)
        sealed_look_at(db, arena, dir, i);
}
