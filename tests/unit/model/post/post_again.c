/* What TikTok says of an attempt of before a retry, whenever it says so; and who wins of several at once. */
#include "model/post/sides.h"

#include "model/post/post_again.h"

#define THREADS 8

enum { MAKE, KEEP, LOOK, RETRIES, ADD_ATTEMPT, TELL_ATTEMPT, PLANNED, SET_BACK, ACCEPTED };
static const struct db_col look_cols[] = {{.type = DB_STR}, DB_END};
static const struct sql sqls[] = {
    [MAKE] = {.text = "UPDATE posts SET state = ?, failure_code = ?, publish_id = ?, ended_at_us = ? WHERE id = ?",
              .in = "sssiu"},
    [KEEP] = {.text = "UPDATE uploads SET delete_due_at_us = 4102444800000000 WHERE id = ?", .in = "u"},
    [LOOK] = {.text = "SELECT CONCAT(p.state, ' ', COALESCE(p.publish_id, '-'), ' ', e.event) FROM posts p"
                      " JOIN post_events e ON e.post_id = p.id WHERE p.id = ? ORDER BY e.at_us DESC, e.id DESC LIMIT 1",
              .in = "u",
              .cols = look_cols},
    [RETRIES] = {.text = "SELECT COUNT(*) FROM post_events WHERE post_id = ? AND event = 'retried'",
                 .in = "u",
                 .cols = db_number_cols},
    [ADD_ATTEMPT] = {.text = "INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us)"
                             " VALUES (?, ?, ?, ?, ?, '{}', 1)",
                     .in = "uuius"},
    [TELL_ATTEMPT] = {.text = "UPDATE post_attempts SET publish_id = ? WHERE post_id = ?", .in = "su"},
    /* What was before has happened an hour later than now. */
    [SET_BACK] = {.text = "UPDATE post_events SET at_us = at_us + 3600000000 WHERE post_id = ?", .in = "u"},
    [ACCEPTED] = {.text = "SELECT accepted_at_us > 0 FROM posts WHERE id = ?", .in = "u", .cols = db_number_cols},
    [PLANNED] = {.text = "SELECT posts FROM plan_counters WHERE user_id = ?", .in = "u", .cols = db_number_cols},
};

struct world {
    struct side side;
    struct str old; /* a publish_id that no other post has */
};

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    side_open(&w->side, NULL);
    assert_int_equal(db_exec(w->side.db, &sqls[KEEP], DB_ARGS(db_uuid(&w->side.upload_id)), NULL), OK);
    assert_int_equal(side_create(&w->side, &UUID_NONE), OK);
    w->old = arena_printf(&w->side.arena, "old%s", uuid_text(&w->side.made.post.id).s);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    side_close(&w->side);
    free(w);
    return 0;
}

static void make(struct world *w, const char *now, const char *failure_code, struct str publish_id, int64_t ended_at_us)
{
    assert_int_equal(db_exec(w->side.db, &sqls[MAKE],
                             DB_ARGS(db_cstr(now), db_cstr(failure_code), db_str(publish_id),
                                     db_i64_or_null(ended_at_us), db_uuid(&w->side.made.post.id)),
                             NULL),
                     OK);
}

/* The post's state and publish_id, and its newest event. */
static void is(struct world *w, const char *now, struct str publish_id, const char *event)
{
    struct str text, id = publish_id.p == NULL ? STR("-") : publish_id;

    assert_int_equal(db_row(w->side.db, &sqls[LOOK], DB_ARGS(db_uuid(&w->side.made.post.id)), &w->side.arena, &text),
                     OK);
    assert_string_equal(text.p, arena_printf(&w->side.arena, "%s %.*s %s", now, STR_FMT(id), event).p);
}

struct hearing {
    struct world *w;
    const char *event;
    struct str of;
};

/* As settle_move. */
static enum err hear_tx(struct db *db, void *arg)
{
    const struct hearing *h = arg;
    struct side *s = &h->w->side;
    const struct post_move told = {.event = h->event, .of_publish_id = h->of};

    enum err e = post_move(db, &s->arena, &conf, &s->made.post.id, &told);
    return e == ERR_CONFLICT ? post_hear_earlier(db, &s->arena, &conf, &s->made.post.id, &told) : e;
}

static enum err hear(struct world *w, const char *event, struct str of)
{
    return db_tx(w->side.db, hear_tx, &(struct hearing){w, event, of});
}

static enum err retry(struct world *w, struct db *db, bool confirm)
{
    const struct last_step last = {.fn = side_nothing_last};
    const struct post_asker by = {.user_id = &w->side.account.user_id,
                                  .key_id = &UUID_NONE,
                                  .mode = MODE_LIVE,
                                  .id = &w->side.made.post.id,
                                  .request_id = STR("r")};
    struct arena arena;

