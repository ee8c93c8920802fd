/* The standing job that finds keys which are about to expire (model/key/key_expiring.h). */
#include "base/clock.h"
#include "mail/kinds.h"
#include "model/key/key_expiring.h"

#define EXPIRING_EVERY_US (3600 * US_PER_SEC)
#define EXPIRING_SOON_US (10 * US_PER_SEC) /* when there are more: then others' jobs have their turn */
#define EXPIRING_BATCHES 20

static enum job_step expiring_step(struct job_run *run)
{
    size_t n = KEY_TELL_BATCH;
    enum err e = OK;

    for (int i = 0; i < EXPIRING_BATCHES && n == KEY_TELL_BATCH && e == OK && !job_run_is_stopping(run); i++)
        e = key_tell_expiring(run->db, run->arena, &n);
    if (e != OK)
        return job_run_failed(run, e);
    run->again_at_us = clock_now_us() + (n == KEY_TELL_BATCH ? EXPIRING_SOON_US : EXPIRING_EVERY_US);
    return JOB_AGAIN;
}

const struct job_kind expiring_kind = {.name = "expiring", .class = JOB_MAIL, .standing = true, .step = expiring_step};
