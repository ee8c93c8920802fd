/*
 * The configuration: one INI file, described by one table (conf.def), read once at start.
 *
 *    _cleanup_(conf_done) struct conf conf;
 *    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
 *    if (conf_load(&conf, conf_path(), &why) != OK) { say(why); exit(78); }
 *
 * An unknown section or key, a value that does not parse or is out of range, or a missing one stops the start with a
 * sentence that names it. Secrets are not here: they are files of the credentials directory (base/secret.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct conf {
#define CONF_TYPE_STR struct str
#define CONF_TYPE_URL struct str
#define CONF_TYPE_INT int64_t
#define CONF_TYPE_BOOL bool
#define CONF(section, key, type, def, min, max, unit, help) CONF_TYPE_##type section##_##key;
#include "base/conf.def"
#undef CONF
};

#define CONF_DEFAULT_PATH "/etc/marketingcli/marketingcli.conf"

const char *conf_path(void); /* $MARKETINGCLI_CONF or the default path */

/* On failure ret_why holds the sentence and conf holds nothing. Strings of conf live until conf_done. */
MUST_CHECK enum err conf_load(struct conf *conf, const char *path, struct buf *ret_why);
void conf_done(struct conf *conf);

/* The table as a commented sample file: what `marketingcli-admin config` prints and meson installs. */
void conf_document(struct buf *b);