    arena_init(&arena, 8 << 20);
    enum err e = post_retry(db, &arena, &conf, &by, &(struct post_wish){.confirm_not_published = confirm}, &last);
    arena_done(&arena);
    return e;
}

/* Of a post whose end nobody knew, and that was retried. */
static void retried(struct world *w)
{
    make(w, "failed", "confirmation_timeout", w->old, 1);
    assert_int_equal(retry(w, w->side.db, true), OK);
    is(w, "queued", (struct str){0}, "retried");
}

static void test_a_retry_that_has_not_left_does_not(void **state)
{
    struct world *w = *state;

    retried(w);
    assert_int_equal(hear(w, "late_published", w->old), OK);
    is(w, "published", w->old, "earlier_published");
}

static void test_one_that_has_is_left_alone(void **state)
{
    struct world *w = *state;
    struct str new = arena_printf(&w->side.arena, "new%s", w->old.p);

    retried(w);
    make(w, "processing", NULL, new, 0);
    assert_int_equal(hear(w, "published", w->old), OK);
    is(w, "processing", new, "earlier_published");
    assert_int_equal(hear(w, "platform_failed", w->old), ERR_CONFLICT);
    assert_int_equal(hear(w, "inbox", new), OK);
    is(w, "in_inbox", new, "inbox");
}

struct accepting {
    struct world *w;
    struct uuid attempt_id;
    bool polls;
};

static enum err accept_tx(struct db *db, void *arg)
{
    struct accepting *a = arg;
    struct side *s = &a->w->side;
    const struct post_move accepted = {.event = "accepted", .publish_id = a->w->old, .attempt_id = a->attempt_id};

    return post_hear_accepted(db, &s->arena, &conf, &s->made.post.id, &accepted, &a->polls);
}

/* What a worker that stood still has heard from TikTok, and others called an unknown outcome. */
static void test_an_attempt_that_was_accepted_after_all(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "rejected", (struct str){0}, 1);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_false(a.polls);
    is(w, "failed", (struct str){0}, "created"); /* nothing was written */
    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    assert_int_equal(retry(w, w->side.db, true), OK);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_true(a.polls);
    is(w, "processing", w->old, "earlier_accepted");
    make(w, "published", NULL, (struct str){0}, 1);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_false(a.polls);
    is(w, "published", (struct str){0}, "earlier_accepted");
}

/* One that was not retried: TikTok is asked, and its word corrects what was told. */
static void test_an_unknown_outcome_that_is_known_after_all(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_true(a.polls);
    is(w, "failed", w->old, "late_accepted");
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_false(a.polls);
    assert_int_equal(hear(w, "late_published", w->old), OK);
    is(w, "published", w->old, "late_published");
}

static enum err heed_tx(struct db *db, void *arg)
{
    struct side *s = &((struct world *)arg)->side;

    return post_heed_earlier(db, &s->arena, &conf, &s->made.post.id, STR("r"));
}

static struct uuid add_attempt(struct world *w, int64_t number, const char *ended)
{
    struct uuid id = uuid_new();

    assert_int_equal(
        db_exec(w->side.db, &sqls[ADD_ATTEMPT],
                DB_ARGS(db_uuid(&id), db_uuid(&w->side.made.post.id), db_i64(number), db_uuid(&id), db_cstr(ended)),
                NULL),
        OK);
    return id;
}

/* One that was retried: of the attempt since then it is no word about an earlier one. */
static void test_an_unknown_outcome_of_a_retry_that_is_known_after_all(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    (void)add_attempt(w, 1, "outcome_unknown");
    assert_int_equal(retry(w, w->side.db, true), OK);
    a.attempt_id = add_attempt(w, 2, "outcome_unknown");
    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_true(a.polls);
    is(w, "failed", w->old, "late_accepted");
    assert_int_equal(hear(w, "late_published", w->old), OK);
    is(w, "published", w->old, "late_published");
}

