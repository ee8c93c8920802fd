#include "tiktok/clean.h"

#include "base/text.h"

#define PRIVACY_OPTIONS_MAX_BYTES 300
#define POST_IDS_MAX_BYTES 500

struct str clean_word(struct str s, size_t max_bytes)
{
    return s.n > 0 && s.n <= max_bytes && str_is_visible(s) ? s : (struct str){0};
}

struct str clean_line(struct str s, size_t max_units)
{
    if (s.n == 0 || !text_is_utf8(s) || !text_is_printable(s, false))
        return (struct str){0};
    return text_utf16_head(s, max_units);
}

static bool tiktok_clean_is_level(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < 'A' || s.p[i] > 'Z') && s.p[i] != '_')
            return false;
    return s.n > 0;
}

struct str clean_levels(struct arena *arena, const struct strs *levels)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PRIVACY_OPTIONS_MAX_BYTES);

    for (size_t i = 0; i < levels->n; i++) {
        if (!tiktok_clean_is_level(levels->v[i]) || b.n + 1 + levels->v[i].n > PRIVACY_OPTIONS_MAX_BYTES)
            continue;
        if (b.n > 0)
            buf_putc(&b, ',');
        buf_putstr(&b, levels->v[i]);
    }
    return arena_str(arena, buf_str(&b));
}

struct str clean_ids(struct arena *arena, struct str json)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(POST_IDS_MAX_BYTES);

    for (size_t i = 0; i < json.n;) {
        size_t end = i;
        while (end < json.n && json.p[end] >= '0' && json.p[end] <= '9')
            end++;
        if (end > i && b.n + 1 + (end - i) <= POST_IDS_MAX_BYTES) {
            if (b.n > 0)
                buf_putc(&b, ',');
            buf_put(&b, json.p + i, end - i);
        }
        i = MAX(end, i + 1);
    }
    return b.n > 0 ? arena_str(arena, buf_str(&b)) : (struct str){0};
}
