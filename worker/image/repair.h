/* The repair of one image (image/image.h says what it does). Only this, load.c and the start in main.c use libvips. */
#pragma once

#include "base/buf.h"
#include "image/image.h"

/* in_fd and out_fd are regular files; need_bytes is what the image may take of memory. ret_why gets libvips' words for
 * the log; it may stay empty. */
MUST_CHECK enum err repair(int in_fd, int out_fd, uint64_t need_bytes, struct image_report *ret_report,
                           struct buf *ret_why);
