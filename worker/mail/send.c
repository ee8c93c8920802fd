/*
 * Sends a mail of the outbox. Each try makes a token of its own, commits it, and only then hands the mail over: a link that
 * somebody gets works, also if this process dies meanwhile. What the relay has said is noted together with the end of the job,
 * so a mail is sent again only if nobody knows what the relay said.
 *
 *    begin ──► token, COMMIT ──► relay ──► taken          sent
 *      │                           │ ├───► 4xx            queued: again, for two days
 *      │                           │ ├───► no word        queued: again; the third time failed
 *      │                           │ └───► 5xx            failed; of an address that is not there, the user's is marked
 *      │                           ├─────► 5xx to us      queued: again, for two days; the kind pauses (jobs/pause.c)
 *      │                           └─────► not reached    queued: again soon, however long; the kind pauses
 *      └───► nobody is left        dropped
 */
#include "mail/kinds.h"

#include "jobs/backoff.h"
#include "mail/eml.h"
#include "model/user/user.h"
#include "net/mail_status.h"

#define MAIL_START_US (120 * US_PER_SEC) /* waiting for a connection; with the call's 60 s well within the lease */
#define MAIL_JUDGE_SEC 600               /* RFC 5321, 4.5.3.2.6; the lease is extended meanwhile */
#define SERVICE_UNAVAILABLE 421          /* RFC 5321, 4.2.1: the relay stops, and says so before anything else */

/* After the relay's word about the mail: a greylist wants some minutes, a full mailbox hours. */
static const struct backoff send_refused = {.base_us = 120 * US_PER_SEC, .max_us = 3600 * US_PER_SEC};
/* After its word about us. Not as seldom: an operator mends that and waits. Nor as soon as below, because it may be about this
 * recipient alone, and then nothing pauses. */
static const struct backoff send_not_ours = {.base_us = 60 * US_PER_SEC, .max_us = 900 * US_PER_SEC};
/* Where the relay was not reached. Meanwhile the kind is paused, so this only says how soon it goes on afterwards. */
static const struct backoff send_not_reached = {.base_us = 20 * US_PER_SEC, .max_us = 120 * US_PER_SEC};

struct send_end {
    struct job_run *run;
    struct mail_verdict verdict;
    int64_t again_at_us;
};

/* The job comes last: a worker that has lost it notes nothing. */
static enum err send_end_tx(struct db *db, void *arg)
{
    struct send_end *end = arg;
    const struct job *job = &end->run->job;

    enum err e = mail_note(db, &job->subject_id, &end->verdict);
    if (e != OK)
        return e;
    return end->verdict.state == MAIL_IS_QUEUED ? job_again(db, JOB_MAIL, job, end->again_at_us)
                                                : job_finish(db, JOB_MAIL, job);
}

/* A word of the relay's that the database does not take is kept, unless it refuses it for good. */
static enum job_step send_not_noted(struct job_run *run, enum err e)
{
    if (e == ERR_CONFLICT) {
        run->note = "taken over";
        return job_run_failed(run, e);
    }
    if (run->result == NULL || run->unwritable) {
        run->result_lost = run->result != NULL;
        return job_run_failed(run, e);
    }
    return job_run_record(run, e);
}

static enum job_step send_end(struct job_run *run, const struct mail_verdict *verdict, int64_t again_at_us)
{
    struct send_end end = {.run = run, .verdict = *verdict, .again_at_us = again_at_us};

    enum err e = db_tx(run->db, send_end_tx, &end);
    if (e != OK)
        return send_not_noted(run, e);
    run->job_ended = true;
    run->again_at_us = again_at_us;
    if (verdict->state != MAIL_IS_QUEUED)
        worker_metrics_mail(run->worker->metrics, verdict->state);
    if (run->note == NULL)
        run->note = mail_state_names[verdict->state];
    return verdict->state == MAIL_IS_QUEUED ? JOB_AGAIN : JOB_DONE;
}

