/*
 * The poll kind: asks TikTok what became of a post that it accepted, less and less often, until TikTok says so or the
 * deadline is over. It also asks about a draft in the inbox, which the user may publish, about a public post without an
 * id, which moderation gives later, and, when the account is connected again, about a post whose end we had given up.
 */
#include "base/rand.h"
#include "model/post/attempt.h"
#include "model/post/post_state.h"
#include "model/post/post_told.h"
#include "publish/kinds.h"
#include "publish/poll.h"
#include "publish/settle.h"

#define HOUR_US (3600 * US_PER_SEC)
#define ENDED_MIN_US (60 * US_PER_SEC) /* for a post whose end the user already knows */
#define LOST_US (600 * US_PER_SEC)     /* the user may connect the account again */
#define UNANSWERED_US (7 * US_PER_DAY) /* for how much longer TikTok is asked that does not answer */
#define LATE_TRIES 10 /* about a post whose deadline is over: some minutes, in which TikTok may be away for a moment */

/* Seconds until the next poll, by the number of polls so far; the last one stays. TikTok allows an account 30 a
 * minute. */
static const int poll_delays_sec[] = {2, 3, 5, 8, 13, 20, 30, 45, 60, 60, 60, 90, 120, 180, 240, 300, 450, 600};

/* The deadline ends what TikTok has answered about. While it cannot be asked, the reason is hardly the post's. */
static bool poll_is_over(const struct job_run *run, const struct poll *p)
{
    bool late = post_state_is_unsettled((enum post_state)p->post.state, p->post.failure_code);
    int64_t until_us = p->post.accepted_at_us + run->worker->conf->tiktok_confirm_hours * HOUR_US;

    if (p->unanswered && (run->fault || run->probe))
        return false;
    if (clock_now_us() <= until_us + (p->unanswered && !late ? UNANSWERED_US : 0))
        return false;
    return !late || run->job.tries >= LATE_TRIES;
}

/* Asks again, at least min_us from now, or ends when the deadline is over. note may be NULL. */
static enum job_step poll_later(struct job_run *run, struct poll *p, int64_t min_us, const struct post_move *note)
{
    struct settling s = {.post = &p->post, .move = note, .is_note = true};
    size_t i = MIN((size_t)run->job.tries, ARRAY_LEN(poll_delays_sec) - 1);
    int64_t wait_us = MAX(poll_delays_sec[i] * US_PER_SEC, min_us);
    struct post_move timeout = {.event = POST_TIMED_OUT,
                                .failure_code = STR(POST_TIMED_OUT),
                                .of_publish_id = p->post.publish_id,
                                .request_id = run->job.request_id};

    if (!poll_is_over(run, p)) {
        s.again_at_us = clock_now_us() + wait_us + (int64_t)rand_below((uint64_t)(wait_us / 8 + 1));
        return settle(run, &s);
    }
    if (p->post.state == POST_PROCESSING) {
        if (note != NULL)
            timeout.platform_code = note->platform_code;
        s.move = &timeout;
        s.is_note = false;
    }
    return settle(run, &s);
}

/* Notes a status or a refusal that differs from the one before. */
static enum job_step poll_note_later(struct job_run *run, struct poll *p, int64_t min_us, struct str text,
                                     struct str log_id)
{
    struct post_move note = {
        .event = EVENT_POLL, .platform_code = text, .platform_log_id = log_id, .request_id = run->job.request_id};
    struct str before;

    enum err e = post_last_poll(run->db, run->arena, &p->post.id, &before);
    if (e != OK && e != ERR_NOT_FOUND)
        return job_run_failed(run, e);
    bool known = e == OK && str_eq(before, text);
    return poll_later(run, p, min_us, known ? NULL : &note);
}

/*
 * TikTok failed the post because the app's access was removed, and yet took the token of this call. If the account was
 * connected again after the init was made, whenever its answer came, it was the earlier access that went.
 */
static enum err poll_on_removed(struct job_run *run, struct poll *p, const char *reason)
{
    int64_t made_us = p->post.accepted_at_us;
    struct account account;

    enum err e = attempt_made(run->db, &p->post.id, p->post.publish_id, &made_us);
    if (e == OK || e == ERR_NOT_FOUND)
        e = account_by_id(run->db, run->arena, &p->post.account_id, &account);
    if (e != OK || account.connected_at_us > made_us)
        return e;
    return access_needs_reconnect(run, &p->access, reason);
}

static enum job_step poll_on_status(struct job_run *run, struct poll *p, const struct tiktok_status *status)
{
    struct post_told told = post_told(&p->post, status, run->job.request_id);
    struct settling s = {.post = &p->post, .move = told.is_news ? &told.move : NULL};

    if (told.code != NULL && told.code->action == TIKTOK_RECONNECT) {
        enum err e = poll_on_removed(run, p, told.code->code);
        if (e != OK)
            return job_run_failed(run, e);
    }
    if (told.is_news || !told.more) {
        s.again_at_us = told.more ? clock_now_us() + ENDED_MIN_US : 0;
        return settle(run, &s);
    }
    if (status->status == TIKTOK_PROCESSING)
        return poll_note_later(run, p, 0, status->status_text, status->log_id);
    return poll_later(run, p, ENDED_MIN_US, NULL);
}

