#include "model/post/post_again.h"

#include <stdlib.h>

#include "model/billing/counter.h"
#include "model/key/budget.h"
#include "model/post/attempt.h"
#include "model/post/post_state.h"
#include "model/post/turn.h"
#include "model/user/caps.h"

enum { POST_AGAIN_FACTS, POST_AGAIN_SET, POST_AGAIN_HEARD, POST_AGAIN_IS_OF_BEFORE };
static const struct sql post_again_sqls[];

struct again {
    struct arena *arena;
    const struct conf *conf;
    const struct post_asker *by;
    const struct post_wish *wish;
    const struct last_step *last;
    struct post_receipt made;
};

/* What only a retry must know of a post. */
struct again_facts {
    int64_t retried_after, retries, plan_month;
    int64_t heard;                  /* since the last retry, of attempts before it whose end is not the post's */
    int64_t retried_at_us, last_us; /* the times of the events: of the last retry, and of the newest */
};

static enum err post_again_read(struct db *db, struct again *a)
{
    return post_get(db, a->arena, a->by->user_id, a->by->mode, a->by->id, &a->made.post);
}

static enum err post_again_lock(struct db *db, struct again *a)
{
    enum err e = post_lock(db, a->by->id);

    return e == OK ? post_again_read(db, a) : e;
}

static enum err post_again_finish(struct db *db, struct again *a)
{
    struct post_receipt *r = &a->made;

    enum err e = post_again_read(db, a);
    if (e == OK)
        e = post_images(db, a->arena, a->by->id, &r->images, &r->images_n);
    if (e == OK)
        e = post_events(db, a->arena, a->by->id, &r->events, &r->events_n);
    return e == OK ? a->last->fn(r, a->last->arg) : e;
}

static struct str post_again_by(const struct again *a)
{
    return uuid_is_none(a->by->key_id) ? STR("by_session") : STR("by_key");
}

static bool post_again_waits(enum post_state s)
{
    return s == POST_QUEUED || s == POST_DEFERRED;
}

/* Cancel */

/* A key that may not post to an account takes nothing from there either. */
static enum err post_cancel_allow(struct db *db, const struct again *a)
{
    struct budget budget;

    if (uuid_is_none(a->by->key_id))
        return OK;
    enum err e = budget_look(db, a->arena, a->by->key_id, &a->made.post.account_id, &budget);
    return e == ERR_BUDGET_POSTS ? OK : e;
}

static enum err post_cancel_tx(struct db *db, void *arg)
{
    struct again *a = arg;
    const struct post *p = &a->made.post;
    const struct post_move move = {.event = "canceled",
                                   .failure_code = STR("canceled"),
                                   .event_code = post_again_by(a),
                                   .request_id = a->by->request_id};

    enum err e = post_again_read(db, a);
    if (e == OK)
        e = post_cancel_allow(db, a);
    if (e == OK)
        e = post_again_lock(db, a);
    if (e != OK)
        return e;
    if (p->state == POST_CANCELED)
        return post_again_finish(db, a);
    e = post_move(db, a->arena, a->conf, a->by->id, &move);
    if (e == ERR_CONFLICT)
        return post_state_has_ended((enum post_state)p->state) ? ERR_POST_ENDED : ERR_POST_UNDER_WAY;
    if (e == OK) /* those behind it need not wait for its time */
        e = turn_add(db, a->by->user_id, &p->account_id, clock_now_us(), a->by->request_id);
    return e == OK ? post_again_finish(db, a) : e;
}

enum err post_cancel(struct db *db, struct arena *arena, const struct conf *conf, const struct post_asker *by,
                     const struct last_step *last)
{
    struct again a = {.arena = arena, .conf = conf, .by = by, .last = last};

    return db_tx(db, post_cancel_tx, &a);
}

/* Retry */

/* Those whose end stands, whatever TikTok has. */
static bool post_retry_is_decided(struct str failure_code)
{
    static const char *const decided[] = {"refused_by_owner", "approval_expired", "not_as_approved", "mode_mismatch"};

    for (size_t i = 0; i < ARRAY_LEN(decided); i++)
        if (str_eqc(failure_code, decided[i]))
            return true;
    return false;
}

