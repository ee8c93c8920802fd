#include "model/post/post_digest.h"

#include "base/buf.h"

#define DIGEST_VERSION 1 /* another one for each change of what follows: then posts that wait are approved anew */
#define NUMBER_MAX_BYTES 32

static void post_digest_number(struct sha256_stream *s, int64_t n)
{
    struct buf b = BUF_MAX(NUMBER_MAX_BYTES);

    buf_printf(&b, "%lld;", (long long)n);
    sha256_stream_add(s, b.p, b.n);
    buf_done(&b);
}

/* An absent one is no empty one. */
static void post_digest_text(struct sha256_stream *s, struct str text)
{
    post_digest_number(s, text.p == NULL ? -1 : (int64_t)text.n);
    sha256_stream_add(s, text.p, text.n);
}

struct sha256 post_digest(const struct post *post, const struct post_image *images, size_t images_n)
{
    const int64_t numbers[] = {
        post->post_mode,
        post->disable_comment,
        post->auto_add_music,
        post->brand_content_toggle,
        post->brand_organic_toggle,
        post->is_aigc,
        post->photo_cover_index,
        (int64_t)images_n,
    };
    struct sha256_stream *s = sha256_stream_new();

    post_digest_number(s, DIGEST_VERSION);
    post_digest_text(s, str_of(post->account_id.b, sizeof post->account_id.b));
    post_digest_text(s, post->title);
    post_digest_text(s, post->description);
    post_digest_text(s, post->privacy_level);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        post_digest_number(s, numbers[i]);
    for (size_t i = 0; i < images_n; i++)
        post_digest_text(s, str_of(images[i].sha256.b, sizeof images[i].sha256.b));
    return sha256_stream_end(s);
}

bool post_is_as_approved(const struct post *post, const struct post_image *images, size_t images_n)
{
    struct sha256 digest = post_digest(post, images, images_n);

    return !post_is_approved(post) || memcmp(&digest, &post->approved_digest, sizeof digest) == 0;
}
