#include "base/mode.h"

#include "base/defs.h"

const char *const mode_names[] = {[MODE_LIVE] = "live", [MODE_TEST] = "test", NULL};
