/*
 * What TikTok's answer about a post (tiktok_read_status) does to it. The poll and the disconnect both ask, and read the
 * answer in this one way.
 *
 *    struct post_told told = post_told(&post, &status, request_id);
 *    if (told.is_news)
 *        e = post_move(db, arena, conf, &post.id, &told.move);
 */
#pragma once

#include "model/post/post.h"
#include "tiktok/tiktok.h"

struct post_told {
    bool is_news;                   /* move says what to write */
    struct post_move move;          /* its strings are the status's */
    bool more;                      /* TikTok may tell more later: an end, or the ids of a post that is published */
    const struct tiktok_code *code; /* of the failure that the move writes; NULL: none, or in no table */
};

/* post as it is now: an answer that comes twice is news once. */
struct post_told post_told(const struct post *post, const struct tiktok_status *status, struct str request_id);

/* Is there something to ask TikTok about? */
bool post_is_open(const struct post *post);
