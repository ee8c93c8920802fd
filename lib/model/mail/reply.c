#include "model/mail/reply.h"

#include "base/buf.h"
#include "base/text.h"
#include "model/mail/sending.h"

#define ADDRESS "(address)"

/* Of what could be an address: up to what surrounds one in a reply. 0: it begins with such a character. */
static size_t reply_word_bytes(struct str s)
{
    size_t n = 0;

    while (n < s.n && strchr(" \t<>()[],;:\"'", s.p[n]) == NULL)
        n++;
    return n;
}

struct str mail_reply(struct arena *arena, struct str said)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(said.n * strlen(ADDRESS) + 1);

    if (said.p == NULL)
        return said;
    if (!text_is_utf8(said))
        return STR("(not in UTF-8)");
    for (size_t n; said.n > 0; said = str_skip(said, n)) {
        n = MAX(reply_word_bytes(said), (size_t)1);
        if (memchr(said.p, '@', n) != NULL)
            buf_puts(&b, ADDRESS);
        else
            buf_put(&b, said.p, n);
    }
    ASSERT(!b.overflow);
    return text_utf16_head(arena_str(arena, buf_str(&b)), MAIL_REPLY_CHARS);
}
