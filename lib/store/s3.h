/*
 * A client of S3, for Cloudflare R2 and what else speaks like it: objects of one bucket, path style, each request signed
 * (sigv4.h). It blocks.
 *
 *    const struct s3 s3 = {.endpoint = "https://ID.r2.cloudflarestorage.com", .bucket = STR("images"), .region = STR("auto"), ...};
 *    const struct s3_body body = {.fd = fd, .bytes = bytes, .sha256 = digest, .content_type = "image/jpeg"};
 *    struct s3_said said;
 *    enum err e = s3_put(arena, &s3, STR("ab/cd.jpg"), &body, &said);     // OK: it is there, whole and durable
 *
 * Every call may be repeated without harm, and is: after what may pass (no connection, no whole answer, 429, 500, 502, 503, 504, a body
 * that was cut) again and again, with growing pauses, until timeout_sec are over. So a failed call may have been done, or may still
 * be: who gave up a PUT must delete the object later.
 *
 * While a key is replaced there are two: a call that the store refuses because of its key is made with the next one at once
 * (base/secret_ring.h). Presigned addresses are made with the one that the store took last.
 *
 * Errors, of all calls:
 *    ERR_NOT_FOUND     there is no such object (never: no such bucket)
 *    ERR_STORE_FULL    no room: 507, or a quota
 *    ERR_STORE         all else; said has why. What does not pass by itself, such as a wrong secret, a wrong clock or a bucket that is
 *                      not there, is among it: for the user both are the same, for the admin said is not
 *
 * Consistency: as S3 and R2 have it, what was answered is seen by the next call, whoever makes it.
 */
#pragma once

#include "base/secret_ring.h"
#include "crypto/digest.h"
#include "store/s3_xml.h"

struct s3 {
    const char *endpoint; /* "https://HOST" or "https://HOST:PORT" */
    struct str bucket;    /* it is there already */
    struct str region;    /* "auto" of R2 */
    struct str key_id;
    struct secret_ring *secrets; /* each "SECRET", of key_id, or "ID SECRET"; at least one */
    const char *ca_file;         /* NULL or "": the system's */
    bool allow_private;
    int timeout_sec; /* of a call with all its repetitions */
};                   /* all of it must outlive the struct */

/* What the store said last, for a log: no secrets. In the arena, or static. */
struct s3_said {
    int status;            /* 0: no answer came */
    struct str error;      /* "403 SignatureDoesNotMatch", or why no answer came; absent: it was done */
    struct str request_id; /* its own; absent: it named none */
    int tries;             /* at least 1 */
};

struct s3_body {
    int fd; /* read from its beginning, by pread */
    int64_t bytes;
    struct sha256 sha256; /* of it: the store refuses what does not fit */
    const char *content_type;
};

/* Names are of at most S3_KEY_MAX_BYTES, and none of their segments is "." or "..". said may be NULL. */

/* The object is no-store, for every cache on the way. */
MUST_CHECK enum err s3_put(struct arena *arena, const struct s3 *s, struct str key, const struct s3_body *body,
                           struct s3_said *said);

/* Into fd, from where it stands; what was there goes, and after an error it is empty from there on. ERR_STORE if there are more than max_bytes. */
MUST_CHECK enum err s3_get(struct arena *arena, const struct s3 *s, struct str key, int fd, size_t max_bytes,
                           int64_t *ret_bytes, struct s3_said *said);

MUST_CHECK enum err s3_head(struct arena *arena, const struct s3 *s, struct str key, int64_t *ret_bytes,
                            struct s3_said *said);

/* OK also when it is not there. */
MUST_CHECK enum err s3_delete(struct arena *arena, const struct s3 *s, struct str key, struct s3_said *said);

/* Those whose names begin with prefix, in the order of their bytes, max of them (1 to S3_LIST_MAX) at most. from: the token of the
 * listing before; absent: from the first one on. */
MUST_CHECK enum err s3_list(struct arena *arena, const struct s3 *s, struct str prefix, struct str from, int max,
                            struct s3_listing *ret_listing, struct s3_said *said);

/*
 * The same as calls that somebody else makes (net/loop.h), each one try: s3_called says what came of it. What they point to is in the
 * arena; the endpoint and the rest of s must outlive them.
 */
struct net_call;
struct net_result;

struct s3_wish {
    struct str prefix;
    struct str after; /* only names above it; absent: all. It need not be there */
    int max;          /* 1 to S3_LIST_MAX */
};

void s3_call_object(struct arena *arena, const struct s3 *s, const char *method, struct str key,
                    struct net_call *ret_call); /* "HEAD" or "DELETE" */
void s3_call_list(struct arena *arena, const struct s3 *s, const struct s3_wish *wish, struct net_call *ret_call);
MUST_CHECK enum err s3_called(struct arena *arena, const struct net_result *r, struct s3_said *said);

/*
 * What follows the endpoint in an address where anybody can GET the object for expires_sec from now_us on, without a key:
 * "/bucket/ab/cd.jpg?X-Amz-...". To be treated as a secret.
 */
struct str s3_presigned(struct arena *arena, const struct s3 *s, struct str key, int64_t now_us, int64_t expires_sec);

/* "HOST" or "HOST:PORT" of the endpoint, as the header Host has it and as it is signed. */
struct str s3_host(const struct s3 *s);
