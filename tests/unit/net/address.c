#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/call.h"

static bool judge(bool (*is)(const struct sockaddr *address), const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return is((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return is((const struct sockaddr *)&v6);
}

static bool is_public(const char *text)
{
    return judge(net_address_is_public, text);
}

/* Both ends of each range, and the neighbours outside. */
static void test_closed(void **state)
{
    static const char *const closed[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "fc00::1",
        "fdff:ffff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "64:ff9b:1::a00:1",
        "2001::1",
        "2001:1ff:ffff::1",
        "2001:db8::1",
        "2001:db8:ffff::1",
        "2002:0808:0808::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(closed); i++)
        if (is_public(closed[i]))
            fail_msg("%s is taken for public", closed[i]);
}

static void test_open(void **state)
{
    static const char *const open[] = {
        "1.0.0.0",         "9.255.255.255",   "11.0.0.0",    "100.63.255.255", "100.128.0.0",      "126.255.255.255",
        "128.0.0.0",       "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",       "192.0.1.0",
        "192.0.3.0",       "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",       "203.0.114.0",
        "223.255.255.255", "8.8.8.8",         "2000::1",     "2001:200::1",    "2001:db7:ffff::1", "2001:db9::1",
        "2003::1",         "2606:4700::1111", "3ffe::1",     "3fff:1000::1",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        if (!is_public(open[i]))
            fail_msg("%s is not taken for public", open[i]);
}

/* An IPv4 address inside an IPv6 one is judged by itself. */
static void test_seen_through(void **state)
{
    (void)state;

    assert_true(is_public("::ffff:8.8.8.8"));
    assert_false(is_public("::ffff:127.0.0.1"));
    assert_false(is_public("::ffff:10.1.2.3"));
    assert_true(is_public("64:ff9b::8.8.8.8"));
    assert_false(is_public("64:ff9b::127.0.0.1"));
    assert_false(is_public("64:ff9b::169.254.169.254"));
    assert_false(is_public("64:ff9b:0:0:0:1:808:808")); /* not the well-known prefix */
}

static void test_loopback(void **state)
{
    static const char *const loopback[] = {"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"};
    static const char *const other[] = {"126.255.255.255",  "128.0.0.0", "10.0.0.1", "0.0.0.0", "::", "::2", "1::1",
                                        "::ffff:126.0.0.1", "::7f00:1"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
        if (!judge(net_address_is_loopback, loopback[i]))
            fail_msg("%s is not taken for loopback", loopback[i]);
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        if (judge(net_address_is_loopback, other[i]))
            fail_msg("%s is taken for loopback", other[i]);
}

static void test_other_families(void **state)
{
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    (void)state;

    assert_false(net_address_is_public(&unix_socket));
    assert_false(net_address_is_loopback(&unix_socket));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),   cmocka_unit_test(test_open),           cmocka_unit_test(test_seen_through),
        cmocka_unit_test(test_loopback), cmocka_unit_test(test_other_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
