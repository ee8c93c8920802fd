#include "model/mail/gather.h"

#include "base/text.h"
#include "model/mail/outbox.h"
#include "tiktok/tiktok.h"

#define NAME_UNITS 60        /* of what is named; a title has 90 at most */
#define WORDS_MAX_BYTES 4000 /* of all that are named: 60 units are 180 bytes at most */

enum { GATHER_BEFORE, GATHER_ANY, GATHER_MARK, GATHER_DELETE, GATHER_DELETE_OLD };
static const struct sql gather_sqls[];

/* How many of a kind's subjects are still worth telling, and the first of them. */
struct gather_what {
    struct sql count, list;
};
static const struct gather_what gather_whats[NOTICE__MAX];

/* The mails of this kind that were made before. */
struct gather_before {
    int64_t waits;
    int64_t newest_at_us; /* of the last NOTICE_EVERY_US; 0: none */
};

/* A post or a key. */
struct gather_named {
    struct str name, failure_code;
    int64_t at_us; /* when the key expires */
};

struct gathering {
    struct db *db;
    struct arena *arena;
    const struct uuid *user_id;
    struct str request_id;
    enum notice kind;
    enum mail_template template;
    int64_t now_us, again_at_us;
};

static enum mail_template gather_template(enum notice kind)
{
    enum mail_template t = 0;

    while (mail_kinds[t].notice != kind)
        t++;
    return t;
}

/* "A", "B" and 7 more */
static struct str gather_words(const struct gathering *g, const struct gather_named *v, size_t n, int64_t count)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(WORDS_MAX_BYTES);

    for (size_t i = 0; i < n; i++) {
        struct str name = text_utf16_head(v[i].name, NAME_UNITS);
        bool last = i > 0 && i + 1 == n && (int64_t)n == count;
        buf_printf(&b, "%s%s%.*s%s",
                   i == 0 ? ""
                   : last ? " and "
                          : ", ",
                   name.n > 0 ? "\"" : "", STR_FMT(name.n > 0 ? name : STR("one without words")),
                   name.n > 0 ? "\"" : "");
    }
    if (count > (int64_t)n)
        buf_printf(&b, " and %lld more", (long long)(count - (int64_t)n));
    ASSERT(!b.overflow);
    return str_from(arena_strdup(g->arena, buf_str(&b)));
}

static enum err gather_add_mail(const struct gathering *g, const struct gather_named *v, size_t n, int64_t count)
{
    const char *why = n == 1 && v[0].failure_code.p != NULL ? tiktok_failure_message(v[0].failure_code) : NULL;
    const struct mail_params params = {.about = gather_words(g, v, n, count),
                                       .why = why == NULL ? (struct str){0} : str_from(why),
                                       .at_us = v[0].at_us,
                                       .count = count};
    const struct mail_new mail = {
        .template = g->template, .user_id = *g->user_id, .params = &params, .request_id = g->request_id};

    return mail_add(g->db, &mail);
}

/* Those that were marked: what is added from here on stays, and waits for the next time. */
static enum err gather_marked(const struct gathering *g, const struct uuid *taking)
{
    const struct gather_what *what = &gather_whats[g->kind];
    const struct db_arg args[] = {db_uuid(g->user_id), db_uuid(taking), db_i64(g->now_us)};
    size_t args_n = strlen(what->count.in), n;
    struct gather_named *named;
    int64_t count;

    enum err e = db_number(g->db, &what->count, args, args_n, &count);
    if (e == OK)
        e = db_rows(g->db, &what->list, args, args_n, g->arena, sizeof *named, NOTICE_NAMED_MAX, (void **)&named, &n);
    return e == OK && n > 0 ? gather_add_mail(g, named, n, count) : e;
}

/* Until when a mail of this kind must wait, for one before it; 0: it need not. One waits for as long as the relay cannot be
 * reached. One that was made after now was made before the clock was set back, and is not believed. */
static enum err gather_wait(const struct gathering *g, int64_t *ret_until_us)
{
    struct uuid since = uuid_floor(g->now_us - NOTICE_EVERY_US), until = uuid_floor(g->now_us + US_PER_SEC);
    struct db_arg user_id = db_uuid(g->user_id), template = db_cstr(mail_kinds[g->template].name);
    struct gather_before before = {.waits = false};

    enum err e =
        db_row(g->db, &gather_sqls[GATHER_BEFORE],
               DB_ARGS(user_id, template, db_uuid(&until), user_id, db_uuid(&since), db_uuid(&until), template),
               g->arena, &before);
    if (e != OK)
        return e;
    *ret_until_us = before.waits               ? g->now_us + NOTICE_EVERY_US
                    : before.newest_at_us != 0 ? before.newest_at_us + NOTICE_EVERY_US
                                               : 0;
    return OK;
}

static enum err gather_later(struct gathering *g, int64_t at_us)
{
    int64_t any;

