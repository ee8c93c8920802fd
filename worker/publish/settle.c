#include "publish/settle.h"

#include "base/log.h"
#include "base/window.h"
#include "jobs/backoff.h"
#include "model/post/post_again.h"
#include "model/post/turn.h"
#include "publish/kinds.h"

#define SLOT_LATE_US (10 * US_PER_SEC) /* one that was missed for longer counts no more: all would go at once */

void settle_say_alone(const struct job_run *run, enum err e)
{
    if (e == ERR_DB_FAILED)
        log_event(LOG_WARNING, "not_together", LOG_CSTR("kind", run->kind->name),
                  LOG_CSTR("database", db_error(run->db)), LOG_END);
}

enum job_step settle_look_again(struct job_run *run)
{
    run->again_at_us = clock_now_us() + backoff_us(run->job.tries, US_PER_SEC, 60 * US_PER_SEC);
    return JOB_AGAIN;
}

enum err settle_job(struct db *db, struct job_run *run, int64_t again_at_us)
{
    int64_t now_us = clock_now_us(), at_us;

    if (again_at_us != 0)
        return job_again(db, JOB_PUBLISH, &run->job, again_at_us);
    if (run->kind != &turn_kind)
        return job_finish(db, JOB_PUBLISH, &run->job);
    enum err e = turn_time(db, run->arena, &run->job.subject_id, now_us, &at_us);
    if (e == ERR_NOT_FOUND)
        return job_finish(db, JOB_PUBLISH, &run->job);
    return e == OK ? job_restart(db, JOB_PUBLISH, &run->job, at_us) : e;
}

struct settle_tx {
    struct job_run *run;
    const struct settling *s;
    bool heard; /* what TikTok said was about an attempt of before a retry */
};

/* The post may have ended meanwhile, and its receipt must not say that it goes on. */
static enum err settle_note(struct db *db, const struct settling *s)
{
    enum post_state state = (enum post_state)s->post->state;
    enum err e = post_lock_in(db, &s->post->id, state);

    return e == OK ? post_note(db, &s->post->id, s->move, state, clock_now_us()) : e;
}

static enum err settle_move(struct db *db, void *arg)
{
    struct settle_tx *t = arg;
    const struct settling *s = t->s;
    const struct conf *conf = t->run->worker->conf;

    t->heard = false;

    enum err e = s->disconnected ? account_stay_disconnected(db, &s->post->account_id) : OK;
    if (e == OK && s->move != NULL)
        e = s->is_note ? settle_note(db, s) : post_move(db, t->run->arena, conf, &s->post->id, s->move);
    if (e == ERR_CONFLICT && s->move != NULL && !s->is_note) {
        e = post_hear_earlier(db, t->run->arena, conf, &s->post->id, s->move);
        t->heard = e == OK;
    }
    if (e != OK)
        return e;
    return settle_job(db, t->run, t->heard ? clock_now_us() + US_PER_SEC : s->again_at_us);
}

enum job_step settle(struct job_run *run, const struct settling *s)
{
    struct settle_tx t = {.run = run, .s = s};
    const struct post_move *m = s->move;

    if (m != NULL)
        run->note = m->failure_code.p != NULL ? arena_strdup(run->arena, m->failure_code) : m->event;
    enum err e = db_tx(run->db, settle_move, &t);
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return s->again_at_us == 0 && !t.heard ? JOB_DONE : JOB_AGAIN;
}

bool settle_take_call(struct job_run *run, const struct uuid *account_id, enum account_call call,
                      enum job_step *ret_step)
{
    int64_t free_at_us;

    if (job_run_is_stopping(run)) {
        *ret_step = job_run_release(run);
        return false;
    }
    enum err e = account_take_call(run->db, run->arena, account_id, call, clock_now_us(), &free_at_us);
    if (e == OK)
        return true;
    *ret_step = JOB_AGAIN;
    if (e == ERR_AGAIN) {
        run->note = call == ACCOUNT_CALL_INIT ? "init_waits" : "creator_info_waits";
        run->again_at_us = free_at_us;
        e = turn_show(run->db, account_id, free_at_us);
    }
    if (e != OK)
        *ret_step = job_run_failed(run, e);
    return false;
}

bool settle_take_poll(struct job_run *run, const struct uuid *account_id, enum job_step *ret_step)
{
    int64_t now_us = clock_now_us(), slot_us = run->job.slot_at_us;
    bool reserved = true;

    if (job_run_is_stopping(run)) {
        *ret_step = job_run_release(run);
        return false;
    }
    run->job.slot_at_us = 0;
    if (slot_us > now_us + WINDOW_AHEAD_MAX_US) /* reserved before the clock was set back */
        slot_us = 0;
    if (slot_us != 0 && slot_us <= now_us && now_us - slot_us < SLOT_LATE_US)
        return true;
    if (slot_us == 0 || slot_us <= now_us) {
        enum err e = account_reserve_poll(run->db, run->arena, account_id, now_us, &slot_us);
        if (e != OK && e != ERR_AGAIN) {
            *ret_step = job_run_failed(run, e);
            return false;
        }
        reserved = e == OK;
    }
    if (reserved && slot_us <= now_us)
        return true;
    run->note = "poll_waits";
    run->again_at_us = slot_us;
    run->job.slot_at_us = reserved ? slot_us : 0;
    *ret_step = JOB_AGAIN;
    return false;
}
