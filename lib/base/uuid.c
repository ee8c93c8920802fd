#include "base/uuid.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/rand.h"

#define UUID_BACK_MAX_US (60 * US_PER_SEC)
#define UUID_TICKS_PER_MS 4096 /* 12 bits */
/* From one id to the next, nearly two microseconds: uuid_ceiling of the time of the one before is up to five ticks above it, because
 * that time is told in whole microseconds. */
#define UUID_STEP 8

static const int uuid_dash_after[] = {4, 6, 8, 10};

static void uuid_set_ms(struct uuid *id, uint64_t ms)
{
    for (int i = 0; i < 6; i++)
        id->b[i] = (uint8_t)(ms >> (8 * (5 - i)));
}

struct uuid uuid_floor(int64_t at_us)
{
    struct uuid id = UUID_NONE;

    ASSERT(at_us >= 0);
    uuid_set_ms(&id, (uint64_t)(at_us / US_PER_MS));
    return id;
}

static uint64_t uuid_ticks(int64_t at_us)
{
    return (uint64_t)at_us * UUID_TICKS_PER_MS / US_PER_MS;
}

static void uuid_set_tick(struct uuid *id, uint64_t tick)
{
    uint64_t part = tick % UUID_TICKS_PER_MS;

    uuid_set_ms(id, tick / UUID_TICKS_PER_MS);
    id->b[6] = (uint8_t)(part >> 8 | 0x70);
    id->b[7] = (uint8_t)part;
}

struct uuid uuid_ceiling(int64_t at_us)
{
    struct uuid id = UUID_NONE;

    ASSERT(at_us >= 0);
    uuid_set_tick(&id, uuid_ticks(at_us) + 1);
    return id;
}

int64_t uuid_made_us(const struct uuid *id)
{
    uint64_t ms = 0, part = (uint64_t)(id->b[6] & 15) << 8 | id->b[7];

    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->b[i];
    return (int64_t)(ms * US_PER_MS + (part * US_PER_MS + UUID_TICKS_PER_MS - 1) / UUID_TICKS_PER_MS);
}

/* The time of the next id. The last one is the process's: a thread must not go behind another one's. */
static uint64_t uuid_next_tick(void)
{
    static _Atomic uint64_t last;
    int64_t now_us = clock_now_us();
    uint64_t now = uuid_ticks(now_us), far = uuid_ticks(now_us + UUID_BACK_MAX_US), was = atomic_load(&last), next;

    do
        next = was + UUID_STEP > now && was < far ? was + UUID_STEP : now;
    while (!atomic_compare_exchange_weak(&last, &was, next));
    return next;
}

struct uuid uuid_new(void)
{
    struct uuid id;

    rand_bytes(id.b, sizeof id.b);
    uuid_set_tick(&id, uuid_next_tick());
    id.b[8] = (id.b[8] & 0x3f) | 0x80;
    return id;
}

bool uuid_is_none(const struct uuid *id)
{
    return uuid_eq(id, &UUID_NONE);
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

int uuid_cmp(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

static bool uuid_dash_before(int i)
{
    for (size_t k = 0; k < ARRAY_LEN(uuid_dash_after); k++)
        if (uuid_dash_after[k] == i)
            return true;
    return false;
}

void uuid_format(const struct uuid *id, char ret_text[static UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    char *p = ret_text;

    for (int i = 0; i < 16; i++) {
        if (uuid_dash_before(i))
            *p++ = '-';
        *p++ = hex[id->b[i] >> 4];
        *p++ = hex[id->b[i] & 15];
    }
    *p = '\0';
}

bool uuid_parse(struct str text, struct uuid *ret_id)
{
    struct uuid id;
    const char *p = text.p;

    if (text.n != UUID_TEXT_SIZE - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        if (uuid_dash_before(i) && *p++ != '-')
            return false;
        int hi = str_hex_value(p[0]), lo = str_hex_value(p[1]);
        if (hi < 0 || lo < 0)
            return false;
        id.b[i] = (uint8_t)(hi << 4 | lo);
        p += 2;
    }
    *ret_id = id;
    return true;
}

struct uuid_text uuid_text(const struct uuid *id)
{
    struct uuid_text t;

    uuid_format(id, t.s);
    return t;
}