static enum job_step send_again(struct job_run *run, struct mail_verdict verdict, const struct backoff *b)
{
    verdict.state = MAIL_IS_QUEUED;
    return send_end(run, &verdict, clock_now_us() + backoff_us(run->job.tries, b->base_us, b->max_us));
}

/* Again, unless it was tried for long enough. */
static enum job_step send_later(struct job_run *run, struct mail_verdict verdict, const struct backoff *b,
                                int64_t since_us)
{
    verdict.state = MAIL_IS_FAILED;
    return since_us != 0 && clock_now_us() - since_us >= MAIL_TRIED_US ? send_end(run, &verdict, 0)
                                                                       : send_again(run, verdict, b);
}

static enum job_step send_unknown(struct job_run *run, const struct mail_outgoing *mail)
{
    struct mail_verdict v = {.state = MAIL_IS_FAILED,
                             .tried = true,
                             .unknown = true,
                             .reply = STR("no answer: the relay may have taken it")};

    return mail->unknown_tries + 1 >= MAIL_UNKNOWN_MAX ? send_end(run, &v, 0)
                                                       : send_later(run, v, &send_refused, mail->tried_at_us);
}

/*
 * Nobody's mail would get through: no try of this one. A probe must fail nothing, and a relay that was not reached has refused
 * nothing. With a 5xx it has, us or this recipient alone.
 */
static enum job_step send_fault(struct job_run *run)
{
    const struct net_result *r = run->result;
    struct mail_verdict v = {.reply_code = r->status, .reply = r->body.n > 0 ? r->body : str_from(r->detail)};

    run->fault = true;
    return r->status < 500 ? send_again(run, v, &send_not_reached)
                           : send_later(run, v, &send_not_ours, run->probe ? 0 : run->job.created_at_us);
}

/* The worker stops, or there were too few connections: the relay is not at fault, and the mail is as due as before. */
static enum job_step send_not_begun(struct job_run *run)
{
    run->fault = false;
    run->note = job_run_is_stopping(run) ? "stopping" : "waited too long for a connection";
    run->again_at_us = clock_now_us();
    return JOB_AGAIN;
}

/* The relay knows whom it has mailboxes for, or has asked who does: it has refused the recipient, before it saw the mail. */
static bool send_is_of_address(const struct net_result *r)
{
    struct str code;

    return r->of_recipient && r->status >= 500 && mail_status_read(r->body, &code) && mail_status_is_of_address(code);
}

static enum job_step send_result(struct job_run *run)
{
    const struct net_result *r = run->result;
    const struct mail_outgoing *mail = run->data;
    struct mail_verdict v = {.tried = true, .reply_code = r->status, .reply = r->body};

    if (r->unasked)
        return send_not_begun(run);
    if (r->err == ERR_NET_UNKNOWN)
        return send_unknown(run, mail);
    if (r->err != OK || r->status == SERVICE_UNAVAILABLE)
        return send_fault(run);
    if (r->status >= 400 && r->status < 500)
        return send_later(run, v, &send_refused, mail->tried_at_us);
    v.state = r->status >= 500 ? MAIL_IS_FAILED : MAIL_IS_SENT;
    v.of_address = send_is_of_address(r);
    return send_end(run, &v, 0);
}

/* What the relay is told beside the mail. */
static void send_set_relay(struct net_mail *m, struct arena *arena, const struct conf *conf,
                           struct secret_ring *passwords)
{
    m->host = conf->smtp_host.p;
    m->port = (int)conf->smtp_port;
    m->tls = (enum net_mail_tls)conf->smtp_tls;
    m->ca_file = conf->smtp_ca_file.p;
    m->timeout_sec = m->connect_timeout_sec = (int)conf->smtp_timeout_sec;
    m->judge_timeout_sec = MAIL_JUDGE_SEC;
    m->start_by_us = clock_boot_us() + MAIL_START_US;
    if (conf->smtp_user.n > 0) {
        m->user = conf->smtp_user;
        m->with = arena_alloc(arena, sizeof *m->with);
        *m->with = secret_try_begin(passwords);
        m->secret = *secret_try_now(m->with);
    }
}

