/*
 * Whether all scans of a JPEG are there. A decoder cannot tell: a progressive file that was cut between two scans is a
 * blurred picture to it, and no warning says so.
 *
 *    if (!image_scans_are_all_there(p, n))
 *        return ERR_IMAGE_CORRUPT;
 *
 * Nothing is decoded: the headers of frame and scans tell which bits of which coefficients were sent (T.81 B.2.3, G.1). A file
 * is whole when each component has had its scan and, if it is progressive, all 64 coefficients down to their last bit. The
 * standard would let an encoder leave out coefficients that are all zero; those in use (libjpeg and its kin, Photoshop) send
 * them, and a file without them cannot be told from one that was cut.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False also when there is no frame. What comes after the end marker is not looked at. */
bool image_scans_are_all_there(const uint8_t *p, size_t n);
