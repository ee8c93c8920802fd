/*
 * Ids: UUIDv7 (RFC 9562 5.7), 60 bits of time (milliseconds and 4096ths of one) and 62 random bits, in 16 bytes; text is 36
 * lower-case characters. All zero means "none": NULL in the database, null in JSON.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT_SIZE 37
#define UUID_NONE ((struct uuid){{0}})
/* Above every UUIDv7: where a list begins whose newest rows come first. */
#define UUID_LAST \
    ((struct uuid){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

/*
 * Above every id that this process has made before (RFC 9562 6.2, method 3), also within a millisecond, and when the clock was
 * set back by less than a minute: the posts of an account are sent in the order of their ids. Above the ceiling of that one's
 * time, too. Thread-safe. A clock that was set back by more was wrong before, and ids must not go on being so. So ids may be
 * ahead of the clock, by less than a minute: what compares them with the time allows for that, or takes uuid_made_us of the
 * newest.
 */
struct uuid uuid_new(void);
struct uuid uuid_floor(int64_t at_us); /* below every id that is made from then on: where a list of newer rows begins */
struct uuid uuid_ceiling(int64_t at_us);     /* above every id whose time is that or earlier */
int64_t uuid_made_us(const struct uuid *id); /* its time, up to the next microsecond */
bool uuid_is_none(const struct uuid *id);
bool uuid_eq(const struct uuid *a, const struct uuid *b);
int uuid_cmp(const struct uuid *a, const struct uuid *b);
void uuid_format(const struct uuid *id, char ret_text[static UUID_TEXT_SIZE]);

/* Any version, in either case. */
MUST_CHECK bool uuid_parse(struct str text, struct uuid *ret_id);

/* For one expression: uuid_text(&id).s */
struct uuid_text {
    char s[UUID_TEXT_SIZE];
};
struct uuid_text uuid_text(const struct uuid *id);
