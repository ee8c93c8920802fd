#include "base/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *host;
    bool is_one;
} relays[] = {
    {"", false},
    {"localhost", false},
    {"LocalHost", false},
    {"127.0.0.1", false},
    {"127.8.0.1", false},
    {"::1", false},
    {"[::1]", false},
    {"relay.example.com", true},
    {"localhost.example.com", true},
    {"127.example.com", true},
    {"12.7.0.1", true},
    {"192.0.2.1", true},
    {"2001:db8::1", true},
    {"[2001:db8::1]", true},
    {"[", true},
};

static void the_machines_own_mail_server_is_no_recipient(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(relays); i++) {
        const struct conf conf = {.smtp_host = str_from(relays[i].host)};
        if ((policy_recipients(&conf) >> POLICY_RECIPIENT_RELAY & 1) != relays[i].is_one)
            fail_msg("%s", relays[i].host);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(the_machines_own_mail_server_is_no_recipient)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