/* While an init of the retry was under way, which then did not reach TikTok or was refused. */
static void test_what_was_told_meanwhile_is_heeded(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    (void)add_attempt(w, 1, "outcome_unknown");
    assert_int_equal(retry(w, w->side.db, true), OK);
    assert_int_equal(db_tx(w->side.db, heed_tx, w), ERR_NOT_FOUND); /* nothing was told */
    make(w, "publishing", NULL, (struct str){0}, 0);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    assert_false(a.polls);
    is(w, "publishing", (struct str){0}, "earlier_accepted");
    assert_int_equal(
        db_exec(w->side.db, &sqls[TELL_ATTEMPT], DB_ARGS(db_str(w->old), db_uuid(&w->side.made.post.id)), NULL), OK);
    make(w, "queued", NULL, (struct str){0}, 0);
    assert_int_equal(db_tx(w->side.db, heed_tx, w), OK);
    is(w, "processing", w->old, "earlier_accepted");
    assert_int_equal(db_tx(w->side.db, heed_tx, w), ERR_NOT_FOUND); /* it waits for TikTok */
    make(w, "failed", "rejected", (struct str){0},
         1); /* the new init was refused for good: who wants another must have looked */
    assert_int_equal(retry(w, w->side.db, false), ERR_RETRY_UNCONFIRMED);
    assert_int_equal(retry(w, w->side.db, true), OK);
    assert_int_equal(db_tx(w->side.db, heed_tx, w), ERR_NOT_FOUND); /* what was told before that counts no more */
}

/* That it was not there was said before TikTok had it, so it must be said again. */
static void test_whose_end_nobody_knows_is_confirmed_each_time(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    (void)add_attempt(w, 1, "outcome_unknown");
    assert_int_equal(retry(w, w->side.db, false), ERR_RETRY_UNCONFIRMED);
    assert_int_equal(retry(w, w->side.db, true), OK);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    is(w, "processing", w->old, "earlier_accepted");
    make(w, "failed", "confirmation_timeout", w->old, 1);
    assert_int_equal(retry(w, w->side.db, false), ERR_RETRY_UNCONFIRMED);
    assert_int_equal(retry(w, w->side.db, true), OK);
}

static void tell_attempt(struct world *w)
{
    assert_int_equal(
        db_exec(w->side.db, &sqls[TELL_ATTEMPT], DB_ARGS(db_str(w->old), db_uuid(&w->side.made.post.id)), NULL), OK);
}

/* What is told after a retry counts, whatever the clock says, and what was told before it does not. */
static void test_a_clock_that_was_set_back_hides_no_late_word(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    a.attempt_id = add_attempt(w, 1, "outcome_unknown");
    assert_int_equal(retry(w, w->side.db, true), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(db_exec(w->side.db, &sqls[SET_BACK], DB_ARGS(db_uuid(&w->side.made.post.id)), NULL), OK);
        make(w, "publishing", NULL, (struct str){0}, 0);
        assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
        is(w, "publishing", (struct str){0}, "earlier_accepted");
        make(w, "failed", "rejected", (struct str){0}, 1);
        assert_int_equal(retry(w, w->side.db, false), ERR_RETRY_UNCONFIRMED);
        assert_int_equal(db_exec(w->side.db, &sqls[SET_BACK], DB_ARGS(db_uuid(&w->side.made.post.id)), NULL), OK);
        assert_int_equal(retry(w, w->side.db, true), OK);
        assert_int_equal(db_tx(w->side.db, heed_tx, w), ERR_NOT_FOUND);
        make(w, "failed", "rejected", (struct str){0}, 1);
        assert_int_equal(retry(w, w->side.db, false), OK);
    }
}

/* What TikTok refuses since the retry counts against it, and what it refused before does not. */
static void test_a_clock_that_was_set_back_hides_no_refusal(void **state)
{
    struct world *w = *state;
    struct side *s = &w->side;
    struct attempt_tally tally;

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    for (int64_t number = 1; number <= 2; number++) {
        const struct post_move refused = {.event = "refused_retry", .attempt_id = add_attempt(w, number, "refused")};
        assert_int_equal(post_note(s->db, &s->made.post.id, &refused, POST_QUEUED, clock_now_us()), OK);
        assert_int_equal(attempt_tally(s->db, &s->arena, &s->made.post.id, &tally), OK);
        assert_int_equal(tally.refused, 1);
        if (number == 1)
            assert_int_equal(retry(w, s->db, true), OK);
        assert_int_equal(db_exec(s->db, &sqls[SET_BACK], DB_ARGS(db_uuid(&s->made.post.id)), NULL), OK);
    }
}

/* TikTok has said what became of the attempt: nobody need look. */
static void test_an_earlier_attempt_that_failed_after_all_needs_no_confirm(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    a.attempt_id = add_attempt(w, 1, "outcome_unknown");
    assert_int_equal(retry(w, w->side.db, true), OK);
    tell_attempt(w);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    is(w, "processing", w->old, "earlier_accepted");
    make(w, "failed", "tiktok_refused", w->old, 1);
    assert_int_equal(retry(w, w->side.db, false), OK);
}