static bool post_again_is_of(const struct post *p, const struct attempt *attempt)
{
    return attempt->publish_id.n > 0 && str_eq(attempt->publish_id, p->publish_id);
}

/* Does nobody know whether TikTok has it? By what was told of an attempt of before a retry; by how it ended, which may be of such a one
 * (earlier_accepted); and by its newest attempt, unless somebody has already said so of that one. */
static enum err post_retry_is_unknown(struct db *db, const struct again *a, const struct again_facts *facts,
                                      int64_t *ret_newest, bool *ret_unknown)
{
    const struct post *p = &a->made.post;
    struct attempt attempt;

    enum err e = attempt_latest(db, a->arena, &p->id, &attempt);
    *ret_newest = e == OK ? attempt.number : 0;
    *ret_unknown = facts->heard > 0 || post_state_is_unsettled((enum post_state)p->state, p->failure_code) ||
                   (p->state == POST_FAILED && str_eqc(p->failure_code, "outcome_unknown"));
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    if (attempt.state == ATTEMPT_COMMITTED) /* of a post that has ended there should be none */
        return ERR_POST_UNDER_WAY;
    /* Where TikTok had it after all (late_accepted), the post's end is what TikTok said of it. */
    bool is_open = attempt.state == ATTEMPT_OUTCOME_UNKNOWN && !post_again_is_of(p, &attempt);
    *ret_unknown = *ret_unknown || (attempt.number > facts->retried_after && is_open);
    return OK;
}

/* May it be tried again, as it is? */
static enum err post_retry_judge(const struct again *a, const struct again_facts *facts, bool unknown)
{
    const struct post *p = &a->made.post;

    if (a->wish->ended_at_us != 0 && a->wish->ended_at_us != p->ended_at_us)
        return ERR_RETRY_OTHER_END;
    if (post_retry_is_decided(p->failure_code))
        return ERR_NOT_RETRYABLE;
    if (unknown && !a->wish->confirm_not_published)
        return ERR_RETRY_UNCONFIRMED;
    return facts->retries >= POST_RETRIES_MAX ? ERR_RETRIES_TOO_MANY : OK;
}

/* As when a post is made. Of an account that was connected again a moment ago, those of before may still be canceled. */
static enum err post_retry_look_at_account(struct db *db, const struct again *a)
{
    const struct post *p = &a->made.post;
    struct account account;

    enum err e = account_get(db, a->arena, a->by->user_id, a->by->mode, &p->account_id, &account);
    if (e == ERR_NOT_FOUND || (e == OK && account.state != ACCOUNT_ACTIVE))
        return ERR_ACCOUNT_NEEDS_RECONNECT;
    return e == OK && account_has_canceled(&account, &p->id) ? ERR_CONFLICT : e;
}

/* The budget of the key that asks, which has one post less for it; and that of the key that made it, by which it is handed over. */
static enum err post_retry_allow(struct db *db, const struct again *a, bool *ret_needs_approval)
{
    const struct post *p = &a->made.post;
    struct budget_use use = {.key_id = *a->by->key_id,
                             .account_id = p->account_id,
                             .privacy_level = p->privacy_level,
                             .is_approved = post_is_approved(p)};

    enum err e = budget_take(db, a->arena, a->by->user_id, &use, ret_needs_approval);
    if (e != OK)
        return e;
    if (*ret_needs_approval && !use.is_approved)
        return ERR_RETRY_APPROVAL;
    use.key_id = p->key_id;
    e = budget_look_again(db, a->arena, &use);
    return e == ERR_BUDGET_APPROVAL ? ERR_RETRY_APPROVAL : e;
}

static int post_retry_compare(const void *a, const void *b)
{
    const struct post_image *x = a, *y = b;

    return uuid_cmp(&x->upload_id, &y->upload_id);
}

/* From here on they cannot be purged. */
static enum err post_retry_take_images(struct db *db, const struct again *a)
{
    int64_t until_us = clock_now_us() + RETRY_IMAGES_US;
    struct post_image *images;
    size_t n;

