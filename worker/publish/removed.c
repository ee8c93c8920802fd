/* The removed kind: somebody, or TikTok, has ended a grant there. Whoever is connected by it is no longer (docs/tiktok.md#webhooks). */
#include "model/tiktok/account.h"
#include "model/tiktok/tiktok_event.h"
#include "publish/kinds.h"

#define ROUNDS 50 /* then others' jobs have their turn */
/* By how much TikTok's clock may be behind ours: who connects within that time after an end may have done so before it. */
#define DOUBT_US (60 * US_PER_SEC)
/* TikTok does not tell for longer than that: a time from before is wrong, and says nothing of what was connected since. */
#define OLD_US (TIKTOK_SIGNATURE_AGE_SEC * US_PER_SEC)

struct removed_end {
    struct job_run *run;
    const struct tiktok_event_row *event;
    int64_t at_us, doubt_to_us;
};

static enum err removed_end_tx(struct db *db, void *arg)
{
    const struct removed_end *r = arg;
    struct job_run *run = r->run;
    enum err e = OK;

    /* That we have revoked it ourselves we know better: there who connects again does so afterwards. */
    if (!str_eqc(r->event->reason, TIKTOK_REASON_OURS))
        e = account_doubt(db, run->arena, r->event->open_id, r->at_us, r->doubt_to_us, run->job.request_id);
    if (e == OK)
        e = tiktok_event_done(db, &r->event->id);
    return e == OK ? job_finish(db, JOB_PUBLISH, &run->job) : e;
}

static enum job_step removed_step(struct job_run *run)
{
    struct tiktok_event_row event = {.state = 0};
    bool more = true;

    enum err e = tiktok_event_read(run->db, run->arena, &run->job.subject_id, &event);
    if (e == ERR_NOT_FOUND || (e == OK && event.state != TIKTOK_EVENT_WAITING))
        return JOB_DONE;
    /* TikTok's times are whole seconds. One from the future would also end what is connected later. */
    int64_t at_us = MIN(event.created_at_us, event.received_at_us);
    for (int i = 0; i < ROUNDS && more && e == OK && !job_run_is_stopping(run); i++)
        e = account_end_removed(run->db, run->arena, run->worker->conf, event.open_id, at_us, run->job.request_id,
                                &more);
    int64_t doubt_to_us = event.received_at_us - at_us > OLD_US ? event.received_at_us : at_us + DOUBT_US;
    if (e == OK && !more)
        e = db_tx(run->db, removed_end_tx, &(struct removed_end){run, &event, at_us, doubt_to_us});
    if (e != OK)
        return job_run_failed(run, e);
    run->again_at_us = clock_now_us();
    run->job_ended = !more;
    return more ? JOB_AGAIN : JOB_DONE;
}

const struct job_kind removed_kind = {.name = TIKTOK_EVENT_JOB, .class = JOB_PUBLISH, .step = removed_step};
