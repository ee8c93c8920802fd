#include "sandbox/sandbox.h"

static const char sandbox_html_style[] =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:34rem;padding:0 1rem;color:#161823;"
    "background:#fafafa}main{background:#fff;border:1px solid #ddd;border-radius:12px;padding:1.5rem}"
    "h1{font-size:1.3rem;margin-top:0}label{display:block;margin:.5rem 0}input[type=text],select{font:inherit;"
    "padding:.4rem;width:100%;box-sizing:border-box}button{font:inherit;padding:.5rem 1.2rem;border-radius:8px;"
    "border:1px solid #888;background:#fff;margin:.5rem .5rem 0 0;cursor:pointer}button.yes{background:#161823;"
    "color:#fff}p.note{color:#666;font-size:.85rem}.error{color:#b00020}.text{white-space:pre-wrap;"
    "overflow-wrap:anywhere}dt{color:#666;font-size:.85rem}dd{margin:0 0 .6rem}";

void html_put(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '&':
            buf_puts(b, "&amp;");
            break;
        case '<':
            buf_puts(b, "&lt;");
            break;
        case '>':
            buf_puts(b, "&gt;");
            break;
        case '"':
            buf_puts(b, "&quot;");
            break;
        case '\'':
            buf_puts(b, "&#39;");
            break;
        default:
            buf_putc(b, text.p[i]);
        }
    }
}

void html_open(struct buf *b, const char *title)
{
    buf_puts(
        b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\"><title>");
    html_put(b, str_from(title));
    buf_puts(b, "</title><style>");
    buf_puts(b, sandbox_html_style);
    buf_puts(b, "</style></head><body><main>\n");
}

enum err answer_html(struct ctx *c, int status, struct buf *page)
{
    buf_puts(
        page,
        "<p class=\"note\">This is a simulator. Nothing here reaches TikTok or Stripe.</p>\n</main></body></html>\n");
    if (page->overflow)
        return ERR_INTERNAL;
    return reply_body(&c->rep, status, "text/html; charset=utf-8", buf_str(page));
}
