#include "base/point.h"

#ifdef TEST_HOOKS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defs.h"

void point(const char *name)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");
    char path[512];
    struct stat st;

    if (dir == NULL || snprintf(path, sizeof path, "%s/points/%s", dir, name) >= (int)sizeof path)
        return;
    if (stat(path, &st) != 0 || unlink(path) != 0)
        return;
    ASSERT(st.st_size == 0);
    (void)kill(getpid(), SIGKILL);
}
#else
typedef int point_c_is_not_empty;
#endif