/* c lives in the run's arena. */
static enum job_step send_hand_over(struct job_run *run, const struct compose_sender *sender, const struct composed *c)
{
    run->mail = (struct net_mail){.hello = sender->hello,
                                  .from = c->from,
                                  .to = c->to,
                                  .headers = c->headers,
                                  .n_headers = c->headers_n,
                                  .text = c->letter.text,
                                  .html = c->letter.html};
    send_set_relay(&run->mail, run->arena, run->worker->conf, run->worker->smtp_passwords);
    return JOB_SEND;
}

static enum job_step send_keep(struct job_run *run, const struct composed *c)
{
    enum err e = eml_write(run->worker->conf->smtp_dir.p, &run->job.subject_id, c);

    if (e != OK) {
        run->fault = true;
        run->note = "smtp.dir cannot be written";
        return send_again(run, (struct mail_verdict){.reply = STR("smtp.dir cannot be written")}, &send_not_reached);
    }
    run->called = true; /* a file does what else a call does */
    return send_end(run,
                    &(struct mail_verdict){.state = MAIL_IS_SENT, .tried = true, .reply = STR("written as a file")}, 0);
}

struct send_token {
    struct job_run *run;
    const struct mail_outgoing *mail;
    struct str token;
};

/* A link is about what its mail is about, or about the user alone; and one that switches mails off, about the mail. */
static const struct uuid *send_link_subject(const struct mail_outgoing *mail)
{
    if (mail_kinds[mail->template].link == TOKEN_UNSUBSCRIBE)
        return &mail->id;
    return uuid_is_none(&mail->subject_id) ? &mail->user_id : &mail->subject_id;
}

/* A link that undoes something is good for as long after that, however late its mail is. */
static int64_t send_link_from(const struct mail_outgoing *mail)
{
    int64_t now = clock_now_us();

    return mail_kinds[mail->template].link == TOKEN_UNDO_PASSWORD ? MIN(mail->created_at_us, now) : now;
}

static enum err send_token_tx(struct db *db, void *arg)
{
    struct send_token *t = arg;

    enum err e = mail_check_address(db, t->mail);
    if (e == OK)
        e = token_make(db, t->run->arena, mail_kinds[t->mail->template].link, send_link_subject(t->mail),
                       send_link_from(t->mail), &t->token);
    return e == OK ? job_hold(db, JOB_MAIL, &t->run->job, 0) : e;
}

static enum err send_make_token(struct job_run *run, const struct mail_outgoing *mail, struct str *ret_token)
{
    struct send_token t = {.run = run, .mail = mail};

    enum err e = mail_kinds[mail->template].link == TOKEN_NONE ? OK : db_tx(run->db, send_token_tx, &t);
    *ret_token = t.token;
    return e;
}

static enum job_step send_mail(struct job_run *run, const struct mail_outgoing *mail)
{
    struct composed *c = arena_alloc(run->arena, sizeof *c);
    struct compose_sender sender;
    struct str token;

    enum err e = send_make_token(run, mail, &token);
    if (e == ERR_AGAIN)
        return send_again(run, (struct mail_verdict){.reply = STR("the user has another address by now")},
                          &send_not_reached);
    if (e != OK)
        return job_run_failed(run, e);
    ASSERT(compose_sender(run->worker->conf, run->arena, &sender)); /* looked at when the worker started */
    if (!compose(run->arena, &sender, mail, token, clock_now_us(), c))
        return send_end(
            run, &(struct mail_verdict){.state = MAIL_IS_FAILED, .reply = STR("no mail can go to this address")}, 0);
    return run->worker->conf->smtp_host.n == 0 ? send_keep(run, c) : send_hand_over(run, &sender, c);
}