    enum err e = post_images(db, a->arena, a->by->id, &images, &n);
    if (e == OK && n == 0)
        return ERR_IMAGES_GONE;
    if (e == OK)
        qsort(images, n, sizeof *images, post_retry_compare);
    for (size_t i = 0; i < n && e == OK; i++)
        e = upload_take_back(db, a->by->user_id, a->by->mode, &images[i].upload_id, until_us);
    return e;
}

/* After all that was told before, though a clock was set back: what is told later must not be taken for that (POST_AGAIN_FACTS). */
static enum err post_retry_begin(struct db *db, const struct again *a, int64_t newest, int64_t plan_month,
                                 int64_t last_us)
{
    const struct post *p = &a->made.post;
    const struct post_move move = {.event = EVENT_RETRIED,
                                   .event_code = post_again_by(a),
                                   .request_id = a->by->request_id,
                                   .not_before_us = last_us + 1};

    enum err e = post_move(db, a->arena, a->conf, &p->id, &move);
    if (e == OK)
        e = db_change(db, &post_again_sqls[POST_AGAIN_SET],
                      DB_ARGS(db_i64(newest), db_i64_or_null(plan_month), db_uuid(&p->id)));
    return e == OK ? turn_add(db, a->by->user_id, &p->account_id, clock_now_us(), a->by->request_id) : e;
}

/* Of what is under way or has come to a good end. ERR_AGAIN: it has not, so go on. */
static enum err post_retry_look(struct db *db, struct again *a)
{
    enum err e = post_again_read(db, a);
    if (e != OK)
        return e;
    switch (a->made.post.state) {
    case POST_FAILED:
    case POST_CANCELED:
        return ERR_AGAIN;
    case POST_PUBLISHED:
    case POST_IN_INBOX:
        return ERR_NOT_RETRYABLE;
    case POST_PUBLISHING:
    case POST_PROCESSING:
        return ERR_POST_UNDER_WAY;
    default:
        return post_again_finish(db, a);
    }
}

/* With the user locked, and the key. Whatever a worker says of the post meanwhile, it says before or after. */
static enum err post_retry_locked(struct db *db, struct again *a, const struct plan *plan)
{
    struct post *p = &a->made.post;
    struct again_facts facts;
    int64_t newest, month = 0;
    bool unknown, needs_approval;

    enum err e = post_retry_look_at_account(db, a);
    if (e == OK)
        e = post_retry_allow(db, a, &needs_approval);
    if (e == OK)
        e = post_again_lock(db, a);
    if (e == OK)
        e = db_row(db, &post_again_sqls[POST_AGAIN_FACTS], DB_ARGS(db_uuid(&p->id)), a->arena, &facts);
    if (e == OK && p->state != POST_FAILED && p->state != POST_CANCELED)
        e = ERR_NOT_RETRYABLE; /* TikTok has told a better end a moment ago */
    if (e == OK)
        e = post_retry_is_unknown(db, a, &facts, &newest, &unknown);
    if (e == OK)
        e = post_retry_judge(a, &facts, unknown);
    if (e == OK && unknown && needs_approval) /* that it is not there is for its owner to say */
        e = ERR_RETRY_APPROVAL;
    if (e == OK && facts.plan_month == 0 && p->mode == MODE_LIVE)
        month = plan_posts_month(plan);
    if (e == OK)
        e = plan_posts_take(db, a->by->user_id, plan, month);
    if (e == OK)
        e = post_retry_take_images(db, a);
    return e == OK ? post_retry_begin(db, a, newest, month, facts.last_us) : e;
}

static enum err post_retry_tx(struct db *db, void *arg)
{
    struct again *a = arg;
    const struct plan *plan;

    enum err e = post_retry_look(db, a); /* a repeat needs no room */
    if (e != ERR_AGAIN)
        return e;
    e = caps_take_of_plan(db, a->arena, a->conf, a->by->user_id, CAPS_OF_RETRY, 0, &plan);
    if (e != OK)
        return e;
    e = post_retry_look(db, a); /* another may have been quicker */
    if (e != ERR_AGAIN)
        return e;
    e = post_retry_locked(db, a, plan);
    return e == OK ? post_again_finish(db, a) : e;
}

