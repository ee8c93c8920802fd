#include "tiktok/tiktok.h"

#define HOUR_SEC INT64_C(3600)
#define DAY_SEC (24 * HOUR_SEC)

/* A failure of a post as the user sees it. */
struct tiktok_codes_failure {
    const char *failure;
    bool retryable; /* the same post, sent again as it is, can succeed */
    const char *message;
};

static const struct tiktok_code tiktok_codes[], tiktok_codes_of_posts[], tiktok_unlisted[];
static const struct tiktok_codes_failure tiktok_failures[];

static const struct tiktok_code *tiktok_codes_row(const struct tiktok_code *table, struct str code)
{
    for (const struct tiktok_code *c = table; c->code != NULL; c++)
        if (str_eqc(code, c->code))
            return c;
    return NULL;
}

const struct tiktok_code *tiktok_code_find(struct str code)
{
    const struct tiktok_code *c = tiktok_codes_row(tiktok_codes, code);

    return c != NULL ? c : tiktok_codes_row(tiktok_codes_of_posts, code);
}

static const struct tiktok_code *tiktok_codes_unlisted_find(int http_status)
{
    for (const struct tiktok_code *c = tiktok_unlisted; c->code != NULL; c++)
        if (c->http_status == http_status)
            return c;
    return NULL;
}

bool tiktok_is_outage(struct str code)
{
    static const char internal[] = "internal"; /* internal_error too, and what else begins so */
    struct str head = str_of(code.p, MIN(code.n, sizeof internal - 1));

    return str_ieq(head, str_from(internal)) || str_ieq(code, STR("server_error")) ||
           str_ieq(code, STR("temporarily_unavailable"));
}

