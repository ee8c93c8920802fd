/* The last question about the posts of an account that is to be disconnected (docs/tiktok.md#status). */
#include "base/clock.h"
#include "model/post/post_again.h"
#include "model/post/post_told.h"
#include "net/loop.h"
#include "tiktok/tiktok_app.h"

#define ASK_MAX 30                     /* docs/tiktok.md#limits */
#define ASK_READ_SEC (ASK_SEC + 2)     /* the calls have ended by then: beyond it the database is what takes long */
#define ASK_REPLY_MAX_BYTES (8u << 10) /* all of them together, and read, must fit into the request's arena */

struct asking {
    struct ctx *c;
    struct account account;
    struct account_tokens tokens;
    struct post *posts;
    size_t n;
};

/* Only with a token that works now: refreshing one would take a lease from the workers, for the sake of a few minutes. */
static bool ask_may(struct asking *a, const struct uuid *account_id)
{
    struct ctx *c = a->c;

    return account_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, account_id, &a->account) == OK &&
           a->account.state == ACCOUNT_ACTIVE &&
           account_tokens(c->db, c->arena, app_state(c)->ring, account_id, &a->tokens) == OK &&
           a->tokens.access_expires_at_us > clock_now_us();
}

/* Workers poll for this account, too. A place that is free later only is no use. */
static bool ask_has_place(const struct asking *a)
{
    struct ctx *c = a->c;
    int64_t now_us = clock_now_us(), at_us;

    return account_reserve_poll(c->db, c->arena, &a->account.id, now_us, &at_us) == OK && at_us <= now_us;
}

static void ask_submit(struct asking *a, struct net_loop *loop)
{
    struct tiktok t = app_tiktok_of(a->c, a->tokens.mode);
    struct net_call call;

    for (size_t i = 0; i < a->n && ask_has_place(a); i++) {
        tiktok_status(&t, a->c->arena, secret_str(&a->tokens.access), a->posts[i].publish_id, &call);
        call.timeout_sec = call.connect_timeout_sec = ASK_SEC;
        call.reply_max_bytes = ASK_REPLY_MAX_BYTES;
        if (!net_loop_submit(loop, &call, a->c->arena, &a->posts[i]))
            return;
    }
}

struct ask_answer {
    struct ctx *c;
    const struct post *asked; /* as it was when TikTok was asked */
    const struct tiktok_status *status;
};

/* A worker may have been told meanwhile: what the answer means depends on the post as it is now. */
static enum err ask_write(struct db *db, void *arg)
{
    const struct ask_answer *w = arg;
    struct ctx *c = w->c;
    struct post post;

    enum err e = post_lock(db, &w->asked->id);
    if (e == OK)
        e = post_by_id(db, c->arena, &w->asked->id, &post);
    if (e != OK)
        return e;
    if (!str_eq(post.publish_id, w->asked->publish_id)) { /* it has been retried since */
        struct post_told of_before = post_told(w->asked, w->status, c->req.id);
        return of_before.is_news ? post_hear_earlier(db, c->arena, c->conf, &post.id, &of_before.move) : OK;
    }
    struct post_told told = post_told(&post, w->status, c->req.id);
    return told.is_news ? post_move(db, c->arena, c->conf, &post.id, &told.move) : OK;
}

/* What cannot be written now is as good as not told. */
static void ask_read(struct asking *a, const struct post *post, const struct net_result *result)
{
    struct tiktok_status status;
    struct tiktok_error refusal;

    if (tiktok_read_status(result, a->c->arena, &status, &refusal) != OK)
        return;
    struct ask_answer w = {a->c, post, &status};
    enum err e = db_tx(a->c->db, ask_write, &w);
    (void)e;
}

void ask_once_more(struct ctx *c, const struct uuid *account_id)
{
    struct asking a = {.c = c};
    struct net_result result;
    void *post;

    if (ask_may(&a, account_id) && post_processing(c->db, c->arena, account_id, ASK_MAX, &a.posts, &a.n) == OK &&
        a.n > 0) {
        _cleanup_(net_loop_freep) struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = ASK_MAX});
        int64_t until_us = clock_mono_us() + ASK_READ_SEC * US_PER_SEC;
        ask_submit(&a, loop);
        while (net_loop_open(loop) > 0 && clock_mono_us() < until_us)
            if (net_loop_next(loop, ASK_SEC * 1000, &post, &result))
                ask_read(&a, post, &result);
    }
    account_tokens_done(&a.tokens);
}