enum err post_retry(struct db *db, struct arena *arena, const struct conf *conf, const struct post_asker *by,
                    const struct post_wish *wish, const struct last_step *last)
{
    struct again a = {.arena = arena, .conf = conf, .by = by, .wish = wish, .last = last};

    return db_tx(db, post_retry_tx, &a);
}

/* A late word about an earlier attempt */

/* The events of post_told.c that say that TikTok has it, and what they are of an earlier attempt. */
static const char *post_hear_event(struct str told)
{
    static const char *const events[][2] = {{"published", "earlier_published"},
                                            {"late_published", "earlier_published"},
                                            {"inbox", "earlier_inbox"},
                                            {"late_inbox", "earlier_inbox"}};

    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if (str_eqc(told, events[i][0]))
            return events[i][1];
    return NULL;
}

/* On its receipt, after the retry; and where it waits to be sent again, it is not. */
static enum err post_hear(struct db *db, struct arena *arena, const struct conf *conf, const struct post *post,
                          struct post_move *heard, const struct again_facts *facts)
{
    heard->not_before_us = facts->retried_at_us;
    if (post_again_waits((enum post_state)post->state))
        return post_move(db, arena, conf, &post->id, heard);
    return post_note(db, &post->id, heard, (enum post_state)post->state, clock_now_us());
}

enum err post_hear_earlier(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                           const struct post_move *told)
{
    const char *event = post_hear_event(str_from(told->event));
    struct post_move heard = *told;
    struct again_facts facts;
    struct post post;

    if (event == NULL || told->of_publish_id.p == NULL)
        return ERR_CONFLICT;
    enum err e = post_lock(db, post_id);
    if (e == OK)
        e = post_by_id(db, arena, post_id, &post);
    if (e == OK)
        e = db_row(db, &post_again_sqls[POST_AGAIN_FACTS], DB_ARGS(db_uuid(post_id)), arena, &facts);
    if (e != OK)
        return e;
    if (str_eq(post.publish_id, told->of_publish_id))
        return ERR_CONFLICT;
    heard.event = event;
    heard.of_publish_id = (struct str){0};
    heard.publish_id = told->of_publish_id;
    return post_hear(db, arena, conf, &post, &heard, &facts);
}

