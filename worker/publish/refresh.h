/*
 * The access token of an account, refreshed when it has to be: a step that the kinds of worker@publish share.
 *
 *    switch (access_get(run, &p->access)) {
 *    case ACCESS_READY:    use secret_str(&run->token)
 *    case ACCESS_CALL:    return JOB_CALL, and give the result to access_result, which answers like access_get
 *    ...
 *
 * One worker at a time refreshes an account's tokens: refresh tokens work once. The new pair is stored before it is
 * used. An access token that TikTok refuses although it should live is refreshed too: access_refused.
 */
#pragma once

#include "jobs/kind.h"

struct access {
    struct uuid account_id;
    bool force;         /* refresh although it is not needed yet */
    struct uuid lease;  /* while a refresh is under way */
    int64_t in_use_us;  /* the expiry of the pair that is used: it tells one pair from the next */
    int64_t refused_us; /* of the pair that TikTok refused */
};

enum access_step {
    ACCESS_READY,       /* run->token */
    ACCESS_CALL,        /* run->call is filled */
    ACCESS_RECORD,      /* JOB_RECORD: the new pair could not be stored yet */
    ACCESS_WAIT,        /* somebody else refreshes: run->again_at_us */
    ACCESS_UNREACHABLE, /* no usable answer, or one that is not about this account; run->note says what */
    ACCESS_LOST,        /* no tokens, or TikTok no longer takes them: the account is needs_reconnect or disconnected */
    ACCESS_ERROR,       /* run->err */
};

enum access_step access_get(struct job_run *run, struct access *a);
enum access_step access_result(struct job_run *run, struct access *a);

/* When TikTok refuses run->token: a refresh helps once in a run; then the next access_get refreshes. */
bool access_may_refresh(const struct access *a);
void access_refused(struct access *a);

/* A call of this run: within 5 s or not at all. */
#define CALL_START_US (5 * US_PER_SEC)
