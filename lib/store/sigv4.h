/*
 * AWS Signature Version 4, as S3 and what speaks like it want it (Cloudflare R2, OpenStack Swift): of headers, and of
 * presigned URLs. Nothing here does I/O or reads the clock. Source: "Authenticating Requests (AWS Signature Version 4)" in the
 * Amazon S3 API Reference, whose examples are the tests.
 *
 *    const struct sigv4_key key = {.id = id, .secret = secret, .region = STR("auto"), .service = STR("s3")};
 *    const struct sigv4_pair headers[] = {{STR("host"), host}, {STR("x-amz-content-sha256"), digest}, {STR("x-amz-date"), date.s}};
 *    const struct sigv4_request r = {.method = STR("GET"), .path = STR("/bucket/a b"), .headers = headers, .n_headers = 3,
 *                                    .payload = digest, .at_us = now};
 *    struct str authorization = sigv4_authorization(arena, &key, &r);
 *    struct str target = sigv4_target(arena, &r);     // "/bucket/a%20b": what the request line must have
 *
 * Names, values and paths are given as they are, and encoded here, once: the request must be sent with the target that
 * comes from here, byte for byte. S3 alone does so; other services of AWS have their paths encoded twice.
 *
 * Why not libcurl's CURLOPT_AWS_SIGV4: that of Debian 12 (7.88) leaves out x-amz-content-sha256, does not sort the query
 * and cannot presign.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"

#define SIGV4_UNSIGNED \
    STR("UNSIGNED-PAYLOAD") /* instead of a digest: the body is not signed. For presigned URLs, and over TLS alone */
#define SIGV4_PAIRS_MAX 16  /* headers, or items of a query with the six of a presigned URL */
#define SIGV4_EXPIRES_MAX_SEC 604800 /* of a presigned URL: seven days */

struct sigv4_key {
    struct str id, secret; /* as whoever runs the store gave them; neither is copied nor kept */
    struct str region;     /* "auto" of R2 */
    struct str service;    /* "s3" */
};

struct sigv4_pair {
    struct str name, value; /* not encoded. A header's name is in lower case */
};

struct sigv4_request {
    struct str method;                /* "GET" */
    struct str path;                  /* from the slash on: "/bucket/key" */
    const struct sigv4_pair *query;   /* in any order; an empty value is "name=" */
    size_t n_query;                   /* all of them together with the presigned ones: SIGV4_PAIRS_MAX */
    const struct sigv4_pair *headers; /* those that are signed, each name once, in any order; host must be among them */
    size_t n_headers;
    struct str payload; /* SHA-256 of the body in lower case hex, or SIGV4_UNSIGNED */
    int64_t at_us;      /* clock_now_us: servers refuse a clock that is 15 minutes off */
};

#define SIGV4_DATE_SIZE 17 /* "20130524T000000Z" and the NUL */
struct sigv4_date {
    char s[SIGV4_DATE_SIZE];
};

/* The time as the header x-amz-date has it, which must say the same as at_us. */
struct sigv4_date sigv4_date(int64_t at_us);

/* The value of the header Authorization. */
struct str sigv4_authorization(struct arena *arena, const struct sigv4_key *key, const struct sigv4_request *r);

/* What the request line has: the path, and if there is a query "?" and its items, sorted. */
struct str sigv4_target(struct arena *arena, const struct sigv4_request *r);

/*
 * A target with the signature in its query, by which anybody can make the request for expires_sec (1 to SIGV4_EXPIRES_MAX_SEC)
 * from at_us on: to be treated as a secret. payload is SIGV4_UNSIGNED then; headers are those that the request will have, and
 * host should be the only one. The query's names must not begin with X-Amz-.
 */
struct str sigv4_presigned(struct arena *arena, const struct sigv4_key *key, const struct sigv4_request *r,
                           int64_t expires_sec);
