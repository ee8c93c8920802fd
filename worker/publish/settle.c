#include "publish/settle.h"

#include "base/rand.h"
#include "jobs/backoff.h"

#define SPREAD_US (2 * US_PER_SEC)

/* How long the posts of one account wait for each other: doublings of SPREAD_US, so that of a long queue not all come
 * back at once. Polls are due soon again anyway. */
static const struct {
    const char *note;
    int64_t doublings_max;
} settle_waits[] = {
    [ACCOUNT_CALL_INIT] = {"init_waits", 9},
    [ACCOUNT_CALL_CREATOR] = {"creator_info_waits", 9},
    [ACCOUNT_CALL_POLL] = {"poll_waits", 6},
};

enum job_step settle_look_again(struct job_run *run)
{
    run->again_at_us = clock_now_us() + backoff_us(run->job.tries, US_PER_SEC, 60 * US_PER_SEC);
    return JOB_AGAIN;
}

struct settle_tx {
    struct job_run *run;
    const struct settling *s;
};

static enum err settle_move(struct db *db, void *arg)
{
    const struct settle_tx *t = arg;
    const struct settling *s = t->s;
    const struct job *job = &t->run->job;

    enum err e = OK;
    if (s->move != NULL)
        e = s->is_note ? post_note(db, &s->post->id, s->move, (enum post_state)s->post->state, clock_now_us())
                       : post_move(db, t->run->arena, t->run->worker->conf, &s->post->id, s->move);
    if (e != OK)
        return e;
    return s->again_at_us == 0 ? job_finish(db, JOB_PUBLISH, job) : job_again(db, JOB_PUBLISH, job, s->again_at_us);
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
    return s->again_at_us == 0 ? JOB_DONE : JOB_AGAIN;
}

bool settle_take_call(struct job_run *run, const struct uuid *account_id, enum account_call call,
                      const struct post *waiting, enum job_step *ret_step)
{
    if (job_run_is_stopping(run)) {
        *ret_step = job_run_release(run);
        return false;
    }
    int64_t free_at_us, doublings = MIN(run->job.tries, settle_waits[call].doublings_max);

    enum err e = account_take_call(run->db, run->arena, account_id, call, clock_now_us(), &free_at_us);
    if (e == OK)
        return true;
    if (e == ERR_AGAIN) {
        run->note = settle_waits[call].note;
        run->again_at_us = free_at_us + (int64_t)rand_below((uint64_t)SPREAD_US << doublings);
        e = waiting != NULL ? post_show_next_attempt(run->db, &waiting->id, run->again_at_us) : OK;
        *ret_step = e == OK ? JOB_AGAIN : job_run_failed(run, e);
        return false;
    }
    *ret_step = job_run_failed(run, e);
    return false;
}
