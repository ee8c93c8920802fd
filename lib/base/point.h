/*
 * Named points at which a test kills the process: "publish.attempt_committed". In test builds (meson
 * -Dtest_hooks=true) a process that reaches a point for which the file $MARKETINGCLI_TEST_DIR/points/<name> exists
 * removes that file and dies by SIGKILL, or by a failed assertion when the file is not empty. In other builds a point
 * does nothing, and a lint test proves it.
 */
#pragma once

#ifdef TEST_HOOKS
void point(const char *name);
#else
#define point(name) ((void)0)
#endif