bool tiktok_is_about_app(struct str code)
{
    static const char *const codes[] = {"invalid_client", "unauthorized_client", "invalid_request",
                                        "unsupported_grant_type"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (str_eqc(code, codes[i]))
            return true;
    return false;
}

bool tiktok_is_wrong_client(struct str code)
{
    return str_eqc(code, "invalid_client");
}

/* TikTok checks the token before it does anything, and its API puts some refusals into a 200. */
static bool tiktok_codes_is_dead_token(const struct tiktok_code *c)
{
    return c->action == TIKTOK_REFRESH || c->action == TIKTOK_REFRESH_ONCE;
}

const struct tiktok_code *tiktok_init_refusal(const struct tiktok_error *error)
{
    const struct tiktok_code *listed = tiktok_codes_row(tiktok_codes, error->code),
                             *unlisted = tiktok_codes_unlisted_find(error->http_status);

    if (error->code.n == 0 || str_eqc(error->code, "ok") || tiktok_is_outage(error->code))
        return NULL;
    if (tiktok_codes_row(tiktok_codes_of_posts, error->code) != NULL) /* so there is a post */
        return NULL;
    if (listed != NULL && error->http_status == 200 && tiktok_codes_is_dead_token(listed))
        return listed;
    if (unlisted == NULL) /* a status by which nothing is refused */
        return NULL;
    if (listed != NULL)
        return listed;
    return error->log_id.n > 0 ? unlisted : NULL;
}

static const struct tiktok_codes_failure *tiktok_codes_failure_find(struct str failure)
{
    for (const struct tiktok_codes_failure *f = tiktok_failures; f->failure != NULL; f++)
        if (str_eqc(failure, f->failure))
            return f;
    return NULL;
}

const char *tiktok_failure_message(struct str failure)
{
    const struct tiktok_codes_failure *f = tiktok_codes_failure_find(failure);

    return f == NULL ? NULL : f->message;
}

bool tiktok_failure_retryable(struct str failure)
{
    const struct tiktok_codes_failure *f = tiktok_codes_failure_find(failure);

    return f != NULL && f->retryable;
}

/* Texts that are in both tables below. */
#define INVALID_TEXT \
    "TikTok says that a field of the request is invalid. platform_code and the receipt show what was sent and " \
    "answered. If you write to us, send the request_id."
#define APP_VERSION_TEXT \
    "Drafts need version 31.8 or later of the TikTok app on the account's phone. Update the app, then send the post " \
    "again."
#define TOO_MANY_TEXT \
    "This TikTok account has reached the number of posts that TikTok accepts by API in 24 hours, over all services. " \
    "It can still post in the TikTok app."
#define BANNED_TEXT "TikTok has banned this account from posting. Its owner can see the reason in the TikTok app."
#define PENDING_TEXT \
    "Too many drafts are waiting in this account's TikTok inbox: TikTok accepts at most 5 in 24 hours. Publish or " \
    "discard some of them in the TikTok app."
#define USER_CAP_TEXT \
    "TikTok lets this service post for a limited number of accounts a day, and today's limit has been reached."
#define UNAUDITED_TEXT \
    "TikTok has not audited this service's app yet. Until then it can post only to TikTok accounts that are private. " \
    "Set the TikTok account itself to private (TikTok app: Settings, Privacy, Private account) and use SELF_ONLY. " \
    "The post's privacy_level alone is not enough."
#define OWNERSHIP_TEXT \
    "TikTok does not know that the address of the images belongs to this service. Its administrator must verify the " \
    "URL prefix https://HOST/m/ (HOST as in service.url) under URL properties in TikTok's developer portal."
#define PRIVACY_TEXT \
    "TikTok does not offer this privacy_level for the account right now. Choose one of " \
    "platform_data.privacy_level_options of GET /api/v1/accounts/{id}."
#define RECONNECT_TEXT "TikTok no longer accepts this connection. Connect the account again."
#define SCOPE_TEXT \
    "The account did not grant the permission that this needs: video.publish for DIRECT_POST, video.upload for a " \
    "draft. Connect the account again and leave it ticked."
#define RATE_TEXT "TikTok limits the calls a minute for an account. The post is sent as soon as TikTok allows."
#define FORMAT_TEXT "TikTok could not read an image. Export the images again as JPEG."
#define SIZE_TEXT \
    "TikTok says that an image has the wrong size, but not which one. Send images of at most 1080 by 1920 " \
    "pixels."
#define VIDEO_TEXT "TikTok checked this post as if it were a video. Please write to us and send the request_id."
#define PULL_TEXT "TikTok could not fetch the images from this service. Nothing was posted; send the post again."
#define INTERNAL_TEXT "TikTok failed on its side. Nothing was posted; send the post again."
#define CANCELLED_TEXT "The post was cancelled at TikTok before it was published."
#define REMOVED_TEXT "The account's owner withdrew this service's permission while TikTok was working on the post."
#define SPAM_TEXT "TikTok considers this post spam. Change it before you send it again."
#define SPAM_TEXT_TEXT "TikTok considers the title or description spam. Change the text before you send it again."
#define UPLOAD_TEXT \
    "TikTok says that an image does not meet its rules, but not which one. Send JPEG images of at most 1080 by 1920 " \
    "pixels and 20 MB."
#define REFUSED_TEXT "TikTok refused the post with a code that its documentation does not list. See platform_code."
#define EXPIRED_TEXT \
    "TikTok gave this post up before it was published. Check the TikTok profile before you send it again."
#define PUBLISH_ID_TEXT "TikTok no longer knows this post. Check the TikTok profile before you send it again."

/*
 * docs/tiktok.md: the tables of content/init and creator_info/query at developers.tiktok.com. The generic pages spell
 * some codes differently; both forms stand here. So do codes that TikTok documents nowhere and others have met: "seen".
 */
static const struct tiktok_code tiktok_codes[] = {
    {"invalid_param", 400, TIKTOK_FINAL, "tiktok_invalid_param", 0, INVALID_TEXT},
    {"invalid_params", 400, TIKTOK_FINAL, "tiktok_invalid_param", 0, INVALID_TEXT},
    {"invalid_file_upload", 400, TIKTOK_FINAL, "invalid_file_upload", 0, UPLOAD_TEXT},
    {"app_version_check_failed", 400, TIKTOK_FINAL, "app_version_too_old", 0, APP_VERSION_TEXT},
    {"spam_risk_too_many_posts", 403, TIKTOK_DEFER, "spam_risk_too_many_posts", DAY_SEC, TOO_MANY_TEXT},
    {"spam_risk_user_banned_from_posting", 403, TIKTOK_FINAL, "spam_risk_user_banned_from_posting", 0, BANNED_TEXT},
    /* Places become free as the user works off the inbox, so it is worth looking before the 24 hours are over. */
    {"spam_risk_too_many_pending_share", 403, TIKTOK_DEFER, "spam_risk_too_many_pending_share", 6 * HOUR_SEC,
     PENDING_TEXT},
    {"reached_active_user_cap", 403, TIKTOK_DEFER, "reached_active_user_cap", 6 * HOUR_SEC, USER_CAP_TEXT},
    {"unaudited_client_can_only_post_to_private_accounts", 403, TIKTOK_FINAL,
     "unaudited_client_can_only_post_to_private_accounts", 0, UNAUDITED_TEXT},
    {"url_ownership_unverified", 403, TIKTOK_FINAL, "url_ownership_unverified", 0, OWNERSHIP_TEXT},
    {"privacy_level_option_mismatch", 403, TIKTOK_FINAL, "privacy_level_not_offered", 0, PRIVACY_TEXT},
    {"access_token_invalid", 401, TIKTOK_REFRESH, "account_needs_reconnect", 0, RECONNECT_TEXT},
    {"access_token_expired", 401, TIKTOK_REFRESH, "account_needs_reconnect", 0, RECONNECT_TEXT}, /* seen */
    {"10001", 401, TIKTOK_REFRESH_ONCE, "tiktok_refused", 0, REFUSED_TEXT},                      /* seen */
    {"10002", 401, TIKTOK_REFRESH_ONCE, "tiktok_refused", 0, REFUSED_TEXT},                      /* seen */
    {"scope_not_authorized", 401, TIKTOK_RECONNECT, "tiktok_scope_missing", 0, SCOPE_TEXT},
    {"scope_permission_missed", 400, TIKTOK_RECONNECT, "tiktok_scope_missing", 0, SCOPE_TEXT},
    {"rate_limit_exceeded", 429, TIKTOK_RETRY, "tiktok_rate_limited", 60, RATE_TEXT}, /* a window of a minute */
    {0},
};

/*
 * Codes about a post that TikTok has, so none of them refuses an init: those of status/fetch, then fail_reason, after
 * which nothing is sent again by itself.
 */
static const struct tiktok_code tiktok_codes_of_posts[] = {
    {"invalid_publish_id", 400, TIKTOK_FINAL, "tiktok_publish_id_unknown", 0, PUBLISH_ID_TEXT},
    {"token_not_authorized_for_specified_publish_id", 400, TIKTOK_FINAL, "tiktok_publish_id_unknown", 0,
     PUBLISH_ID_TEXT},

    /* fail_reason */
    {"file_format_check_failed", 0, TIKTOK_FINAL, "file_format_check_failed", 0, FORMAT_TEXT},
    {"picture_size_check_failed", 0, TIKTOK_FINAL, "picture_size_check_failed", 0, SIZE_TEXT},
    {"duration_check_failed", 0, TIKTOK_FINAL, "duration_check_failed", 0, VIDEO_TEXT},
    {"frame_rate_check_failed", 0, TIKTOK_FINAL, "frame_rate_check_failed", 0, VIDEO_TEXT},
    {"photo_pull_failed", 0, TIKTOK_FINAL, "photo_pull_failed", 0, PULL_TEXT},
    {"video_pull_failed", 0, TIKTOK_FINAL, "photo_pull_failed", 0, PULL_TEXT},
    {"internal", 0, TIKTOK_FINAL, "tiktok_internal", 0, INTERNAL_TEXT},
    {"publish_cancelled", 0, TIKTOK_FINAL, "publish_cancelled", 0, CANCELLED_TEXT},
    {"auth_removed", 0, TIKTOK_RECONNECT, "auth_removed", 0, REMOVED_TEXT},
    {"spam_risk_text", 0, TIKTOK_FINAL, "spam_risk_text", 0, SPAM_TEXT_TEXT},
    {"spam_risk", 0, TIKTOK_FINAL, "spam_risk", 0, SPAM_TEXT},
    {"EXPIRED", 0, TIKTOK_FINAL, "tiktok_expired", 0, EXPIRED_TEXT}, /* seen: a status without a fail_reason */
    {0},
};

/*
 * An init refused with a code that is in no table, in TikTok's envelope with its log_id: by the status of HTTP. Only those
 * are here by which a server says that it has not done what it was asked for. 408, 409, 425 and 499 are not: they may come
 * when something was begun. So a code of tiktok_codes, too, refuses an init only with a status that is here. code is what
 * the account's state_reason then says.
 */
static const struct tiktok_code tiktok_unlisted[] = {
    {"tiktok_refused", 400, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"access_token_invalid", 401, TIKTOK_REFRESH, "account_needs_reconnect", 0, RECONNECT_TEXT},
    {"tiktok_refused", 403, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"tiktok_refused", 404, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"tiktok_refused", 405, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"tiktok_refused", 413, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"tiktok_refused", 415, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"tiktok_refused", 422, TIKTOK_FINAL, "tiktok_refused", 0, REFUSED_TEXT},
    {"rate_limit_exceeded", 429, TIKTOK_RETRY, "tiktok_rate_limited", 60, RATE_TEXT},
    {0},
};

/* Every failure code that a post can show: those of the tables above, then those that TikTok never says. */
static const struct tiktok_codes_failure tiktok_failures[] = {
    {"tiktok_invalid_param", false, INVALID_TEXT},
    {"invalid_file_upload", false, UPLOAD_TEXT},
    {"app_version_too_old", false, APP_VERSION_TEXT},
    {"spam_risk_too_many_posts", true, TOO_MANY_TEXT},
    {"spam_risk_user_banned_from_posting", false, BANNED_TEXT},
    {"spam_risk_too_many_pending_share", true, PENDING_TEXT},
    {"reached_active_user_cap", true, USER_CAP_TEXT},
    {"unaudited_client_can_only_post_to_private_accounts", false, UNAUDITED_TEXT},
    {"url_ownership_unverified", false, OWNERSHIP_TEXT},
    {"privacy_level_not_offered", false, PRIVACY_TEXT},
    {"unconfirmed", false,
     "TikTok had taken this post when the account was disconnected, and had not said what became of it. Look at the "
     "TikTok profile before you send it again. If you connect the account again, TikTok is asked once more."},
    {"account_needs_reconnect", false, RECONNECT_TEXT},
    {"tiktok_scope_missing", false, SCOPE_TEXT},
    {"tiktok_rate_limited", true, RATE_TEXT},
    {"tiktok_publish_id_unknown", false, PUBLISH_ID_TEXT},
    {"file_format_check_failed", false, FORMAT_TEXT},
    {"picture_size_check_failed", false, SIZE_TEXT},
    {"duration_check_failed", false, VIDEO_TEXT},
    {"frame_rate_check_failed", false, VIDEO_TEXT},
    {"photo_pull_failed", true, PULL_TEXT},
    {"tiktok_internal", true, INTERNAL_TEXT},
    {"publish_cancelled", true, CANCELLED_TEXT},
    {"auth_removed", false, REMOVED_TEXT},
    {"spam_risk_text", false, SPAM_TEXT_TEXT},
    {"spam_risk", false, SPAM_TEXT},
    {"tiktok_expired", false, EXPIRED_TEXT},
    {"tiktok_refused", false, REFUSED_TEXT},

    {"tiktok_unreachable", true, "TikTok could not be reached. Nothing was sent."},
    {"service_fault", true,
     "Something on our side kept this post from being sent, until the time of its images was over. Nothing was sent. "
     "Upload the images again."},
    {"outcome_unknown", false,
     "No clear answer came back when the post was sent, so TikTok may or may not have it. Check the TikTok profile "
     "(for "
     "a draft, the inbox) before you send it again. It is never sent a second time on its own."},
    {"confirmation_timeout", false,
     "TikTok accepted the post but did not say in time what became of it. Check the TikTok profile before you send it "
     "again. If you connect the account again, TikTok is asked once more."},
    {"canceled", true, "It was canceled before it was sent. Nothing was sent."},
    {"account_disconnected", false, "The TikTok account was disconnected before the post was sent. Nothing was sent."},
    {"user_disabled", true,
     "Your MarketingCLI account was disabled by an administrator until the time of the images was over. Nothing was "
     "sent. "
     "Upload the images again."},
    {"service_restored", false,
     "The service was restored from a backup, which may not know that this post was sent. So it waits until we have "
     "looked. If it is on "
     "the TikTok profile, cancel it here."},
    {"worker_crashed", false,
     "Sending this post crashed on our side several times, so it was given up and is not sent any more. If you write "
     "to "
     "us, send the post's id."},
    {"refused_by_owner", false, "The owner of the API key refused this post. Nothing was sent."},
    {"approval_expired", false,
     "Nobody approved this post in 23 days, for as long as its images may be kept. Nothing was sent."},
    {"not_as_approved", false,
     "This post is not what its owner approved, so it was not sent. Please write to us and send the post's id."},
    {"budget_account", false,
     "The budget of the API key that made this post was changed and no longer allows this account. Nothing was sent."},
    {"budget_privacy_level", false,
     "The budget of the API key that made this post was changed and no longer allows so many to see its posts. Nothing "
     "was sent."},
    {"budget_needs_approval", false,
     "The budget of the API key that made this post was changed: its posts need an approval, and this one had none. "
     "Nothing was sent; send the post again to have it approved."},
    {"images_gone", false, "The images were deleted before the post was sent. Upload them again."},
    {"mode_mismatch", false,
     "This post and its account are not of the same mode, live or test, so it was not sent. Create it again. If you "
     "write "
     "to us, send the post's id."},
    {0},
};
