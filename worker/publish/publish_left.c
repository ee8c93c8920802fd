/*
 * What a turn leaves to the next one when its worker must end before the database takes the result of its call (jobs/spool.h):
 * what an init has brought, and a fresh pair of tokens. The attempt is still committed, with the fence of the run that made it,
 * until the run that takes the result up ends it. Without the result that run would find it so, and call it an unknown outcome.
 */
#include "base/buf.h"
#include "publish/publish.h"

/* As this program has it in memory: access_memo is. */
struct publish_memo {
    struct uuid post_id, attempt_id, fence;
    int64_t mode, in_use_us, refused_us;
};

/* That an outcome is unknown says as much as nothing. */
bool publish_keep_result(const struct job_run *run, struct buf *memo)
{
    const struct publish *p = run->data;
    const struct access *a = &p->access;
    const struct publish_memo m = {p->post.id, p->attempt_id, p->fence, a->mode, a->in_use_us, a->refused_us};

    if (a->is_refreshing || !p->is_init)
        return access_keep(run, a, memo);
    if (run->result->err == ERR_NET_UNKNOWN)
        return false;
    buf_put(memo, &m, sizeof m);
    return true;
}

/* ERR_CONFLICT: the attempt has its result, or was never committed. */
static enum err publish_find_left(struct job_run *run, struct publish *p)
{
    struct attempt attempt;

    enum err e = attempt_look(run->db, run->arena, &p->attempt_id, &p->fence, &attempt);
    p->is_late = e == OK && attempt.state == ATTEMPT_OUTCOME_UNKNOWN;
    if (e == OK && attempt.state != ATTEMPT_COMMITTED && !p->is_late)
        return ERR_CONFLICT;
    if (e == OK)
        e = post_by_id(run->db, run->arena, &p->post.id, &p->post);
    if (e == OK)
        e = account_by_id(run->db, run->arena, &p->post.account_id, &p->account);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    p->attempts_n = attempt.number - 1;
    return uuid_eq(&p->account.id, &run->job.subject_id) ? OK : ERR_VALIDATION;
}

enum err publish_take_up(struct job_run *run, struct str memo)
{
    struct publish *p = run->data = arena_alloc(run->arena, sizeof *p);
    struct publish_memo m;

    if (memo.n != sizeof m)
        return access_take_up(run, &p->access, memo);
    memcpy(&m, memo.p, sizeof m);
    if (m.mode < 0 || m.mode >= MODE__MAX)
        return ERR_VALIDATION;
    p->is_init = true;
    p->post.id = m.post_id;
    p->attempt_id = m.attempt_id;
    p->fence = m.fence;
    enum err e = publish_find_left(run, p);
    p->access = (struct access){
        .account_id = p->account.id, .mode = (int)m.mode, .in_use_us = m.in_use_us, .refused_us = m.refused_us};
    return e;
}