static enum job_step poll_advance(struct job_run *run, struct poll *p);

static enum job_step poll_on_refused(struct job_run *run, struct poll *p, const struct tiktok_error *refusal)
{
    const struct tiktok_code *code = tiktok_code_find(refusal->code);
    int64_t wait_us = code == NULL ? 0 : code->retry_after_sec * US_PER_SEC;
    enum err e;

    switch (access_on_refusal(run, &p->access, code, &e)) {
    case REFUSED_TOKEN:
        return poll_advance(run, p);
    case REFUSED_ACCOUNT:
        if (e != OK)
            return job_run_failed(run, e);
        wait_us = LOST_US;
        break;
    case REFUSED_CALL:
        break;
    }
    /* Also when TikTok says that it does not know the post, which happens in the first moments after the init. The
     * deadline ends it. */
    return poll_note_later(run, p, wait_us, refusal->code, refusal->log_id);
}

static enum job_step poll_on_answer(struct job_run *run, struct poll *p)
{
    struct tiktok_status status;
    struct tiktok_error refusal;

    enum err e = tiktok_read_status(run->result, run->arena, &status, &refusal);
    if (e == OK)
        return poll_on_status(run, p, &status);
    if (e == ERR_TIKTOK_REFUSED)
        return poll_on_refused(run, p, &refusal);
    run->note = run->result->detail;
    p->unanswered = true;
    return poll_later(run, p, 0, NULL);
}

static enum job_step poll_with_token(struct job_run *run)
{
    const struct poll *p = run->data;
    enum job_step wait;

    if (!settle_take_poll(run, &p->post.account_id, &wait))
        return wait;
    tiktok_status(access_provider(run, &p->access), run->arena, secret_str(&run->token), p->post.publish_id,
                  &run->call);
    return JOB_CALL;
}

/*
 * Of an account that is disconnected nobody will ever tell, so the user is told to look. One that is to be connected
 * again may still be: the post may well be published, so nothing is said before the deadline.
 */
static enum job_step poll_without_token(struct job_run *run)
{
    struct poll *p = run->data;
    struct account account;
    const struct post_move unconfirmed = {.event = POST_UNCONFIRMED,
                                          .failure_code = STR(POST_UNCONFIRMED),
                                          .of_publish_id = p->post.publish_id,
                                          .request_id = run->job.request_id};

    enum err e = account_by_id(run->db, run->arena, &p->post.account_id, &account);
    if (e != OK)
        return job_run_failed(run, e);
    if (account.state != ACCOUNT_DISCONNECTED)
        return poll_later(run, p, LOST_US, NULL);
    return settle(run, &(struct settling){.post = &p->post,
                                          .move = p->post.state == POST_PROCESSING ? &unconfirmed : NULL,
                                          .disconnected = true});
}

static enum job_step poll_unreachable(struct job_run *run)
{
    struct poll *p = run->data;

    p->unanswered = true;
    return poll_later(run, p, 0, NULL);
}

static const struct access_ways poll_ways = {
    .ready = poll_with_token, .unreachable = poll_unreachable, .lost = poll_without_token};

static enum job_step poll_advance(struct job_run *run, struct poll *p)
{
    enum err e = post_by_id(run->db, run->arena, &run->job.subject_id, &p->post);

    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    if (!post_is_open(&p->post))
        return JOB_DONE;
    p->access.account_id = p->post.account_id;
    return access_begin(run, &p->access, &poll_ways);
}

static enum job_step poll_step(struct job_run *run)
{
    struct poll *p = run->data;

    if (p == NULL) {
        p = run->data = arena_alloc(run->arena, sizeof(*p));
        return poll_advance(run, p);
    }
    return p->access.is_refreshing ? access_go_on(run, &p->access, &poll_ways) : poll_on_answer(run, p);
}

/* What TikTok says of the post is asked for again. */
static bool poll_keep(const struct job_run *run, struct buf *memo)
{
    const struct poll *p = run->data;

    return access_keep(run, &p->access, memo);
}

static enum err poll_take_up(struct job_run *run, struct str memo)
{
    struct poll *p = run->data = arena_alloc(run->arena, sizeof *p);

    return access_take_up(run, &p->access, memo);
}

/* After this nobody asks again: tells the user to look. */
static enum err poll_dead(struct db *db, struct job_run *run)
{
    const struct post_move m = {
        .event = POST_TIMED_OUT, .failure_code = STR(POST_TIMED_OUT), .request_id = run->job.request_id};

    enum err e = post_move(db, run->arena, run->worker->conf, &run->job.subject_id, &m);
    return e == ERR_CONFLICT || e == ERR_NOT_FOUND ? OK : e;
}

/* However many posts TikTok is slow to tell of, the others have places: inits, refreshes, creator infos. */
const struct job_kind poll_kind = {.name = "poll",
                                   .class = JOB_PUBLISH,
                                   .share_percent = 75,
                                   .calls = true,
                                   .step = poll_step,
                                   .step_many = polls_step,
                                   .keep = poll_keep,
                                   .take_up = poll_take_up,
                                   .dead = poll_dead};
