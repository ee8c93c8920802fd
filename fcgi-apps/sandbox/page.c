/* What people see: the page of a published post and the creators' avatars. */
#include "base/clock.h"
#include "crypto/digest.h"
#include "sandbox/sandbox.h"

#define PAGE_MAX (128u << 10) /* a description of 16 KB, five times when every character is escaped */

static void sandbox_page_put_item(struct buf *b, const char *id, const char *name, struct str value)
{
    buf_printf(b, "<dt>%s</dt><dd class=\"text\" id=\"%s\">", name, id);
    html_put(b, value);
    buf_puts(b, "</dd>\n");
}

static enum err sandbox_page_no_such_post(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX);

    html_open(&b, "Not found");
    buf_puts(&b, "<h1>There is no such public post</h1>\n");
    return answer_html(c, 404, &b);
}

static enum err sandbox_page_show(struct ctx *c, const struct sandbox_publish *p)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAGE_MAX);
    char made[TIME_TEXT_SIZE];

    time_format(p->created_at_us, made);
    html_open(&b, "Simulated TikTok post");
    buf_puts(&b, "<h1>@");
    html_put(&b, p->username);
    buf_puts(&b, "</h1>\n<dl>\n");
    sandbox_page_put_item(&b, "images", "Images", arena_printf(c->arena, "%lld", (long long)p->images_n));
    sandbox_page_put_item(&b, "title", "Title", p->title);
    sandbox_page_put_item(&b, "description", "Description", p->description);
    sandbox_page_put_item(&b, "privacy", "Who can see it", p->privacy_level);
    sandbox_page_put_item(&b, "made", "Posted", str_from(made));
    buf_puts(&b, "</dl>\n");
    return answer_html(c, 200, &b);
}

/* /@username/photo/id, for public posts only. */
static enum err sandbox_page_post_page(struct ctx *c)
{
    struct str handle = c->req.param[0];
    struct sandbox_publish p;
    int64_t id;

    if (!str_starts(handle, STR("@")) || !str_to_i64(c->req.param[1], &id) || id == 0)
        return sandbox_page_no_such_post(c);
    enum err e = sandbox_publish_by_post(c->db, c->arena, id, &p);
    if (e == ERR_NOT_FOUND)
        return sandbox_page_no_such_post(c);
    if (e != OK)
        return e;
    if (!sandbox_publish_is_public(&p) || !str_eq(str_skip(handle, 1), p.username))
        return sandbox_page_no_such_post(c);
    return sandbox_page_show(c, &p);
}

/* Drawn from the name, without looking anything up. */
static enum err sandbox_page_avatar(struct ctx *c)
{
    struct str username = c->req.param[0];
    struct sha256 h = sha256_of(username);

    if (!sandbox_username_is_valid(username))
        return sandbox_page_no_such_post(c);
    struct str svg = arena_printf(
        c->arena,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\" viewBox=\"0 0 100 100\">"
        "<rect width=\"100\" height=\"100\" fill=\"#%02x%02x%02x\"/><text x=\"50\" y=\"66\" font-size=\"48\" "
        "font-family=\"sans-serif\" text-anchor=\"middle\" fill=\"#fff\">%c</text></svg>\n",
        h.b[0] / 2, h.b[1] / 2, h.b[2] / 2, username.p[0]);
    return reply_body(&c->rep, 200, "image/svg+xml", svg);
}

const struct route page_routes[] = {
    {.method = "GET",
     .pattern = "/{handle}/photo/{post_id}",
     .handler = sandbox_page_post_page,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: page of a post"},
    {.method = "GET",
     .pattern = "/{handle}/video/{post_id}",
     .handler = sandbox_page_post_page,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: page of a post, in its other spelling"},
    {.method = "GET",
     .pattern = "/avatar/{username}",
     .handler = sandbox_page_avatar,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: avatar"},
    ROUTE_END,
};