static bool send_is_for_state(const struct mail_outgoing *mail)
{
    enum mail_while during = mail_kinds[mail->template].during;

    return mail->user_state == USER_ACTIVE || during == MAIL_WHILE_ANY ||
           (mail->user_state == USER_ERASING && during == MAIL_WHILE_ERASING);
}

/* Somebody should get it: there is an address, whose user is not disabled by now, and it is not of a kind that is switched off. */
static enum err send_is_wanted(struct job_run *run, const struct mail_outgoing *mail, bool *ret_wanted)
{
    enum notice notice = mail_kinds[mail->template].notice;
    struct notices wanted = {.on = {false}};
    bool reached = false;
    enum err e = OK;

    if (notice != NOTICE_NONE)
        e = notices_wanted(run->db, run->arena, &mail->user_id, false, &wanted, &reached);
    *ret_wanted =
        mail->email.p != NULL && send_is_for_state(mail) && (notice == NOTICE_NONE || (reached && wanted.on[notice]));
    return e;
}

static enum job_step send_start(struct job_run *run)
{
    struct mail_outgoing *mail = run->data = arena_alloc(run->arena, sizeof *mail);
    bool wanted;

    if (job_run_is_stopping(run))
        return job_run_release(run);
    enum err e = mail_look(run->db, run->arena, &run->job.subject_id, mail);
    if (e == ERR_NOT_FOUND || (e == OK && mail->state != MAIL_IS_QUEUED))
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    if (mail->template == MAIL__MAX)
        return send_later(run, (struct mail_verdict){.reply = STR("of a newer program than this worker")},
                          &send_not_reached, run->job.created_at_us);
    if (mail_kinds[mail->template].to == MAIL_TO_ADMIN && run->worker->conf->billing_admin_email.n > 0)
        mail->email = run->worker->conf->billing_admin_email;
    e = send_is_wanted(run, mail, &wanted);
    if (e != OK)
        return job_run_failed(run, e);
    return wanted ? send_mail(run, mail) : send_end(run, &(struct mail_verdict){.state = MAIL_IS_DROPPED}, 0);
}

static enum job_step send_step(struct job_run *run)
{
    return run->result == NULL ? send_start(run) : send_result(run);
}

/* Unless the mail was not handed over, it would be sent again without this. Also that nobody knows is a try (MAIL_UNKNOWN_MAX). */
static bool send_keep_result(const struct job_run *run, struct buf *memo)
{
    (void)memo;
    return run->result->err == OK || run->result->err == ERR_NET_UNKNOWN;
}

static enum err send_take_up(struct job_run *run, struct str memo)
{
    struct mail_outgoing *mail = run->data = arena_alloc(run->arena, sizeof *mail);

    if (memo.n != 0)
        return ERR_VALIDATION;
    enum err e = mail_look(run->db, run->arena, &run->job.subject_id, mail);
    return e == ERR_NOT_FOUND || (e == OK && mail->state != MAIL_IS_QUEUED) ? ERR_CONFLICT : e;
}

/* It has taken the worker with it three times. An admin can have it sent again. */
static enum err send_dead(struct db *db, struct job_run *run)
{
    struct send_end end = {.run = run, .verdict = {.state = MAIL_IS_FAILED, .reply = STR("the worker died of it")}};

    enum err e = send_end_tx(db, &end);
    run->job_ended = e == OK;
    return e;
}

/* Its share, 64 of the 256 runs as shipped, is more than smtp.connections can be, and little enough that few wait as long as
 * MAIL_START_US for a connection, unless there are few or the relay is slow. */
const struct job_kind send_kind = {.name = MAIL_JOB,
                                   .class = JOB_MAIL,
                                   .share_percent = 25,
                                   .users_take_turns = true,
                                   .calls = true,
                                   .step = send_step,
                                   .keep = send_keep_result,
                                   .take_up = send_take_up,
                                   .dead = send_dead};
