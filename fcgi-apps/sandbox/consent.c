/*
 * /v2/auth/authorize/, with or without its last slash: Login Kit for Web. Instead of signing in, one types the name of a creator, which is made if it
 * is new, and chooses its settings.
 */
#include "sandbox/sandbox.h"

#define PAGE_MAX (64u << 10)
#define REDIRECT_URI_MAX 511
#define STATE_MAX 2000

struct authorize {
    struct str client_key, scope, response_type, redirect_uri, state;
};

static const struct {
    const char *code, *what;
} consent_blocks[] = {
    {"", "can post"},
    {"spam_risk_too_many_posts", "has posted too much today"},
    {"spam_risk_user_banned_from_posting", "is banned from posting"},
    {"reached_active_user_cap", "is beyond the app's daily number of users"},
};

static bool consent_scopes_are_known(struct str list)
{
    struct str scope;

    while (str_next(&list, ',', &scope)) {
        const struct scope *s = scopes;
        while (s->name != NULL && !str_eqc(scope, s->name))
            s++;
        if (s->name == NULL)
            return false;
    }
    return true;
}

static bool consent_no_client_key(const struct ctx *c, const struct authorize *a)
{
    (void)c;
    return a->client_key.n < 1 || a->client_key.n > 100 || !str_is_visible(a->client_key);
}

/* Every address of our own service counts as registered, and no other: the page must not send people anywhere else. */
static bool consent_bad_redirect_uri(const struct ctx *c, const struct authorize *a)
{
    struct str uri = a->redirect_uri, service = c->conf->service_url;

    if (uri.n > REDIRECT_URI_MAX || !str_is_visible(uri) || !str_starts(uri, service))
        return true;
    struct str path = str_skip(uri, service.n);
    return path.n == 0 || path.p[0] != '/' || memchr(path.p, '?', path.n) != NULL ||
           memchr(path.p, '#', path.n) != NULL;
}

static bool consent_bad_response_type(const struct ctx *c, const struct authorize *a)
{
    (void)c;
    return !str_eqc(a->response_type, "code");
}

static bool consent_bad_scope(const struct ctx *c, const struct authorize *a)
{
    (void)c;
    return a->scope.n == 0 || a->scope.n > 300 || !consent_scopes_are_known(a->scope);
}

/* It may be left out: Auth.js does, which has PKCE instead, and its users sign in. */
static bool consent_long_state(const struct ctx *c, const struct authorize *a)
{
    (void)c;
    return a->state.n > STATE_MAX;
}

static const struct {
    bool (*broken)(const struct ctx *c, const struct authorize *a);
    const char *what;
} consent_checks[] = {
    {consent_no_client_key, "client_key is missing or not one."},
    {consent_bad_redirect_uri,
     "redirect_uri is not registered: it is an https address of the service, without ? and #."},
    {consent_bad_response_type, "unsupported_response_type: response_type is code."},
    {consent_bad_scope, "invalid_scope: scope is a list of known scopes with commas between them."},
    {consent_long_state, "state is too long."},
};

static const char *consent_authorize_read(const struct ctx *c, const struct form *f, struct authorize *ret)
{
    *ret = (struct authorize){
        .client_key = form_get(f, "client_key"),
        .scope = form_get(f, "scope"),
        .response_type = form_get(f, "response_type"),
        .redirect_uri = form_get(f, "redirect_uri"),
        .state = form_get(f, "state"),
    };
    for (size_t i = 0; i < ARRAY_LEN(consent_checks); i++)
        if (consent_checks[i].broken(c, ret))
            return consent_checks[i].what;
    return NULL;
}

static enum err consent_refuse_page(struct ctx *c, const char *why)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX);

    html_open(&b, "Something went wrong");
    buf_puts(&b, "<h1>Something went wrong</h1><p class=\"error\">");
    html_put(&b, str_from(why));
    buf_puts(&b, "</p>\n");
    return answer_html(c, 400, &b);
}

static void consent_put_hidden(struct buf *b, const char *name, struct str value)
{
    buf_printf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    html_put(b, value);
    buf_puts(b, "\">\n");
}

static void consent_put_scopes(struct buf *b, struct str requested)
{
    for (const struct scope *s = scopes; s->name != NULL; s++)
        if (str_list_has(requested, ',', str_from(s->name)))
            buf_printf(b,
                       "<label><input type=\"checkbox\" name=\"grant\" value=\"%s\" checked> %s "
                       "<small>(%s)</small></label>\n",
                       s->name, s->what, s->name);
}

