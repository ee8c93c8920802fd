#include "http/form.h"
#include "json/json.h"
#include "tiktok/tiktok.h"

#define URL_MAX_BYTES (8u << 10)
#define FORM_MAX_BYTES (16u << 10) /* a code or token of a few KiB, encoded */
/* Answers have 1 or 2 KiB. One that cannot be recorded is read again and again, each time into the run's arena. */
#define REPLY_MAX_BYTES (32u << 10)
#define CONNECT_TIMEOUT_SEC 5
#define REVOKE_TIMEOUT_SEC 5 /* a user waits for the disconnect, which happens whatever TikTok says */

static const char tiktok_calls_form_type[] = "application/x-www-form-urlencoded";
static const char tiktok_calls_json_type[] = "application/json; charset=UTF-8";

#define TEST_API "http://simulator" /* nobody looks the name up: the call goes to a socket */
#define TEST_SECRET "none"

static bool tiktok_calls_is_test(const struct tiktok *t)
{
    return t->mode == MODE_TEST;
}

static const char *tiktok_calls_api_url(const struct tiktok *t, struct arena *arena, const char *path)
{
    struct str api = tiktok_calls_is_test(t) ? STR(TEST_API) : t->conf->tiktok_api_url;

    return arena_printf(arena, "%.*s%s", STR_FMT(api), path).p;
}

static struct str tiktok_calls_client_key(const struct tiktok *t)
{
    return tiktok_calls_is_test(t) ? STR(TIKTOK_TEST_CLIENT) : t->conf->tiktok_client_key;
}

static struct net_call tiktok_calls_call_to(const struct tiktok *t, struct arena *arena, const char *method,
                                            const char *path)
{
    int timeout_sec = (int)t->conf->tiktok_timeout_sec;

    return (struct net_call){
        .to = tiktok_calls_is_test(t) ? OUTGOING_SIMULATOR : OUTGOING_TIKTOK,
        .method = method,
        .url = tiktok_calls_api_url(t, arena, path),
        .accept = "application/json",
        .unix_socket = tiktok_calls_is_test(t) ? arena_strdup(arena, t->conf->sandbox_socket) : NULL,
        .ca_file = arena_strdup(arena, t->conf->tiktok_ca_file),
        .allow_private = t->conf->tiktok_allow_private_addresses,
        .timeout_sec = timeout_sec,
        .connect_timeout_sec = MIN(timeout_sec, CONNECT_TIMEOUT_SEC),
        .reply_max_bytes = REPLY_MAX_BYTES,
    };
}

/* A call that cannot be repeated without harm: codes and refresh tokens work once. */
static struct net_call tiktok_calls_form_call(const struct tiktok *t, struct arena *arena, const char *path,
                                              struct str form)
{
    struct net_call call = tiktok_calls_call_to(t, arena, "POST", path);

    call.body = form;
    call.content_type = tiktok_calls_form_type;
    call.fresh = true;
    return call;
}

static struct net_call tiktok_calls_json_call(const struct tiktok *t, struct arena *arena, const char *path,
                                              struct str access_token, struct str body)
{
    struct net_call call = tiktok_calls_call_to(t, arena, "POST", path);

    call.bearer = access_token;
    call.body = body;
    call.content_type = tiktok_calls_json_type;
    return call;
}

/* A form that says who we are: rest is what else is in it. */
struct tiktok_calls_signed {
    struct tiktok t;
    struct str rest;
    struct net_sign_in sign_in;
};

static struct str tiktok_calls_signed_body(const struct tiktok_calls_signed *f, struct arena *arena)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES + SECRET_RING_LINE_MAX * 3);

    form_put(&form, "client_key", tiktok_calls_client_key(&f->t));
    form_put(&form, "client_secret",
             tiktok_calls_is_test(&f->t) ? STR(TEST_SECRET) : secret_str(secret_try_now(&f->sign_in.with)));
    buf_putc(&form, '&');
    buf_putstr(&form, f->rest);
    ASSERT(!form.overflow);
    return arena_str(arena, buf_str(&form));
}

