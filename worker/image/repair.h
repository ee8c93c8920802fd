/* The repair of one image (image/image.h says what it does). Only this, load.c and the start in main.c use libvips. */
#pragma once

#include "base/buf.h"
#include "image/wire.h"

/* in_fd and out_fd are regular files; asked says what the image may take of memory, and its background. ret_why gets libvips' words for
 * the log; it may stay empty. */
MUST_CHECK enum err repair(int in_fd, int out_fd, const struct image_request *asked, struct image_report *ret_report,
                           struct buf *ret_why);
