#include "base/clock.h"
#include "base/text.h"
#include "model/post/post.h"

/* What a check needs; post_check calls them in turn. */
struct check {
    const struct account *account;
    struct post_draft *draft;
    size_t images_n;
    struct arena *arena;
    struct problems *problems;
    bool direct;
};

static void post_check_refuse(struct check *c, enum err code, const char *param)
{
    problem_add(c->problems, code, c->arena, "%s", param);
}

static void post_check_refuse_option(struct check *c, enum err code, const char *option)
{
    problem_add(c->problems, code, c->arena, "platform_options.%s", option);
}

/* With a sentence of its own that says what would be right. */
static void post_check_refuse_saying(struct check *c, enum err code, const char *param, const char *sentence)
{
    problem_add_text(c->problems, code, str_from(param), str_from(sentence));
}

bool post_snapshot_is_fresh(const struct account *account)
{
    return account_snapshot_within(account, SNAPSHOT_FRESH_US);
}

/* An empty text counts as none. False when it has no length, because it is not UTF-8. */
static bool post_check_text(struct check *c, struct str *s, const char *param)
{
    if (s->n == 0)
        *s = (struct str){0};
    if (!text_is_utf8(*s)) {
        post_check_refuse(c, ERR_BAD_UTF8, param);
        return false;
    }
    if (!text_is_printable(*s, true))
        post_check_refuse(c, ERR_FIELD_CHARACTERS, param);
    return true;
}

static void post_check_texts(struct check *c)
{
    struct post_draft *d = c->draft;
    bool cut = str_eqc(d->title_overflow, "truncate");

    if (d->title_overflow.p != NULL && !cut && !str_eqc(d->title_overflow, "reject"))
        post_check_refuse_saying(c, ERR_FIELD_VALUE, "title_overflow", "This must be reject or truncate.");
    if (post_check_text(c, &d->title, "title") && text_utf16_units(d->title) > POST_TITLE_MAX_UNITS) {
        if (cut)
            d->title = text_utf16_head(d->title, POST_TITLE_MAX_UNITS);
        else
            post_check_refuse(c, ERR_TITLE_TOO_LONG, "title");
        d->title_was_cut = cut;
    }
    if (post_check_text(c, &d->description, "description") &&
        text_utf16_units(d->description) > POST_DESCRIPTION_MAX_UNITS)
        post_check_refuse(c, ERR_DESCRIPTION_TOO_LONG, "description");
}

static void post_check_images(struct check *c)
{
    const char *param = c->draft->by_upload_ids ? "upload_ids" : "images";
    int64_t cover = c->draft->options.photo_cover_index;

    if (c->images_n == 0)
        post_check_refuse(c, ERR_IMAGES_MISSING, param);
    if (c->images_n > POST_IMAGES_MAX)
        post_check_refuse(c, ERR_IMAGES_TOO_MANY, param);
    /* Without images, their own problem says enough. */
    if (cover < 0 || (c->images_n > 0 && cover >= (int64_t)c->images_n))
        post_check_refuse_option(c, ERR_COVER_RANGE, "photo_cover_index");
}

/* There is no default, and none of ours would be allowed: the user must choose (docs/tiktok.md#choices). */
static void post_check_privacy(struct check *c)
{
    const struct post_options *o = &c->draft->options;

    if (o->privacy_level.p == NULL)
        post_check_refuse_option(c, ERR_PRIVACY_REQUIRED, "privacy_level");
    else if (!str_is_one_of(o->privacy_level, privacy_level_names))
        post_check_refuse_option(c, ERR_PRIVACY_UNKNOWN, "privacy_level");
    else if (post_snapshot_is_fresh(c->account) && !account_offers(c->account, o->privacy_level))
        post_check_refuse_saying(
            c, ERR_PRIVACY_NOT_OFFERED, "platform_options.privacy_level",
            arena_printf(c->arena, "TikTok does not offer this privacy_level for this account. Choose one of %.*s.",
                         STR_FMT(c->account->privacy_level_options))
                .p);
    if (o->brand_content_toggle && str_eqc(o->privacy_level, "SELF_ONLY"))
        post_check_refuse_option(c, ERR_BRANDED_PRIVATE, "brand_content_toggle");
}

/* A draft in the inbox ignores these options, so asking for one is refused; a plain "no" does no harm. */
static void post_check_draft_options(struct check *c)
{
    const struct post_options *o = &c->draft->options;
    const struct {
        bool asks;
        const char *name;
    } rows[] = {
        {o->privacy_level.p != NULL, "privacy_level"},
        {o->disable_comment, "disable_comment"},
        {o->auto_add_music, "auto_add_music"},
        {o->brand_content_toggle, "brand_content_toggle"},
        {o->brand_organic_toggle, "brand_organic_toggle"},
        {o->is_aigc, "is_aigc"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].asks)
            post_check_refuse_option(c, ERR_DIRECT_POST_ONLY, rows[i].name);
}

static void post_check_options(struct check *c)
{
    struct post_options *o = &c->draft->options;

    if (o->post_mode.p == NULL)
        o->post_mode = STR("MEDIA_UPLOAD");
    if (!str_is_one_of(o->post_mode, post_mode_names)) {
        post_check_refuse_saying(c, ERR_FIELD_VALUE, "platform_options.post_mode",
                                 "This must be MEDIA_UPLOAD or DIRECT_POST.");
        return;
    }
    c->direct = str_eqc(o->post_mode, "DIRECT_POST");
    if (!c->direct) {
        post_check_draft_options(c);
    } else {
        post_check_privacy(c);
        if (!o->disable_comment_given) /* nothing is switched on unasked: docs/tiktok.md#choices */
            o->disable_comment = true;
    }
    if (!account_has_scope(c->account, c->direct ? STR("video.publish") : STR("video.upload")))
        post_check_refuse_option(c, ERR_TIKTOK_SCOPE, "post_mode");
}

void post_check(const struct account *account, struct post_draft *draft, size_t images_n, struct arena *arena,
                struct problems *problems)
{
    struct check c = {.account = account, .draft = draft, .images_n = images_n, .arena = arena, .problems = problems};

    post_check_images(&c);
    post_check_texts(&c);
    post_check_options(&c);
}
