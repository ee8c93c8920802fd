/*
 * What a worker knows and could not write before it had to end: files in a folder of its class's own. A worker that is told to
 * stop has a time for that (RUNNER_STOP_SEC and a call's). If the database stays away for longer, each result that it still keeps
 * becomes a file, and whoever runs the job next goes on with it as if the call had just returned (handover.c):
 *
 *    write, sync         at the end of a stop: JOB.FENCE. FENCE is the lease token of the run that leaves it
 *    pass                in the transaction by which another run takes that very lease: the file has both names, so that a
 *                        process that dies before or after its COMMIT leaves the file with the name that counts. Where that fails, the
 *                        lease is not taken
 *    passed, read        after that COMMIT: the former name goes, and the run has the result
 *    delete              once the database has what the result says, and not before
 *    list                hourly: what nobody will ask for. That is a file whose fence is not the last one of its job, because the
 *                        job was taken over elsewhere or its end was written; and what is older than SPOOL_KEPT_US
 *
 * A file is 0600, in a folder 0700; it and its name have reached the disk (fsync) before the worker says that it is kept.
 * What a worker with a key ring writes is sealed (crypto/keyring.h), whatever it is: some results hold tokens, and so none needs to be
 * known by its kind. worker@mail has no ring, because it must not be able to open a token, and writes in the clear: there a result is
 * the relay's reply, which mail_outbox holds in the clear, too.
 *
 * What is read is not trusted. A file that is cut, too large, of another form, sealed by a key that is gone or for another job is
 * damaged, and as good as none: result_lost tells.
 *
 * Limits: it is of use to workers on this machine alone. Another one that takes the job over first knows nothing of it.
 */
#pragma once

#include "crypto/keyring.h"
#include "model/job/job.h"
#include "net/call.h"

/* Who waits for one needs minutes. The rest is for a database that must be restored first; no promise of the privacy policy is
 * shorter. */
#define SPOOL_KEPT_US (7 * US_PER_DAY)
#define SPOOL_BODY_MAX_BYTES (32u << 10) /* of a result: what tiktok/calls.c takes */
#define SPOOL_MEMO_MAX_BYTES 512
#define SPOOL_FILE_MAX_BYTES (48u << 10) /* with all else */

struct spool {
    char dir[160];
    const struct keyring *ring; /* NULL: in the clear */
};

/* What a file says. */
struct spooled {
    struct str kind;       /* of the job */
    struct uuid about;     /* as of struct job_run, and so are the next two */
    struct str request_id; /* may be absent */
    struct str note;       /* likewise */
    struct str memo;       /* what the kind needs besides: job_kind.keep */
    int64_t runs;          /* of the job, when this was left: that was no death */
    struct net_result result;
};

/* The form: exposed for its tests. False of spool_put: it does not fit. False of spool_parse: it is damaged. */
struct buf;
MUST_CHECK bool spool_put(struct buf *b, const struct spooled *s);
MUST_CHECK bool spool_parse(struct arena *arena, struct str text, struct spooled *ret);

/* The folder is there, and we may not read it, write to it or look into it: what is in it would seem not to be there. */
bool spool_is_barred(const struct spool *s);

/* ERR_STORE_FULL, ERR_STORE; this also when it is more than a file may hold. It is durable once spool_sync, for all that were
 * written, has answered OK. One that is there is replaced. */
MUST_CHECK enum err spool_write(const struct spool *s, struct arena *arena, const struct uuid *job,
                                const struct uuid *fence, const struct spooled *what);
MUST_CHECK enum err spool_sync(const struct spool *s);

/* Gives the file another name besides. ERR_NOT_FOUND: there is none. ERR_STORE, ERR_STORE_FULL: it may be there, and is as it was. */
MUST_CHECK enum err spool_pass(const struct spool *s, const struct uuid *job, const struct uuid *from,
                               const struct uuid *to);
/* Takes the former name away. False: there is no such file. */
bool spool_passed(const struct spool *s, const struct uuid *job, const struct uuid *from, const struct uuid *to);

/* ERR_NOT_FOUND; ERR_STORE: it is damaged, or cannot be read. */
MUST_CHECK enum err spool_read(const struct spool *s, struct arena *arena, const struct uuid *job,
                               const struct uuid *fence, struct spooled *ret);
void spool_delete(const struct spool *s, const struct uuid *job, const struct uuid *fence);

/* At most max files, in no order. Deletes what a write that did not end has left. */
struct spool_name {
    struct uuid job, fence;
    int64_t touched_at_us; /* when it was written, or passed the last time */
    bool has_other;        /* the file has another name, too */
};
size_t spool_list(const struct spool *s, size_t max, struct spool_name *ret_names);
