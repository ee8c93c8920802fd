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

enum registration_mode { REGISTRATION_OPEN, REGISTRATION_INVITATION, REGISTRATION_CLOSED };
extern const char *const registration_mode_names[]; /* "open" ...; NULL ends them */
enum store_kind { STORE_DIRECTORY, STORE_S3 };
extern const char *const store_kind_names[]; /* "directory", "s3"; NULL ends them */
extern const char *const smtp_tls_names[];   /* "none", "starttls", "tls"; NULL ends them */

struct plans;

struct conf {
#define CONF_STR(section, key, ...) struct str section##_##key;
#define CONF_URL(section, key, ...) struct str section##_##key;
#define CONF_URL_OR_NONE(section, key, ...) struct str section##_##key;
#define CONF_INT(section, key, ...) int64_t section##_##key;
#define CONF_BOOL(section, key, ...) bool section##_##key;
#define CONF_ENUM(section, key, ...) int section##_##key;
#include "base/conf.def"
    const struct plans *plans; /* base/plans.h; plans_load sets it, and conf_done frees it */
};

enum conf_type { CONF_TYPE_STR, CONF_TYPE_URL, CONF_TYPE_INT, CONF_TYPE_BOOL, CONF_TYPE_ENUM };

struct conf_row {
    const char *section, *key, *def, *help; /* def: as a file would say it; NULL: the key must be given */
    enum conf_type type;
    int64_t min, max;         /* STR and URL: bytes */
    const char *unit;         /* INT */
    const char *const *names; /* ENUM; NULL ends them */
    size_t offset;
};

extern const struct conf_row conf_rows[]; /* conf.def; a section of NULL ends it */

#define CONF_DEFAULT_PATH "/etc/marketingcli/marketingcli.conf"

const char *conf_path(void); /* $MARKETINGCLI_CONF or the default path */

/* On failure ret_why holds the sentence, and conf holds nothing. The strings of conf live until conf_done. */
MUST_CHECK enum err conf_load(struct conf *conf, const char *path, struct buf *ret_why);
void conf_done(struct conf *conf);

/* The table as a commented sample file: what `marketingcli-admin config` prints and meson installs. */
void conf_document(struct buf *b);
void conf_put_accepted(struct buf *b, const struct conf_row *row); /* "a number from 1 to 64 (threads)" */
