/*
 * The XML of S3's answers: what is wrong, and what is in a bucket. Read by expat; nothing is believed that is not asked for here.
 *
 *    struct s3_error error;
 *    s3_read_error(arena, body, &error);              // never fails: what cannot be read says nothing
 *    struct s3_listing listing;
 *    enum err e = s3_read_listing(arena, body, &listing);
 *
 * Bounded: the caller limits the body, elements are at most 8 deep, and a text at most as long as its field allows. A document
 * with a DTD is refused, so that there are no entities but XML's own five.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define S3_LIST_MAX 1000        /* objects of one answer, as S3 has it */
#define S3_KEY_MAX_BYTES 1024   /* of an object, as S3 has it */
#define S3_TOKEN_MAX_BYTES 4096 /* of a continuation token; nobody says how long it may be */
#define S3_WORD_MAX_BYTES 100   /* of a code or a request's id; the longest code has 40 */
#define S3_MESSAGE_MAX_BYTES 500

/* Of an <Error>. What is absent was not there, was too long, or had control characters. */
struct s3_error {
    struct str code;       /* "NoSuchKey": visible ASCII alone */
    struct str message;    /* for people */
    struct str request_id; /* visible ASCII alone */
};

struct s3_object {
    struct str key;
    int64_t size_bytes;
};

/* Of a <ListBucketResult> (ListObjectsV2). In the arena. */
struct s3_listing {
    struct s3_object *v;
    size_t n;
    struct str next; /* the continuation token of the next answer; absent: this was the last one */
};

void s3_read_error(struct arena *arena, struct str body, struct s3_error *ret_error);

/*
 * ERR_STORE: no well-formed listing, more than S3_LIST_MAX objects, one without a key or a size, or more is to come and there
 * is no token.
 */
MUST_CHECK enum err s3_read_listing(struct arena *arena, struct str body, struct s3_listing *ret_listing);
