/* /settings/apps: where a person ends what an app may do, as in TikTok's settings. The app is told by a webhook, if it has one. */
#include "sandbox/sandbox.h"

#define PAGE_MAX (16u << 10)

bool sandbox_stands_in(const struct conf *conf)
{
    return conf->sandbox_url.n > 0 && str_eq(conf->sandbox_url, conf->tiktok_api_url);
}

struct str sandbox_hooked(const struct conf *conf, const struct sandbox_state *state)
{
    return conf->sandbox_webhooks && sandbox_stands_in(conf) && state->tiktok_secrets.n > 0 ? conf->tiktok_client_key
                                                                                            : (struct str){0};
}

static enum err settings_page(struct ctx *c, int status, const char *note)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX);

    html_open(&b, "Apps of a simulated TikTok account");
    buf_puts(&b, "<h1>Apps of a simulated TikTok account</h1>\n");
    if (note != NULL)
        buf_printf(&b, "<p class=\"note\" role=\"status\">%s</p>\n", note);
    buf_puts(&b, "<form method=\"post\" action=\"/settings/apps\">\n"
                 "<label>Username <input type=\"text\" name=\"username\" required maxlength=\"24\" "
                 "pattern=\"[a-z0-9._]{1,24}\" autocomplete=\"off\" autocapitalize=\"none\"></label>\n"
                 "<label>Client key of the app <input type=\"text\" name=\"client_key\" required maxlength=\"100\" "
                 "autocomplete=\"off\" value=\"");
    html_put(&b, c->conf->tiktok_client_key);
    buf_puts(&b, "\"></label>\n<button class=\"yes\">Remove access</button>\n</form>\n");
    return answer_html(c, status, &b);
}

static enum err settings_show(struct ctx *c)
{
    return settings_page(c, 200, NULL);
}

static enum err settings_remove(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    struct str text;

    enum err e = body_read_all(&c->req.body, c->arena, SANDBOX_FORM_MAX, &text);
    if (e == OK)
        e = form_parse(c->arena, text, f);
    if (e != OK)
        return settings_page(c, 400, "The form could not be read.");
    struct str username = form_get(f, "username"), client_key = form_get(f, "client_key");
    bool is_test = str_starts(username, STR(SANDBOX_TEST_PREFIX)) && !c->req.is_private;
    if (!sandbox_username_is_valid(username) || is_test || client_key.n == 0 || client_key.n > 100 ||
        !str_is_visible(client_key))
        return settings_page(c, 400, "That is not the name of an account, or not a client key.");
    e = sandbox_remove(c->db, c->arena, client_key, username, sandbox_hooked(c->conf, c->state));
    if (e == ERR_NOT_FOUND)
        return settings_page(c, 404, "There is no such account.");
    return e == OK ? settings_page(c, 200, "The app has no access any more.") : e;
}

const struct route settings_routes[] = {
    {.method = "GET",
     .pattern = "/settings/apps",
     .handler = settings_show,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: the page on which access is removed"},
    {.method = "POST",
     .pattern = "/settings/apps",
     .handler = settings_remove,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_FORM_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: remove an app's access"},
    ROUTE_END,
};
