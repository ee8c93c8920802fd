/* What the publish kind shares with the creator kind: a fresh creator snapshot of an account. */
#pragma once

#include "jobs/kind.h"

/* Keeps what creator info answered. With a post_block TikTok may leave the rest out; then that of the old snapshot stays. */
MUST_CHECK enum err creator_keep(struct job_run *run, const struct uuid *account_id, const struct tiktok_creator *c);