static void tiktok_calls_put_secret(const struct net_sign_in *s, struct arena *arena, struct net_call *call)
{
    call->body = tiktok_calls_signed_body(s->arg, arena);
}

/* TikTok looks at the client before anything else (RFC 6749, 3.2.1), so code or token are as good as before. */
static bool tiktok_calls_refused(struct arena *arena, const struct net_result *r)
{
    struct tiktok_error error;

    return tiktok_read_revoke(r, arena, &error) == ERR_TIKTOK_REFUSED && tiktok_is_wrong_client(error.code);
}

static struct net_call tiktok_calls_signed_call(const struct tiktok *t, struct arena *arena, const char *path,
                                                const struct buf *rest)
{
    struct tiktok_calls_signed *f = arena_alloc(arena, sizeof *f);

    ASSERT(!rest->overflow);
    *f = (struct tiktok_calls_signed){.t = *t, .rest = arena_str(arena, buf_str(rest))};
    if (!tiktok_calls_is_test(t))
        f->sign_in =
            (struct net_sign_in){secret_try_begin(t->client_secrets), tiktok_calls_refused, tiktok_calls_put_secret, f};
    struct net_call call = tiktok_calls_form_call(t, arena, path, tiktok_calls_signed_body(f, arena));
    call.sign_in = tiktok_calls_is_test(t) ? NULL : &f->sign_in;
    return call;
}

struct str tiktok_redirect_uri(const struct tiktok *t, struct arena *arena)
{
    return arena_printf(arena, "%.*s/api/v1/tiktok/callback", STR_FMT(t->conf->service_url));
}

struct str tiktok_authorize_url(const struct tiktok *t, struct arena *arena, struct str state)
{
    _cleanup_(buf_done) struct buf url = BUF_MAX(URL_MAX_BYTES);

    buf_putstr(&url, tiktok_calls_is_test(t) ? t->conf->sandbox_url : t->conf->tiktok_authorize_url);
    buf_puts(&url, "/v2/auth/authorize/?");
    form_put(&url, "client_key", tiktok_calls_client_key(t));
    form_put(&url, "response_type", STR("code"));
    form_put(&url, "scope", t->conf->tiktok_scopes);
    form_put(&url, "redirect_uri", tiktok_redirect_uri(t, arena));
    form_put(&url, "state", state);
    ASSERT(!url.overflow);
    return arena_str(arena, buf_str(&url));
}

void tiktok_exchange(const struct tiktok *t, struct arena *arena, struct str code, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    form_put(&form, "code", code);
    form_put(&form, "grant_type", STR("authorization_code"));
    form_put(&form, "redirect_uri", tiktok_redirect_uri(t, arena));
    *ret_call = tiktok_calls_signed_call(t, arena, "/v2/oauth/token/", &form);
    ret_call->timeout_sec = (int)t->conf->tiktok_interactive_timeout_sec;
}

void tiktok_refresh(const struct tiktok *t, struct arena *arena, struct str refresh_token, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    form_put(&form, "grant_type", STR("refresh_token"));
    form_put(&form, "refresh_token", refresh_token);
    *ret_call = tiktok_calls_signed_call(t, arena, "/v2/oauth/token/", &form);
}

void tiktok_revoke(const struct tiktok *t, struct arena *arena, struct str access_token, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    form_put(&form, "token", access_token);
    *ret_call = tiktok_calls_signed_call(t, arena, "/v2/oauth/revoke/", &form);
    ret_call->timeout_sec = REVOKE_TIMEOUT_SEC;
}

