#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/call.h"

struct range {
    uint8_t prefix[16];
    int bits;
};

static const struct range address_v4_closed[], address_v6_open[], address_v6_closed[], address_v6_with_v4[];
static const struct range address_v4_loopback[], address_v6_loopback[];

static bool address_in_range(const uint8_t *address, const struct range *r)
{
    int whole = r->bits / 8, rest = r->bits % 8;

    if (memcmp(address, r->prefix, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ r->prefix[whole]) >> (8 - rest)) == 0;
}

/* A table ends with bits < 0. */
static bool address_in_table(const uint8_t *address, const struct range *table)
{
    for (; table->bits >= 0; table++)
        if (address_in_range(address, table))
            return true;
    return false;
}

static bool address_v6_is_public(const uint8_t *address)
{
    if (address_in_table(address, address_v6_with_v4))
        return !address_in_table(address + 12, address_v4_closed);
    return address_in_table(address, address_v6_open) && !address_in_table(address, address_v6_closed);
}

bool net_address_is_public(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return !address_in_table((const uint8_t *)&v4.sin_addr, address_v4_closed);
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return address_v6_is_public((const uint8_t *)&v6.sin6_addr);
    default:
        return false;
    }
}

bool net_address_is_loopback(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return address_in_table((const uint8_t *)&v4.sin_addr, address_v4_loopback);
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return address_in_table((const uint8_t *)&v6.sin6_addr, address_v6_loopback);
    default:
        return false;
    }
}

static const struct range address_v4_loopback[] = {
    {{127}, 8},
    {{0}, -1},
};

static const struct range address_v6_loopback[] = {
    {{[15] = 1}, 128},
    {{[10] = 0xff, 0xff, 127}, 104}, /* mapped */
    {{0}, -1},
};

/* From the IANA special-purpose address registries (RFC 6890 and its updates). */

static const struct range address_v4_closed[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, and the clouds' metadata services */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* IETF protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 3},           /* multicast, reserved, broadcast */
    {{0}, -1},
};

/* The last four bytes are an IPv4 address: mapped, and the well-known NAT64 prefix (RFC 6052). */
static const struct range address_v6_with_v4[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},
    {{0x00, 0x64, 0xff, 0x9b}, 96},
    {{0}, -1},
};

/* All that is global unicast; loopback, link-local, unique local, multicast and local NAT64 lie outside. */
static const struct range address_v6_open[] = {
    {{0x20}, 3},
    {{0}, -1},
};

static const struct range address_v6_closed[] = {
    {{0x20, 0x01, 0x00}, 23},       /* IETF: Teredo, which hides an IPv4 address, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4, which hides an IPv4 address and is given up (RFC 7526) */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
    {{0}, -1},
};
