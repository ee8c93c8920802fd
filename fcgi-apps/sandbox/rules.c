/* What init checks, in this order: one row each. Source: docs/tiktok.md#init. */
#include "base/text.h"
#include "sandbox/sandbox.h"

#define IMAGES_MAX 35
#define TITLE_MAX_UNITS 90
#define DESCRIPTION_MAX_UNITS 4000
#define URL_MAX_BYTES 2048

static bool sandbox_rules_is_direct(const struct rule_input *in)
{
    return str_eqc(in->body->post_mode, "DIRECT_POST");
}

static bool sandbox_rules_media_type(const struct rule_input *in)
{
    return !str_eqc(in->body->media_type, "PHOTO");
}

static bool sandbox_rules_post_mode(const struct rule_input *in)
{
    return !sandbox_rules_is_direct(in) && !str_eqc(in->body->post_mode, "MEDIA_UPLOAD");
}

static bool sandbox_rules_scope(const struct rule_input *in)
{
    return !str_list_has(in->caller->scopes, ',',
                         sandbox_rules_is_direct(in) ? STR("video.publish") : STR("video.upload"));
}

static bool sandbox_rules_source(const struct rule_input *in)
{
    return !str_eqc(in->body->source_info.source, "PULL_FROM_URL");
}

static bool sandbox_rules_images_n(const struct rule_input *in)
{
    size_t n = in->body->source_info.photo_images.n;

    return n < 1 || n > IMAGES_MAX;
}

static bool sandbox_rules_cover(const struct rule_input *in)
{
    const struct init_source_info *s = &in->body->source_info;

    return !s->cover_given || s->photo_cover_index < 0 || s->photo_cover_index >= (int64_t)s->photo_images.n;
}

static bool sandbox_rules_title(const struct rule_input *in)
{
    return text_utf16_units(in->body->post_info.title) > TITLE_MAX_UNITS;
}

static bool sandbox_rules_description(const struct rule_input *in)
{
    return text_utf16_units(in->body->post_info.description) > DESCRIPTION_MAX_UNITS;
}

/* TikTok's table marks both as required, although its examples leave them out. */
static bool sandbox_rules_toggles(const struct rule_input *in)
{
    const struct init_post_info *p = &in->body->post_info;

    return sandbox_rules_is_direct(in) && (!p->brand_content_given || !p->brand_organic_given);
}

static bool sandbox_rules_branded_private(const struct rule_input *in)
{
    const struct init_post_info *p = &in->body->post_info;

    return sandbox_rules_is_direct(in) && p->brand_content_toggle && str_eqc(p->privacy_level, "SELF_ONLY");
}

static bool sandbox_rules_privacy(const struct rule_input *in)
{
    struct str level = in->body->post_info.privacy_level;

    return sandbox_rules_is_direct(in) && !str_list_has(sandbox_privacy_options(in->caller), ',', level);
}

/* creator_info offers every level all the same: seen, docs/tiktok.md#limits. */
static bool sandbox_rules_unaudited(const struct rule_input *in)
{
    bool allowed = in->caller->private_account && str_eqc(in->body->post_info.privacy_level, "SELF_ONLY");

    return sandbox_rules_is_direct(in) && !in->audited && !allowed;
}

/* Too long, or with characters that no address has. */
static bool sandbox_rules_bad_url(const struct rule_input *in)
{
    const struct strs *urls = &in->body->source_info.photo_images;

    for (size_t i = 0; i < urls->n; i++) {
        struct str url = urls->v[i];
        if (url.n == 0 || url.n > URL_MAX_BYTES || !str_is_visible(url) || memchr(url.p, '\\', url.n) != NULL)
            return true;
    }
    return false;
}

/* A dot segment would lead out of the prefix when it is resolved. */
static bool sandbox_rules_has_dot_segment(struct str url)
{
    struct str piece;

    while (str_next(&url, '/', &piece))
        if (piece.n > 0 && (piece.p[0] == '.' || (piece.n > 2 && str_ieq(str_head(piece, 3), STR("%2e")))))
            return true;
    return false;
}

static bool sandbox_rules_is_verified(struct str url, struct str prefix)
{
    if (!str_starts(url, STR("https://")) || !str_starts(url, prefix))
        return false;
    struct str rest = str_skip(url, prefix.n);
    /* the prefix https://host must not match https://host.elsewhere */
    bool whole = prefix.p[prefix.n - 1] == '/' || rest.n == 0 || rest.p[0] == '/';
    return whole && !sandbox_rules_has_dot_segment(rest);
}

static bool sandbox_rules_unverified(const struct rule_input *in)
{
    const struct strs *urls = &in->body->source_info.photo_images;

    for (size_t i = 0; i < urls->n; i++)
        if (!sandbox_rules_is_verified(urls->v[i], in->media_prefix))
            return true;
    return false;
}

static const struct rule sandbox_rules[] = {
    {sandbox_rules_media_type, "invalid_param", "media_type is PHOTO."},
    {sandbox_rules_post_mode, "invalid_param", "post_mode is DIRECT_POST or MEDIA_UPLOAD."},
    {sandbox_rules_scope, "scope_not_authorized", NULL},
    {sandbox_rules_source, "invalid_param", "source_info.source is PULL_FROM_URL."},
    {sandbox_rules_images_n, "invalid_param", "source_info.photo_images has 1 to 35 URLs."},
    {sandbox_rules_cover, "invalid_param", "source_info.photo_cover_index names one of the images, counted from 0."},
    {sandbox_rules_title, "invalid_param", "post_info.title has at most 90 UTF-16 runes."},
    {sandbox_rules_description, "invalid_param", "post_info.description has at most 4000 UTF-16 runes."},
    {sandbox_rules_toggles, "invalid_param", "post_info.brand_content_toggle and brand_organic_toggle are required."},
    {sandbox_rules_branded_private, "invalid_param", "Branded content visibility cannot be set to private."},
    {sandbox_rules_privacy, "privacy_level_option_mismatch", NULL},
    {sandbox_rules_unaudited, "unaudited_client_can_only_post_to_private_accounts", NULL},
    {sandbox_rules_bad_url, "invalid_param", "source_info.photo_images has something that is not a URL."},
    {sandbox_rules_unverified, "url_ownership_unverified", NULL},
};

const struct rule *rules_check(const struct rule_input *in)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_rules); i++)
        if (sandbox_rules[i].broken(in))
            return &sandbox_rules[i];
    return NULL;
}