static enum err consent_form_page(struct ctx *c, int status, const struct authorize *a, struct str username,
                                  const char *error)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX);

    html_open(&b, "Connect a simulated TikTok account");
    buf_puts(&b, "<h1>");
    html_put(&b, a->client_key);
    buf_puts(&b, " wants to use your simulated TikTok account</h1>\n");
    if (error != NULL)
        buf_printf(&b, "<p class=\"error\" role=\"alert\">%s</p>\n", error);
    buf_puts(&b, "<form method=\"post\" action=\"/v2/auth/authorize/\">\n");
    consent_put_hidden(&b, "client_key", a->client_key);
    consent_put_hidden(&b, "scope", a->scope);
    consent_put_hidden(&b, "response_type", a->response_type);
    consent_put_hidden(&b, "redirect_uri", a->redirect_uri);
    consent_put_hidden(&b, "state", a->state);
    buf_puts(&b, "<label>Username <input type=\"text\" name=\"username\" required maxlength=\"24\" "
                 "pattern=\"[a-z0-9._]{1,24}\" autocomplete=\"off\" autocapitalize=\"none\" value=\"");
    html_put(&b, username);
    buf_puts(&b, "\"></label>\n<p class=\"note\">1 to 24 of a-z 0-9 . _; the account is made when it is new.</p>\n"
                 "<label><input type=\"checkbox\" name=\"private\"> The account is private</label>\n"
                 "<label><input type=\"checkbox\" name=\"comment_disabled\"> Nobody may comment</label>\n"
                 "<label>The account <select name=\"post_block\">");
    for (size_t i = 0; i < ARRAY_LEN(consent_blocks); i++)
        buf_printf(&b, "<option value=\"%s\">%s</option>", consent_blocks[i].code, consent_blocks[i].what);
    buf_puts(&b, "</select></label>\n<p>What the app may do:</p>\n");
    consent_put_scopes(&b, a->scope);
    buf_puts(&b, "<button class=\"yes\" name=\"decision\" value=\"allow\">Allow</button>"
                 "<button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>\n</form>\n");
    return answer_html(c, status, &b);
}

static enum err consent_authorize_show(struct ctx *c)
{
    struct authorize a;
    const char *wrong = consent_authorize_read(c, &c->req.query, &a);

    return wrong != NULL ? consent_refuse_page(c, wrong) : consent_form_page(c, 200, &a, STR(""), NULL);
}

static enum err consent_back(struct ctx *c, const struct authorize *a, const char *first, struct str first_value,
                             const char *second, struct str second_value)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(16u << 10);

    buf_putstr(&b, a->redirect_uri);
    buf_putc(&b, '?');
    form_put(&b, first, first_value);
    form_put(&b, second, second_value);
    if (a->state.n > 0)
        form_put(&b, "state", a->state);
    if (b.overflow)
        return ERR_INTERNAL;
    return reply_redirect(&c->rep, buf_str(&b));
}

/* Those of the requested scopes that were ticked, in the order of the request. */
static struct str consent_granted(struct ctx *c, const struct form *f, struct str requested)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(512);
    struct str scope;

    while (str_next(&requested, ',', &scope)) {
        for (size_t i = 0; i < f->n; i++)
            if (str_eqc(f->v[i].name, "grant") && str_eq(f->v[i].value, scope) &&
                !str_list_has(buf_str(&b), ',', scope)) {
                buf_puts(&b, b.n > 0 ? "," : "");
                buf_putstr(&b, scope);
            }
    }
    return arena_str(c->arena, buf_str(&b));
}

static bool consent_block_of(struct str given, struct str *ret_code)
{
    *ret_code = (struct str){0};
    for (size_t i = 0; i < ARRAY_LEN(consent_blocks); i++) {
        if (given.n > 0 && str_eqc(given, consent_blocks[i].code))
            *ret_code = given;
        if (given.n == 0 || str_eqc(given, consent_blocks[i].code))
            return true;
    }
    return false;
}

static enum err consent_decide(struct ctx *c, const struct form *f, const struct authorize *a)
{
    struct sandbox_consent consent = {
        .client_key = a->client_key,
        .redirect_uri = a->redirect_uri,
        .username = form_get(f, "username"),
        .scopes = consent_granted(c, f, a->scope),
        .private_account = form_get(f, "private").n > 0,
        .comment_disabled = form_get(f, "comment_disabled").n > 0,
    };
    struct str decision = form_get(f, "decision"), code;

    if (str_eqc(decision, "deny") || consent.scopes.n == 0)
        return consent_back(c, a, "error", STR("access_denied"), "error_description",
                            STR("The user denied the request."));
    if (!str_eqc(decision, "allow"))
        return consent_form_page(c, 400, a, consent.username, "Choose Allow or Deny.");
    if (!sandbox_username_is_valid(consent.username))
        return consent_form_page(c, 400, a, consent.username, "A username is 1 to 24 of a-z 0-9 . _");
    if (str_starts(consent.username, STR(SANDBOX_TEST_PREFIX)) && !c->req.is_private)
        return consent_form_page(c, 400, a, consent.username,
                                 "Such names are given to test accounts, and to no others.");
    if (!consent_block_of(form_get(f, "post_block"), &consent.post_block))
        return consent_form_page(c, 400, a, consent.username, "That is not one of the choices.");
    enum err e = sandbox_consent(c->db, c->arena, &consent, &code);
    return e != OK ? e : consent_back(c, a, "code", code, "scopes", consent.scopes);
}

static enum err consent_authorize_decide(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    struct authorize a;
    struct str text;

    enum err e = body_read_all(&c->req.body, c->arena, SANDBOX_FORM_MAX, &text);
    if (e == OK)
        e = form_parse(c->arena, text, f);
    if (e != OK)
        return consent_refuse_page(c, "The form could not be read.");
    const char *wrong = consent_authorize_read(c, f, &a);
    return wrong != NULL ? consent_refuse_page(c, wrong) : consent_decide(c, f, &a);
}

const struct route consent_routes[] = {
    {.method = "GET",
     .pattern = "/v2/auth/authorize/",
     .handler = consent_authorize_show,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: the consent page"},
    /* seen: arctic, Auth.js and better-auth send people here */
    {.method = "GET",
     .pattern = "/v2/auth/authorize",
     .handler = consent_authorize_show,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: the consent page, by its other address"},
    {.method = "POST",
     .pattern = "/v2/auth/authorize/",
     .handler = consent_authorize_decide,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_FORM_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: allow or deny"},
    ROUTE_END,
};