/* Was the attempt of before the newest retry? One that is not known was, where there was one. */
static enum err post_hear_is_earlier(struct db *db, const struct uuid *attempt_id, const struct again_facts *facts,
                                     bool *ret_is)
{
    int64_t is = 1;

    enum err e = db_number(db, &post_again_sqls[POST_AGAIN_IS_OF_BEFORE], DB_ARGS(db_uuid(attempt_id)), &is);
    *ret_is = facts->retries > 0 && is != 0;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* It has failed because nobody knew. Now TikTok can be asked, and its word corrects that, as of any post whose end we had given up. */
static enum err post_hear_late(struct db *db, struct arena *arena, const struct conf *conf, const struct post *post,
                               struct post_move *heard, bool *ret_polls)
{
    if (post->state != POST_FAILED || !str_eqc(post->failure_code, "outcome_unknown") || post->publish_id.n > 0)
        return OK;
    heard->event = "late_accepted";
    heard->failure_code = STR(POST_TIMED_OUT);
    *ret_polls = true;
    return post_move(db, arena, conf, &post->id, heard);
}

enum err post_hear_accepted(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                            const struct post_move *accepted, bool *ret_polls)
{
    struct post_move heard = *accepted;
    struct again_facts facts;
    struct post post;
    bool is_earlier;

    *ret_polls = false;
    enum err e = post_lock(db, post_id);
    if (e == OK)
        e = post_by_id(db, arena, post_id, &post);
    if (e == OK)
        e = db_row(db, &post_again_sqls[POST_AGAIN_FACTS], DB_ARGS(db_uuid(post_id)), arena, &facts);
    if (e == OK)
        e = post_hear_is_earlier(db, &accepted->attempt_id, &facts, &is_earlier);
    if (e != OK)
        return e;
    if (!is_earlier)
        return post_hear_late(db, arena, conf, &post, &heard, ret_polls);
    heard.event = "earlier_accepted";
    *ret_polls = post_again_waits((enum post_state)post.state);
    return post_hear(db, arena, conf, &post, &heard, &facts);
}

struct again_heard {
    struct uuid attempt_id;
    struct str publish_id;
};

enum err post_heed_earlier(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                           struct str request_id)
{
    struct again_heard heard;

    enum err e = post_lock(db, post_id);
    if (e == OK)
        e = db_row(db, &post_again_sqls[POST_AGAIN_HEARD], DB_ARGS(db_uuid(post_id)), arena, &heard);
    if (e != OK)
        return e;
    const struct post_move accepted = {.event = "earlier_accepted",
                                       .publish_id = heard.publish_id,
                                       .attempt_id = heard.attempt_id,
                                       .request_id = request_id};
    return post_move(db, arena, conf, post_id, &accepted);
}

static const struct db_col post_again_facts_cols[] = {DB_COL(struct again_facts, retried_after, I64),
                                                      DB_COL(struct again_facts, retries, I64),
                                                      DB_COL(struct again_facts, plan_month, I64),
                                                      DB_COL(struct again_facts, heard, I64),
                                                      DB_COL(struct again_facts, retried_at_us, I64),
                                                      DB_COL(struct again_facts, last_us, I64),
                                                      DB_END};

static const struct db_col post_again_heard_cols[] = {DB_COL(struct again_heard, attempt_id, UUID),
                                                      DB_COL(struct again_heard, publish_id, STR), DB_END};

#define EARLIER_EVENTS "('earlier_accepted', 'earlier_published', 'earlier_inbox')"
#define RETRIED_AT "(SELECT MAX(r.at_us) FROM post_events r WHERE r.post_id = p.id AND r.event = '" EVENT_RETRIED "')"

static const struct sql post_again_sqls[] = {
    [POST_AGAIN_FACTS] = {.text =
                              "SELECT p.retried_after, (SELECT COUNT(*) FROM post_events e WHERE e.post_id = p.id"
                              " AND e.event = '" EVENT_RETRIED "'), p.plan_month, (SELECT COUNT(*) FROM post_events e"
                              " LEFT JOIN post_attempts t ON t.id = e.attempt_id WHERE e.post_id = p.id AND e.event IN"
                              " " EARLIER_EVENTS " AND e.at_us >= " RETRIED_AT " AND NOT COALESCE(t.publish_id ="
                              " p.publish_id, 0)), COALESCE(" RETRIED_AT ", 0), (SELECT MAX(e.at_us) FROM post_events e"
                              " WHERE e.post_id = p.id) FROM posts p WHERE p.id = ?",
                          .in = "u",
                          .cols = post_again_facts_cols},
    /* Of the attempt that was spoken of, where the event says which; else of the newest that TikTok has taken. */
    [POST_AGAIN_HEARD] = {.text = "SELECT t.id, t.publish_id FROM posts p JOIN post_attempts t ON t.post_id = p.id"
                                  " AND t.number <= p.retried_after AND t.publish_id IS NOT NULL"
                                  " JOIN post_events e ON e.post_id = p.id AND e.event IN " EARLIER_EVENTS
                                  " AND e.at_us >= " RETRIED_AT " WHERE p.id = ? AND p.state IN ('queued', 'deferred')"
                                  " ORDER BY (t.id <=> e.attempt_id) DESC, t.number DESC LIMIT 1",
                          .in = "u",
                          .cols = post_again_heard_cols},
    [POST_AGAIN_IS_OF_BEFORE] = {.text = "SELECT t.number <= p.retried_after FROM post_attempts t JOIN posts p"
                                         " ON p.id = t.post_id WHERE t.id = ?",
                                 .in = "u",
                                 .cols = db_number_cols},
    /* What its earlier attempts have left. Its images' clock goes on (upload_take_back). */
    [POST_AGAIN_SET] = {.text = "UPDATE posts FORCE INDEX (PRIMARY) SET ended_at_us = NULL, publish_id = NULL,"
                                " tiktok_post_ids = NULL, accepted_at_us = NULL, retried_after = ?,"
                                " plan_month = COALESCE(?, plan_month) WHERE id = ?",
                        .in = "iiu"},
};
