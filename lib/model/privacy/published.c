#include "model/privacy/published.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/policy.h"
#include "model/job/job.h"
#include "model/privacy/policy_notice.h"

#define LOOK_US (60 * US_PER_SEC)
#define LOOK_ARENA_BYTES (64u << 10)
#define LIST_MAX_BYTES 1000 /* of recipients; four hosts of 180 bytes fit */

enum { PUBLISHED_IN_FORCE, PUBLISHED_FIND, PUBLISHED_LIST, PUBLISHED_INSERT };
static const struct sql published_sqls[];

bool published_is_version(struct str version)
{
    if (version.n == 0 || version.n > PUBLISHED_VERSION_MAX_BYTES || version.p[0] == '.')
        return false;
    for (size_t i = 0; i < version.n; i++)
        if (!char_is_alnum(version.p[i]) && version.p[i] != '.' && version.p[i] != '-')
            return false;
    return true;
}

struct str published_privacy_file(struct arena *arena, struct str version)
{
    return arena_printf(arena, "privacy-%.*s.html", STR_FMT(version));
}

struct str published_terms_file(struct arena *arena, struct str version)
{
    return arena_printf(arena, "terms-%.*s.html", STR_FMT(version));
}

enum err published_in_force(struct db *db, struct arena *arena, int64_t now_us, struct published *ret)
{
    return db_row(db, &published_sqls[PUBLISHED_IN_FORCE], DB_ARGS(db_i64(now_us)), arena, ret);
}

enum err published_find(struct db *db, struct arena *arena, struct str version, struct published *ret)
{
    return db_row(db, &published_sqls[PUBLISHED_FIND], DB_ARGS(db_str(version)), arena, ret);
}

enum err published_list(struct db *db, struct arena *arena, struct published **ret_v, size_t *ret_n)
{
    return db_rows(db, &published_sqls[PUBLISHED_LIST], DB_ARGS(db_i64(PUBLISHED_LIST_MAX)), arena, sizeof **ret_v,
                   PUBLISHED_LIST_MAX, (void **)ret_v, ret_n);
}

enum err published_accepted(struct db *db, struct arena *arena, const struct conf *conf, struct published_accepted *ret)
{
    struct published p;

    enum err e = published_in_force(db, arena, clock_now_us(), &p);
    if (e == OK)
        *ret = (struct published_accepted){.terms = p.version, .policy = p.version};
    else if (e == ERR_NOT_FOUND)
        *ret = (struct published_accepted){.terms = conf->terms_version, .policy = conf->policy_version};
    return e == ERR_NOT_FOUND ? OK : e;
}

struct published_new {
    const struct published *p;
    const struct uuid *notice_id;
};

static enum err published_add_tx(struct db *db, void *arg)
{
    const struct published_new *new = arg;
    const struct published *p = new->p;

    enum err e =
        db_exec(db, &published_sqls[PUBLISHED_INSERT],
                DB_ARGS(db_str(p->version), db_i64(p->effective_at_us), db_i64(p->published_at_us), db_i64(p->material),
                        db_str(p->recipients), db_bytes(p->privacy_sha256, sizeof p->privacy_sha256),
                        db_bytes(p->terms_sha256, sizeof p->terms_sha256)),
                NULL);
    if (e != OK || !p->material)
        return e;
    e = policy_notice_add(db, new->notice_id, p->version, p->published_at_us);
    return e == OK ? job_add(db, JOB_MAIL, POLICY_NOTICE_JOB, new->notice_id, p->published_at_us, (struct str){0}) : e;
}

enum err published_add(struct db *db, const struct published *p, const struct uuid *notice_id)
{
    struct published_new new = {.p = p, .notice_id = notice_id};

    return db_tx(db, published_add_tx, &new);
}

struct str published_recipients(struct arena *arena, const struct conf *conf)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(LIST_MAX_BYTES);
    int64_t has = policy_recipients(conf);

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        if (has >> i & 1)
            buf_printf(&b, "%s%s=%.*s", b.n > 0 ? " " : "", policy_recipient_names[i],
                       STR_FMT(policy_recipient_host(conf, (enum policy_recipient)i)));
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

struct str published_unknown_recipient(struct str list, struct str of)
{
    struct str one;

    while (str_next(&list, ' ', &one))
        if (one.n > 0 && !str_list_has(of, ' ', one))
            return one;
    return (struct str){0};
}

enum err published_fit(struct db *db, struct arena *arena, const struct conf *conf, struct buf *why)
{
    struct published p;

    enum err e = published_in_force(db, arena, clock_now_us(), &p);
    if (e != OK)
        return e;
    struct str unknown = published_unknown_recipient(published_recipients(arena, conf), p.recipients);
    if (unknown.n == 0)
        return OK;
    buf_printf(
        why,
        "the configuration has the recipient %.*s, and the privacy policy %.*s, which is in force, does not name it: "
        "publish one that does (marketingcli-admin policy publish), or set it back",
        STR_FMT(unknown), STR_FMT(p.version));
    return ERR_CONFLICT;
}

bool published_fits_still(struct db *db, const struct conf *conf, int64_t *looked_at_us, struct buf *why)
{
    int64_t now_us = clock_now_us();
    struct arena arena;

    if (llabs(now_us - *looked_at_us) < LOOK_US)
        return true;
    arena_init(&arena, LOOK_ARENA_BYTES);
    enum err e = published_fit(db, &arena, conf, why);
    arena_done(&arena);
    if (e == OK || e == ERR_NOT_FOUND)
        *looked_at_us = now_us;
    return e != ERR_CONFLICT;
}

static const struct db_col published_cols[] = {
    DB_COL(struct published, version, STR),         DB_COL(struct published, effective_at_us, I64),
    DB_COL(struct published, published_at_us, I64), DB_COL(struct published, material, BOOL),
    DB_COL(struct published, recipients, STR),      DB_COL_FIXED(struct published, privacy_sha256),
    DB_COL_FIXED(struct published, terms_sha256),   DB_END,
};

#define PUBLISHED_COLUMNS \
    "SELECT version, effective_at_us, published_at_us, material, recipients, privacy_sha256, terms_sha256" \
    " FROM policy_versions "
#define PUBLISHED_ORDER "ORDER BY effective_at_us DESC, published_at_us DESC"

static const struct sql published_sqls[] = {
    [PUBLISHED_IN_FORCE] = {.text = PUBLISHED_COLUMNS
                            "FORCE INDEX (by_effect) WHERE effective_at_us <= ? " PUBLISHED_ORDER " LIMIT 1",
                            .in = "i",
                            .cols = published_cols},
    [PUBLISHED_FIND] = {.text = PUBLISHED_COLUMNS "WHERE version = ?", .in = "s", .cols = published_cols},
    [PUBLISHED_LIST] = {.text = PUBLISHED_COLUMNS "FORCE INDEX (by_effect) " PUBLISHED_ORDER " LIMIT ?",
                        .in = "i",
                        .cols = published_cols},
    [PUBLISHED_INSERT] = {.text = "INSERT INTO policy_versions (version, effective_at_us, published_at_us, material,"
                                  " recipients, privacy_sha256, terms_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
                          .in = "siiisbb"},
};