/* TikTok is asked for as long as about any that it has just accepted. */
static void test_an_unknown_outcome_that_failed_after_all_needs_no_confirm(void **state)
{
    struct world *w = *state;
    struct accepting a = {.w = w};
    int64_t is_accepted;

    make(w, "failed", "outcome_unknown", (struct str){0}, 1);
    a.attempt_id = add_attempt(w, 1, "outcome_unknown");
    tell_attempt(w);
    assert_int_equal(db_tx(w->side.db, accept_tx, &a), OK);
    is(w, "failed", w->old, "late_accepted");
    assert_int_equal(db_number(w->side.db, &sqls[ACCEPTED], DB_ARGS(db_uuid(&w->side.made.post.id)), &is_accepted), OK);
    assert_int_equal(is_accepted, 1);
    assert_int_equal(retry(w, w->side.db, false), ERR_RETRY_UNCONFIRMED);
    make(w, "failed", "tiktok_refused", w->old, 1);
    assert_int_equal(retry(w, w->side.db, false), OK);
}

static void cancel(struct world *w)
{
    const struct last_step last = {.fn = side_nothing_last};
    const struct post_asker by = {.user_id = &w->side.account.user_id,
                                  .key_id = &UUID_NONE,
                                  .mode = MODE_LIVE,
                                  .id = &w->side.made.post.id,
                                  .request_id = STR("r")};

    assert_int_equal(post_cancel(w->side.db, &w->side.arena, &conf, &by, &last), OK);
}

static int64_t planned(struct world *w)
{
    int64_t n;

    assert_int_equal(db_number(w->side.db, &sqls[PLANNED], DB_ARGS(db_uuid(&w->side.account.user_id)), &n), OK);
    return n;
}

/* A plan counts what TikTok may have taken: also after it was called off, and of before a retry. */
static void test_what_tiktok_may_have_stays_counted(void **state)
{
    struct world *w = *state;

    assert_int_equal(planned(w), 1);
    cancel(w);
    assert_int_equal(planned(w), 0);
    assert_int_equal(retry(w, w->side.db, false), OK);
    assert_int_equal(planned(w), 1);
    make(w, "failed", "unconfirmed", w->old, 1);
    (void)add_attempt(w, 1, "accepted");
    assert_int_equal(retry(w, w->side.db, true), OK);
    cancel(w);
    assert_int_equal(planned(w), 1);
}

static void test_of_the_same_attempt_nothing_is_earlier(void **state)
{
    struct world *w = *state;

    make(w, "failed", "spam_risk", w->old, 1);
    assert_int_equal(hear(w, "late_published", w->old), ERR_CONFLICT);
    assert_int_equal(w->side.made.post.state, POST_QUEUED); /* and nothing was written */
}

static enum err many_tx(struct db *db, void *arg)
{
    const struct hearing *h = arg;
    struct side *s = &h->w->side;
    const struct post_moving moving = {s->made.post.id, POST_PROCESSING, {.event = h->event, .of_publish_id = h->of}};

    return post_move_many(db, &s->arena, &conf, &moving, 1);
}

static void test_several_at_once_are_compared_too(void **state)
{
    struct world *w = *state;
    struct hearing h = {w, "published", STR("another")};

    make(w, "processing", NULL, w->old, 0);
    assert_int_equal(db_tx(w->side.db, many_tx, &h), ERR_CONFLICT);
    h.of = w->old;
    assert_int_equal(db_tx(w->side.db, many_tx, &h), OK);
    is(w, "published", w->old, "published");
}

struct racer {
    struct world *w;
    struct db *db;
};

static void *race(void *arg)
{
    const struct racer *r = arg;

    return (void *)(uintptr_t)retry(r->w, r->db, true);
}

static void test_one_of_several_retries(void **state)
{
    struct world *w = *state;
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    int64_t n;
    void *e;

    make(w, "failed", "tiktok_refused", (struct str){0}, 1);
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){w, rows_connect(NULL)};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &e), 0);
        assert_int_equal((uintptr_t)e, OK);
        db_free(racers[i].db);
    }
    assert_int_equal(db_number(w->side.db, &sqls[RETRIES], DB_ARGS(db_uuid(&w->side.made.post.id)), &n), OK);
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_retry_that_has_not_left_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_has_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_attempt_that_was_accepted_after_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_outcome_that_is_known_after_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_outcome_of_a_retry_that_is_known_after_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_told_meanwhile_is_heeded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_end_nobody_knows_is_confirmed_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_was_set_back_hides_no_late_word, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_was_set_back_hides_no_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_earlier_attempt_that_failed_after_all_needs_no_confirm, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_outcome_that_failed_after_all_needs_no_confirm, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_tiktok_may_have_stays_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_the_same_attempt_nothing_is_earlier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_at_once_are_compared_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_several_retries, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
