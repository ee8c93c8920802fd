/*
 * Time. Inside the programs a time is an int64_t, microseconds since 1970 in UTC ("_us"); outside it is RFC 3339. NOW()
 * of the database is never used: this is the only clock, and tests can move it.
 *
 * Test builds (meson -Dtest_hooks=true) add the decimal number of microseconds in the file
 * $MARKETINGCLI_TEST_DIR/clock, which they read at each call, so that a test moves time for every process at once; and that
 * in the file "patience" to what clock_patience_us says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define US_PER_SEC INT64_C(1000000)
#define US_PER_MS INT64_C(1000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SEC)

/* By how much the clocks of machines that are kept right differ at most. A time that is further ahead was noted before a clock was
 * set back. */
#define CLOCKS_DIFFER_US (60 * US_PER_SEC)

int64_t clock_now_us(void);  /* UTC wall time */
int64_t clock_mono_us(void); /* for durations and timeouts; tests do not move it */
/* The same, for how long a program waits before it tries again, gives up or thinks somebody gone, where no call to somebody
 * else is cut short by it. Tests set it on, and never back: what is waited for is over sooner. */
int64_t clock_patience_us(void);
int64_t clock_boot_us(void); /* the same, but it goes on while the machine is suspended */

/* Whether nobody has set the machine's clock right lately, by what the kernel says (adjtimex(2)); false when it does not say. Test builds
 * believe the file $MARKETINGCLI_TEST_DIR/clock_unset, which is 1 or 0, while there is one. */
bool clock_is_unset(void);

#define TIME_TEXT_SIZE 28 /* "2026-11-22T14:28:19.123456Z" and the NUL */
void time_format(int64_t at_us, char ret_text[static TIME_TEXT_SIZE]);

/* RFC 3339 with an offset ("Z" or "+02:00"). A time without an offset is refused. */
MUST_CHECK bool time_parse(struct str text, int64_t *ret_at_us);
