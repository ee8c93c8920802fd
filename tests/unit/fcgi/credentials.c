#include "fcgi/credentials.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fcgi/serve.h"

static const struct service ends = {.ends_credentials = true};

/* How long it took to end the epoch of a file that is open so. */
static int64_t ended_in_us(int flags, struct epoch_mark *ret_before, struct epoch_mark *ret_after)
{
    char path[] = "/tmp/credentials-XXXXXX";
    struct shared shared = {.service = &ends};
    struct ctx c = {.shared = &shared};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "0123456789abcdef", sizeof *ret_before), sizeof *ret_before);
    shared.credential_epoch.fd = open(path, flags | O_CLOEXEC);
    assert_true(epoch_now(&shared.credential_epoch, ret_before));
    int64_t started_us = clock_mono_us();
    credentials_end(&c);
    int64_t took_us = clock_mono_us() - started_us;
    assert_true(epoch_now(&shared.credential_epoch, ret_after));
    epoch_close(&shared.credential_epoch);
    (void)close(fd);
    (void)unlink(path);
    return took_us;
}

static void test_ends_the_epoch(void **state)
{
    struct epoch_mark before, after;

    (void)state;
    (void)ended_in_us(O_RDWR, &before, &after);
    assert_memory_not_equal(before.b, after.b, sizeof before.b);
}

static void test_waits_until_what_was_kept_is_old_when_it_cannot(void **state)
{
    struct epoch_mark before, after;

    (void)state;
    assert_true(ended_in_us(O_RDONLY, &before, &after) >= KEY_CACHE_AGE_US);
    assert_memory_equal(before.b, after.b, sizeof before.b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_the_epoch),
        cmocka_unit_test(test_waits_until_what_was_kept_is_old_when_it_cannot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
