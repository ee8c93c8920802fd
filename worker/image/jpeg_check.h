/*
 * Whether a JPEG is damaged. libvips does not tell: of libjpeg's warnings it passes on the first, and with "fail_on" it
 * would refuse files of cameras and scanners that are odd but whole, too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Decodes the file again, without keeping the pixels; so only call it when there was a warning. ERR_IMAGE_CORRUPT when
 * there are pixels that had to be made up. Bytes that no pixel needs are no damage.
 */
MUST_CHECK enum err jpeg_check(const uint8_t *p, size_t n);
