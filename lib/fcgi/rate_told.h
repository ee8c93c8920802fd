/*
 * What nginx says of the limits on the answers that it makes by itself: maps in a file, which `marketingcli-admin nginx` writes from the
 * section rates of the configuration just before nginx starts or is reloaded (systemd/nginx.conf.in). So no number stands
 * twice; a program that runs with others than the file has says so.
 */
#pragma once

#include "base/arena.h"
#include "base/conf.h"

#define RATE_POLICY "\"%s\";q=%lld;w=%lld" /* a class, how many requests, in how many seconds */

struct str rate_told_path(struct arena *arena, const struct conf *conf);

/* What belongs into the file. */
struct str rate_told_text(struct arena *arena, const struct conf *conf);

/* Is that what the file at path has? Also true where there is none, or none that may be read: nginx of this machine uses another. */
bool rate_told_fits(const char *path, struct str text);
