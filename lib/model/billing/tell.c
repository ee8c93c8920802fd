#include "model/billing/tell.h"

/* A trial that is prolonged has another end, of which Stripe tells again three days before. */
#define TRIAL_TOLD_US (7 * US_PER_DAY)

enum { TELL_WAS_TOLD, TELL_NOTE };
static const struct sql tell_sqls[];

static enum err tell_note(struct db *db, const struct provider_event *event)
{
    return db_exec(db, &tell_sqls[TELL_NOTE], DB_ARGS(db_i64(clock_now_us()), db_uuid(&event->id)), NULL);
}

/* Has a mail told of this, whichever event it was for? */
static enum err tell_was_told(struct db *db, const struct provider_event *event, int64_t since_us, bool *ret_was)
{
    int64_t one;

    enum err e = db_number(db, &tell_sqls[TELL_WAS_TOLD],
                           DB_ARGS(db_uuid(&event->user_id), db_i64(since_us), db_str(event->type),
                                   db_str(event->object_id), db_uuid(&event->id)),
                           &one);
    *ret_was = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err billing_tell_user(struct db *db, const struct provider_event *event, enum mail_template template,
                           const struct mail_params *params, struct str request_id)
{
    int64_t since_us = template == MAIL_TRIAL_ENDING ? clock_now_us() - TRIAL_TOLD_US : 0;
    bool was;

    enum err e = tell_was_told(db, event, since_us, &was);
    if (e != OK || was)
        return e;
    e = tell_note(db, event);
    return e == OK ? mail_add(db, &(struct mail_new){.template = template,
                                                     .user_id = event->user_id,
                                                     .subject_id = event->id,
                                                     .params = params,
                                                     .request_id = request_id})
                   : e;
}

enum err billing_tell_admin(struct db *db, struct arena *arena, const struct conf *conf,
                            const struct provider_event *event, struct str request_id)
{
    struct str thing = event->charge_id.p != NULL ? event->charge_id : event->object_id;
    struct mail_params params = {
        .about = arena_printf(arena, "%.*s: %s", STR_FMT(event->type), event->kind->why),
        .why = arena_printf(arena, "%.*s, status %.*s, of the customer %.*s, who is the user %s", STR_FMT(thing),
                            STR_FMT(event->status.p == NULL ? STR("unknown") : event->status),
                            STR_FMT(event->customer_id.p == NULL ? STR("unknown") : event->customer_id),
                            uuid_text(&event->user_id).s),
        .at_us = event->created_at_us,
        .link = arena_printf(arena, "https://dashboard.stripe.com/%sevents/%.*s", conf->stripe_livemode ? "" : "test/",
                             STR_FMT(event->event_id)),
    };
    bool was;

    if (conf->billing_admin_email.n == 0)
        return OK;
    enum err e = tell_was_told(db, &(struct provider_event){.user_id = event->user_id, .id = event->id}, 0, &was);
    if (e != OK || was)
        return e;
    e = tell_note(db, event);
    return e == OK ? mail_add(db, &(struct mail_new){.template = MAIL_BILLING_ATTENTION,
                                                     .subject_id = event->id,
                                                     .params = &params,
                                                     .request_id = request_id})
                   : e;
}

static const struct sql tell_sqls[] = {
    /* Of the same thing, or for this event itself: one that an admin has replayed. */
    [TELL_WAS_TOLD] = {.text = "SELECT 1 FROM provider_events WHERE user_id = ? AND mailed_at_us > ?"
                               " AND ((type = ? AND object_id = ?) OR id = ?) LIMIT 1",
                       .in = "uissu",
                       .cols = db_number_cols},
    [TELL_NOTE] = {.text = "UPDATE provider_events SET mailed_at_us = ?, link = NULL WHERE id = ?", .in = "iu"},
};
