/* The kind that tells all users of a material change of the policy (model/privacy/policy_notice.h). Its subject is the notice. */
#include "mail/kinds.h"
#include "model/privacy/policy_notice.h"

static enum job_step policy_notice_kind_step(struct job_run *run)
{
    enum err e = policy_notice_step(run->db, run->arena, &run->job, run->worker->conf->service_url, &run->again_at_us);

    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return run->again_at_us == 0 ? JOB_DONE : JOB_AGAIN;
}

const struct job_kind policy_notice_kind = {
    .name = POLICY_NOTICE_JOB, .class = JOB_MAIL, .step = policy_notice_kind_step};
