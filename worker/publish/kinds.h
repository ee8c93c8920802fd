/* The kinds of worker@publish. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind turn_kind;    /* subject account: hands its posts to TikTok, each once */
extern const struct job_kind publish_kind; /* subject post: of older programs; makes it a turn */
extern const struct job_kind poll_kind;    /* subject post: asks TikTok what became of it */
extern const struct job_kind creator_kind; /* subject account: gets a fresh creator snapshot */
extern const struct job_kind refresh_kind; /* subject account: gets a fresh pair of tokens */
extern const struct job_kind
    removed_kind; /* subject event of TikTok: ends the connections whose grant has ended there */
extern const struct job_kind
    account_erase_kind; /* subject account: for an erasure, wipes its tokens and ends the grant */
extern const struct job_kind housekeeping_kind; /* standing: cleans up and audits every hour */