    enum err e =
        db_number(g->db, &gather_sqls[GATHER_ANY], DB_ARGS(db_uuid(g->user_id), db_cstr(notice_names[g->kind])), &any);
    if (e == OK)
        g->again_at_us = g->again_at_us == 0 ? at_us : MIN(g->again_at_us, at_us);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err gather_kind(struct gathering *g, bool wanted)
{
    struct uuid taking = uuid_new();
    struct db_arg kind = db_cstr(notice_names[g->kind]);
    int64_t until_us = 0;
    uint64_t marked = 0;

    enum err e = wanted ? gather_wait(g, &until_us) : OK;
    if (e != OK)
        return e;
    if (until_us > g->now_us)
        return gather_later(g, until_us);
    e = db_exec(g->db, &gather_sqls[GATHER_MARK], DB_ARGS(db_uuid(&taking), db_uuid(g->user_id), kind), &marked);
    if (e == OK && marked > 0 && wanted)
        e = gather_marked(g, &taking);
    if (e == OK && marked > 0)
        e = db_exec(g->db, &gather_sqls[GATHER_DELETE], DB_ARGS(db_uuid(g->user_id), kind, db_uuid(&taking)), NULL);
    return e;
}

/* Nobody is reached right now. */
static enum err gather_keep(struct gathering *g)
{
    enum err e =
        db_exec(g->db, &gather_sqls[GATHER_DELETE_OLD],
                DB_ARGS(db_uuid(g->user_id), db_cstr(notice_names[g->kind]), db_i64(g->now_us - NOTICE_KEPT_US)), NULL);

    return e == OK ? gather_later(g, g->now_us + NOTICE_AWAY_US) : e;
}

enum err notices_gather(struct db *db, struct arena *arena, const struct uuid *user_id, struct str request_id,
                        int64_t *ret_again_at_us)
{
    struct gathering g = {
        .db = db, .arena = arena, .user_id = user_id, .request_id = request_id, .now_us = clock_now_us()};
    struct notices wanted;
    bool reached;

    enum err e = notices_wanted(db, arena, user_id, true, &wanted, &reached);
    for (g.kind = NOTICE_NONE + 1; g.kind < NOTICE__MAX && e == OK; g.kind++) {
        g.template = gather_template(g.kind);
        e = wanted.on[g.kind] && !reached ? gather_keep(&g) : gather_kind(&g, wanted.on[g.kind]);
    }
    if (e == OK)
        *ret_again_at_us = g.again_at_us;
    return e;
}

static const struct db_col gather_before_cols[] = {DB_COL(struct gather_before, waits, I64),
                                                   DB_COL(struct gather_before, newest_at_us, I64), DB_END};

static const struct db_col gather_named_cols[] = {DB_COL(struct gather_named, name, STR),
                                                  DB_COL(struct gather_named, failure_code, STR),
                                                  DB_COL(struct gather_named, at_us, I64), DB_END};

#define MARKED(kind) "FROM notices_due d JOIN " kind " WHERE d.user_id = ? AND d.taken_by = ?"
#define WHAT(args, columns, from, order) \
    { \
        .count = {.text = "SELECT COUNT(*) " from, .in = args, .cols = db_number_cols}, .list = { \
            .text = "SELECT " columns " " from " ORDER BY " order " LIMIT 5", \
            .in = args, \
            .cols = gather_named_cols \
        } \
    }
#define POSTS_THAT_ARE(kind, state) \
    WHAT("uu", "COALESCE(NULLIF(p.title, ''), LEFT(p.description, 200)), p.failure_code, NULL", \
         MARKED("posts p ON p.id = d.subject_id") " AND d.kind = '" kind "' AND p.state = '" state "'", "p.id")

static const struct gather_what gather_whats[NOTICE__MAX] = {
    [NOTICE_POST_FAILED] = POSTS_THAT_ARE("post_failed", "failed"),
    [NOTICE_APPROVAL_WAITING] = POSTS_THAT_ARE("approval_waiting", "awaiting_approval"),
    [NOTICE_KEY_EXPIRING] = WHAT("uui", "k.name, NULL, k.expires_at_us",
                                 MARKED("api_keys k ON k.id = d.subject_id") " AND d.kind = 'key_expiring'"
                                                                             " AND k.revoked_at_us IS NULL"
                                                                             " AND k.expires_at_us > ?",
                                 "k.expires_at_us, k.id"),
};

static const struct sql gather_sqls[] = {
    [GATHER_BEFORE] = {.text = "SELECT EXISTS (SELECT 1 FROM mail_outbox WHERE user_id = ? AND template = ?"
                               " AND state = 'queued' AND id < ?), (SELECT created_at_us FROM mail_outbox"
                               " WHERE user_id = ? AND id > ? AND id < ? AND template = ? ORDER BY id DESC LIMIT 1)",
                       .in = "usuuuus",
                       .cols = gather_before_cols},
    [GATHER_ANY] = {.text = "SELECT 1 FROM notices_due WHERE user_id = ? AND kind = ? LIMIT 1",
                    .in = "us",
                    .cols = db_number_cols},
    [GATHER_MARK] = {.text = "UPDATE notices_due SET taken_by = ? WHERE user_id = ? AND kind = ?", .in = "uus"},
    [GATHER_DELETE] = {.text = "DELETE FROM notices_due WHERE user_id = ? AND kind = ? AND taken_by = ?", .in = "usu"},
    [GATHER_DELETE_OLD] = {.text = "DELETE FROM notices_due WHERE user_id = ? AND kind = ? AND at_us < ?", .in = "usi"},
};
