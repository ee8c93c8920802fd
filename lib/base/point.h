/*
 * Named points at which a test kills the process: "publish.attempt_committed". In test builds (meson
 * -Dtest_hooks=true) a process that reaches a point for which the file $MARKETINGCLI_TEST_DIR/points/<name> exists
 * removes that file and dies by SIGKILL, or by a failed assertion when the file is not empty. In other builds a point
 * does nothing, and a lint test proves it.
 *
 * point_is_set only looks whether the file is there: a switch, for what a measurement compares.
 */
#pragma once

#include <stdbool.h>

#ifdef TEST_HOOKS
void point(const char *name);
bool point_is_set(const char *name);
#else
#define point(name) ((void)0)
#define point_is_set(name) (false)
#endif
