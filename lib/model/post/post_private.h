/* What the files that read posts share: a post's columns, of the table under the name p. */
#pragma once

#include "model/post/post.h"

#define POST_DB_COLS \
    DB_COL(struct post, id, UUID), DB_COL(struct post, user_id, UUID), DB_COL(struct post, account_id, UUID), \
        DB_COL(struct post, title, STR), DB_COL(struct post, description, STR), \
        DB_COL_ENUM(struct post, post_mode, post_mode_names), DB_COL(struct post, privacy_level, STR), \
        DB_COL(struct post, disable_comment, BOOL), DB_COL(struct post, auto_add_music, BOOL), \
        DB_COL(struct post, brand_content_toggle, BOOL), DB_COL(struct post, brand_organic_toggle, BOOL), \
        DB_COL(struct post, is_aigc, BOOL), DB_COL(struct post, photo_cover_index, I64), \
        DB_COL_ENUM(struct post, state, post_state_names), DB_COL(struct post, failure_code, STR), \
        DB_COL(struct post, platform_code, STR), DB_COL(struct post, platform_log_id, STR), \
        DB_COL(struct post, publish_id, STR), DB_COL(struct post, tiktok_post_ids, STR), \
        DB_COL(struct post, next_attempt_at_us, I64), DB_COL(struct post, created_at_us, I64), \
        DB_COL(struct post, accepted_at_us, I64), DB_COL(struct post, ended_at_us, I64), \
        DB_COL_ENUM(struct post, mode, mode_names), DB_COL(struct post, key_id, UUID), \
        DB_COL_FIXED(struct post, approved_digest.b)

#define POST_COLS \
    "p.id, p.user_id, p.account_id, p.title, p.description, p.post_mode, p.privacy_level, p.disable_comment, " \
    "p.auto_add_music, " \
    "p.brand_content_toggle, p.brand_organic_toggle, p.is_aigc, p.photo_cover_index, p.state, p.failure_code, " \
    "p.platform_code, p.platform_log_id, p.publish_id, p.tiktok_post_ids, p.next_attempt_at_us, p.created_at_us, " \
    "p.accepted_at_us, p.ended_at_us, p.mode, p.key_id, p.approved_digest"
