#include "base/uuid.h"

#include "base/clock.h"
#include "base/rand.h"

static const int uuid_dash_after[] = {4, 6, 8, 10};

static void uuid_set_time(struct uuid *id, int64_t at_us)
{
    uint64_t ms = (uint64_t)(at_us / US_PER_MS);

    for (int i = 0; i < 6; i++)
        id->b[i] = (uint8_t)(ms >> (8 * (5 - i)));
}

struct uuid uuid_floor(int64_t at_us)
{
    struct uuid id = UUID_NONE;

    ASSERT(at_us >= 0);
    uuid_set_time(&id, at_us);
    return id;
}

struct uuid uuid_new(void)
{
    struct uuid id;

    rand_bytes(id.b, sizeof id.b);
    uuid_set_time(&id, clock_now_us());
    id.b[6] = (id.b[6] & 0x0f) | 0x70;
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
