/*
 * POST /api/v1/accounts/{id}/posts. It asks whose account it is, whether TikTok still accepts it, whether the user has room
 * and the key's budget allows a post, before a byte of the images comes. When it fails, nothing of the request stays.
 */
#include "posts.h"

#include "fcgi/input.h"
#include "model/key/budget.h"

#define WARNINGS_MAX (3 + POST_IMAGES_MAX)
#define ASPECT_TOLERANCE 50 /* a side is rounded to the pixel: a fiftieth is no difference that anybody sees */

static void posts_create_add_warning(struct json_array *warnings, const char *code, const char *message)
{
    struct post_warning *v = warnings->v;

    ASSERT(warnings->n < WARNINGS_MAX);
    v[warnings->n++] = (struct post_warning){.code = str_from(code), .message = str_from(message)};
}

/* What the images say of AI, where the post does not say it. */
static void posts_create_warn_of_images(struct ctx *c, const struct post_draft *draft, const struct post_receipt *made,
                                        struct json_array *warnings)
{
    const char *images = draft->by_upload_ids ? "upload_ids" : "images";
    struct post_warning *v = warnings->v;

    for (size_t i = 0; i < made->images_n && !made->post.is_aigc; i++) {
        struct str provenance = made->images[i].provenance;
        if (str_eqc(provenance, upload_provenance_names[IMAGE_AI_GENERATED]))
            posts_create_add_warning(
                warnings, "aigc_label_missing",
                made->post.post_mode == POST_DIRECT_POST
                    ? "This image says by itself that AI made it, and the post does not."
                    : "This image says by itself that AI made it. Whoever finishes the post in TikTok's app "
                      "must switch the label for AI-generated content on.");
        else if (str_eqc(provenance, upload_provenance_names[IMAGE_AI_EDITED]))
            posts_create_add_warning(
                warnings, "ai_edited",
                "This image says by itself that it was edited with AI. If that changed it much, the post needs "
                "the label: is_aigc.");
        else
            continue;
        v[warnings->n - 1].param = arena_printf(c->arena, "%s[%zu]", images, i);
    }
}

static bool posts_create_aspects_differ(const struct post_receipt *made)
{
    const struct post_image *a = &made->images[0];

    for (size_t i = 1; i < made->images_n; i++) {
        int64_t x = a->width * made->images[i].height, y = a->height * made->images[i].width;
        if (MAX(x, y) - MIN(x, y) > MAX(x, y) / ASPECT_TOLERANCE)
            return true;
    }
    return false;
}

static struct json_array posts_create_warnings_of(struct ctx *c, const struct account *account,
                                                  const struct post_draft *draft, const struct post_receipt *made)
{
    struct json_array warnings = {.v = arena_array(c->arena, WARNINGS_MAX, sizeof(struct post_warning))};

    if (draft->title_was_cut)
        posts_create_add_warning(&warnings, "title_truncated",
                                 "The title was cut to TikTok's limit of 90 UTF-16 units, as you asked.");
    if (str_eqc(draft->options.post_mode, "DIRECT_POST") && !post_snapshot_is_fresh(account))
        posts_create_add_warning(
            &warnings, "creator_options_unchecked",
            "What TikTok offers for this account is unknown or was asked more than 10 minutes ago, so it was not "
            "checked. TikTok is asked again before the post is sent; if it no longer offers the privacy_level, the "
            "post fails.");
    if (posts_create_aspects_differ(made))
        posts_create_add_warning(
            &warnings, "aspect_ratios_differ",
            "The images are not all of one aspect ratio. TikTok shows them in one frame, so some may get bars.");
    posts_create_warn_of_images(c, draft, made, &warnings);
    return warnings;
}

static enum err posts_create_usable_account(struct ctx *c, struct account *ret_account)
{
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = account_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, &id, ret_account);
    if (e == OK && ret_account->state == ACCOUNT_NEEDS_RECONNECT)
        e = ERR_ACCOUNT_NEEDS_RECONNECT;
    return e;
}

/* What needs no body. ret_budget: of the key that asks; left alone if it has none. */
static enum err posts_create_look(struct ctx *c, struct account *ret_account, struct budget *ret_budget)
{
    enum err e = posts_create_usable_account(c, ret_account);

    if (e == OK && c->caller.key_has_budget)
        e = budget_look(c->db, c->arena, &c->caller.key_id, &ret_account->id, ret_budget);
    if (e == ERR_BUDGET_POSTS)
        c->retry_after_sec = budget_reset_sec();
    return e;
}

static enum err posts_create_before_body(struct ctx *c)
{
    struct account account;
    struct budget budget;
    enum err e = posts_create_look(c, &account, &budget);

    return e == OK ? form_look(c) : e;
}

struct posts_creation {
    struct ctx *c;
    struct account account;
    struct budget budget; /* of the key that asks */
    struct post_draft draft;
    struct post_receipt made;
};

static enum err posts_create_answer(const void *made, void *arg)
{
    struct posts_creation *n = arg;
    struct post_shape shape;

    shape_receipt(n->c, made, &shape);
    shape.warnings = posts_create_warnings_of(n->c, &n->account, &n->draft, made);
    return idempotent_answer(n->c, 202, post_created_fields, &shape);
}

static enum err posts_create_make(struct posts_creation *n)
{
    struct ctx *c = n->c;
    size_t images_n;

    enum err e = form_read(c, &n->draft, &images_n);
    if (e != OK)
        return e;
    post_check(&n->account, &n->draft, images_n, c->arena, &c->problems);
    if (!budget_allows_level(&n->budget, n->draft.options.privacy_level))
        problem_add(&c->problems, ERR_BUDGET_PRIVACY, c->arena, "platform_options.privacy_level");
    if (c->problems.n > 0)
        return ERR_VALIDATION;
    n->draft.key_id = c->caller.key_id;
    n->draft.request_id = c->req.id;
    return post_create(c->db, c->arena, c->conf, &n->account, &n->draft, &c->problems,
                       &(struct last_step){posts_create_answer, n}, &n->made);
}

static enum err posts_create(struct ctx *c)
{
    struct posts_creation n = {.c = c};

    enum err e = posts_create_look(c, &n.account, &n.budget);
    if (e == OK)
        e = posts_create_make(&n);
    if (e == ERR_OUTCOME_UNKNOWN)
        c->problems.may_exist = n.made.post.id;
    else if (e != OK && !db_is_away(e))
        upload_drop(c->db, n.draft.reports, n.draft.reports_n, c->req.id);
    if (e == ERR_BUDGET_POSTS)
        c->retry_after_sec = budget_reset_sec();
    return e;
}

const struct route create_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/accounts/{id}/posts",
     .handler = posts_create,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_WRITE,
     .by_mode = true,
     .body_max_bytes = POST_BODY_MAX_BYTES,
     .before_body = posts_create_before_body,
     .rate = RATE_POST,
     .cost = COST_HEAVY,
     .creates = true,
     .makes = "/api/v1/posts/",
     .json_max_bytes = POST_JSON_MAX_BYTES,
     .timeout_sec = 180,
     .summary = "Post images to a TikTok account"},
    ROUTE_END,
};
