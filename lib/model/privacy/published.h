/*
 * The versions of the privacy policy and of the terms, which `marketingcli-admin policy publish` publishes together. A version never
 * changes: its words are two files below policy.dir, and its row has their digests.
 *
 *    e = published_in_force(db, arena, clock_now_us(), &version);    // ERR_NOT_FOUND: none is yet
 *
 * What is in force is the version that came into effect last. Before the first one does, nothing is: then no program objects to
 * any recipient, and registering asks for what the configuration says (terms.version, policy.version).
 */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "db/db.h"

#define PUBLISHED_VERSION_MAX_BYTES 32
#define PUBLISHED_NOTICE_US (14 * US_PER_DAY) /* between the mails about a material change and the change */
#define PUBLISHED_LIST_MAX 100

struct published {
    struct str version, recipients; /* "tiktok=open.tiktokapis.com stripe=api.stripe.com" */
    int64_t effective_at_us, published_at_us;
    bool material;
    uint8_t privacy_sha256[32], terms_sha256[32];
};

/* A name of a file, and a part of an address: letters, digits, dots and hyphens, and no dot first. */
bool published_is_version(struct str version);

/* The file's path below policy.dir, and below nginx's /internal/policy/. */
struct str published_privacy_file(struct arena *arena, struct str version);
struct str published_terms_file(struct arena *arena, struct str version);

MUST_CHECK enum err published_in_force(struct db *db, struct arena *arena, int64_t now_us, struct published *ret);
MUST_CHECK enum err published_find(struct db *db, struct arena *arena, struct str version, struct published *ret);
/* All of them, the newest first: by effect, then by publication. */
MUST_CHECK enum err published_list(struct db *db, struct arena *arena, struct published **ret_v, size_t *ret_n);

/*
 * Which terms and which policy somebody accepts now: those in force, or, before any are, those that the configuration knows of.
 * Empty: there are none.
 */
struct published_accepted {
    struct str terms, policy;
};
MUST_CHECK enum err published_accepted(struct db *db, struct arena *arena, const struct conf *conf,
                                       struct published_accepted *ret);

/* With a notice_id, also the notice and its job: users are told from then on (policy_notice.h). ERR_DB_DUPLICATE: it is there. */
MUST_CHECK enum err published_add(struct db *db, const struct published *p, const struct uuid *notice_id);

/* The recipients that the configuration has now, as a version's row has them. */
struct str published_recipients(struct arena *arena, const struct conf *conf);

/* The first recipient of the list that is not in the other one; absent: there is none. */
struct str published_unknown_recipient(struct str list, struct str of);

/*
 * Whether a program may work with this configuration: ERR_CONFLICT, and a sentence in why, if it has a recipient that the policy in
 * force does not name. ERR_NOT_FOUND: no policy is in force.
 */
MUST_CHECK enum err published_fit(struct db *db, struct arena *arena, const struct conf *conf, struct buf *why);

/*
 * The same for a program that starts and for one that runs: a version comes into force while it does, and the database may have been away
 * when it started. Ask as often as you like: it looks once a minute, and until it has an answer with each call. looked_at_us: 0 first.
 * False: the program must end, why says the reason, and it will not start again before that is mended.
 */
bool published_fits_still(struct db *db, const struct conf *conf, int64_t *looked_at_us, struct buf *why);