void tiktok_test_consent(const struct tiktok *t, struct arena *arena, const struct tiktok_test_creator *creator,
                         struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);
    struct str scopes = t->conf->tiktok_scopes, scope;

    ASSERT(tiktok_calls_is_test(t));
    form_put(&form, "client_key", tiktok_calls_client_key(t));
    form_put(&form, "response_type", STR("code"));
    form_put(&form, "scope", scopes);
    form_put(&form, "redirect_uri", tiktok_redirect_uri(t, arena));
    form_put(&form, "username", creator->username);
    form_put(&form, "post_block", creator->post_block);
    if (creator->private_account)
        form_put(&form, "private", STR("on"));
    if (creator->comment_disabled)
        form_put(&form, "comment_disabled", STR("on"));
    while (str_next(&scopes, ',', &scope))
        form_put(&form, "grant", scope);
    form_put(&form, "decision", STR("allow"));
    ASSERT(!form.overflow);
    *ret_call = tiktok_calls_form_call(t, arena, "/v2/auth/authorize/", arena_str(arena, buf_str(&form)));
    ret_call->accept = "text/html";
    ret_call->wanted[0] = "Location";
    ret_call->timeout_sec = (int)t->conf->tiktok_interactive_timeout_sec;
}

/* These three fields and no others: the privacy policy names them. */
void tiktok_user_info(const struct tiktok *t, struct arena *arena, struct str access_token, struct net_call *ret_call)
{
    *ret_call = tiktok_calls_call_to(t, arena, "GET", "/v2/user/info/?fields=open_id,display_name,avatar_url");
    ret_call->bearer = access_token;
    ret_call->timeout_sec = (int)t->conf->tiktok_interactive_timeout_sec;
}

/* Another host than the API's, which TikTok has named: it gets neither token nor key of ours. */
bool tiktok_avatar(const struct tiktok *t, struct arena *arena, struct str url, size_t max_bytes,
                   struct net_call *ret_call)
{
    struct net_call call = tiktok_calls_call_to(t, arena, "GET", "");
    struct str site = t->conf->sandbox_url;

    if (!str_starts(url, STR("https://")))
        return false;
    if (tiktok_calls_is_test(t)) { /* that of a simulator is here, whatever name it has */
        if (site.n == 0 || !str_starts(url, site) || !str_starts(str_skip(url, site.n), STR("/")))
            return false;
        call.url = tiktok_calls_api_url(t, arena, arena_strdup(arena, str_skip(url, site.n)));
    } else {
        call.url = arena_strdup(arena, url);
    }
    call.accept = "image/webp, image/jpeg, image/png";
    call.timeout_sec = (int)t->conf->tiktok_interactive_timeout_sec;
    call.reply_max_bytes = max_bytes;
    *ret_call = call;
    return true;
}

void tiktok_creator_info(const struct tiktok *t, struct arena *arena, struct str access_token,
                         struct net_call *ret_call)
{
    *ret_call = tiktok_calls_json_call(t, arena, "/v2/post/publish/creator_info/query/", access_token, STR(""));
}

void tiktok_init(const struct tiktok *t, struct arena *arena, struct str access_token, struct str payload,
                 struct net_call *ret_call)
{
    *ret_call = tiktok_calls_json_call(t, arena, "/v2/post/publish/content/init/", access_token, payload);
    ret_call->fresh = true;
}

void tiktok_status(const struct tiktok *t, struct arena *arena, struct str access_token, struct str publish_id,
                   struct net_call *ret_call)
{
    struct tiktok_status_request {
        struct str publish_id;
    } request = {publish_id};
    static const struct json_field fields[] = {
        {.name = "publish_id", JSON_STR(struct tiktok_status_request, publish_id)},
        JSON_END,
    };
    _cleanup_(buf_done) struct buf body = BUF_MAX(1024);

    json_write(&body, fields, &request);
    ASSERT(!body.overflow);
    *ret_call = tiktok_calls_json_call(t, arena, "/v2/post/publish/status/fetch/", access_token,
                                       arena_str(arena, buf_str(&body)));
}
