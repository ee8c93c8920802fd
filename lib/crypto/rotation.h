/*
 * What a rotation of a credential (marketingcli-admin credentials rotate) does to a file of lines, and what it notes of itself: text
 * alone, so that each step gives the same when it is done again.
 *
 *    _cleanup_(buf_done) struct buf b = BUF_MAX(ROTATION_FILE_BYTES);
 *    lines_first(file, STR("new"), &b);    "old\n" becomes "new\nold\n", and so does "new\nold\n"
 *
 * A line that is left stays as it is, and ends with a newline; empty ones go.
 */
#pragma once

#include "base/buf.h"
#include "base/secret_ring.h"
#include "base/str.h"

#define ROTATION_FILE_BYTES (64u << 10)              /* as base/secret.h reads one */
#define ROTATION_LINE_MAX_BYTES SECRET_RING_LINE_MAX /* or no program would start with it */

void lines_first(struct str text, struct str line, struct buf *b);   /* line on top, once */
void lines_last(struct str text, struct str line, struct buf *b);    /* line at the end, once */
void lines_without(struct str text, struct str line, struct buf *b); /* all others */
bool lines_have(struct str text, struct str line);
size_t lines_count(struct str text); /* without empty ones */

/* May it be a line: not empty, without blanks at its ends and without control characters? */
bool rotation_line_is_fine(struct str line);

/* The number of the next key of a ring (crypto/keyring.h): after the current one's, 1 after 255, and none that is in use. 0: there is no
 * ring, or no number is free. */
int rotation_next_id(struct str ring);

/* What stands in a rotation's file while it is under way. */
struct rotation_state {
    int64_t begun_us;
    int64_t course, step; /* what is done next: the course's number in the credential's row, and the place in it */
    struct str of;        /* one service alone; absent: all that have it */
    struct str line;      /* the new secret; absent: each holder has one of its own */
};
void rotation_state_put(const struct rotation_state *s, struct buf *b);
MUST_CHECK bool rotation_state_parse(struct str text, struct rotation_state *ret); /* its texts are parts of text */
