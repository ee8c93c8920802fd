/*
 * The digest of what a post says: of all that is handed to TikTok for it. Its owner approves a post by this digest, and the
 * worker compares it with what it is about to send, so what was approved is what is sent.
 *
 * It covers the account, the texts, the options and the images with their order, by their own digests; not what becomes of the
 * post. SHA-256 of these, each with its length, so that no two posts that differ have the same text.
 */
#pragma once

#include "crypto/digest.h"
#include "model/post/post.h"

struct sha256 post_digest(const struct post *post, const struct post_image *images, size_t images_n);

/* Whether nobody was asked, or this is what they approved. */
bool post_is_as_approved(const struct post *post, const struct post_image *images, size_t images_n);
