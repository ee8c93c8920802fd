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

/* A head and shoulders, 48 x 48 pixels of two colours: as TikTok's, it is none of the formats that can hold a script. */
static const uint8_t sandbox_page_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x30, 0x00, 0x00, 0x00, 0x30, 0x01, 0x03, 0x00, 0x00, 0x00, 0x6d, 0xcc, 0x6b, 0xc4, 0x00, 0x00, 0x00, 0x06, 0x50,
    0x4c, 0x54, 0x45, 0x5b, 0x6e, 0x8c, 0xff, 0xff, 0xff, 0x42, 0x1d, 0xa7, 0x46, 0x00, 0x00, 0x00, 0x5f, 0x49, 0x44,
    0x41, 0x54, 0x78, 0xda, 0xa5, 0xcd, 0x31, 0x0e, 0x80, 0x20, 0x0c, 0x85, 0x61, 0x08, 0x83, 0xa3, 0x47, 0xf0, 0x28,
    0x1c, 0x0d, 0x8e, 0xc6, 0x51, 0x3c, 0x82, 0xa3, 0x83, 0xe1, 0xd7, 0x96, 0x1a, 0x12, 0x62, 0x1c, 0xb4, 0x43, 0xbf,
    0xa5, 0x7d, 0xcf, 0xb9, 0xcf, 0x33, 0xad, 0xca, 0xb2, 0x2b, 0xf1, 0x50, 0x52, 0x55, 0x40, 0xb6, 0x87, 0xfc, 0x03,
    0x4b, 0xb9, 0x33, 0xad, 0xc1, 0xfa, 0xac, 0xfd, 0x6d, 0xec, 0xa1, 0xa5, 0x04, 0x28, 0x17, 0x33, 0x6c, 0x12, 0x02,
    0x12, 0x13, 0x41, 0x6e, 0x12, 0xd4, 0x0e, 0xe8, 0x47, 0xc3, 0x0b, 0x79, 0x20, 0x08, 0xe5, 0x91, 0x13, 0x31, 0xd7,
    0x62, 0x86, 0xb8, 0x12, 0x89, 0x3b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

/* The same for everybody, without looking anything up. */
static enum err sandbox_page_avatar(struct ctx *c)
{
    if (!sandbox_username_is_valid(c->req.param[0]))
        return sandbox_page_no_such_post(c);
    return reply_body(&c->rep, 200, "image/png", str_of((const char *)sandbox_page_png, sizeof sandbox_page_png));
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
