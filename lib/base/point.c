#include "base/point.h"

#ifdef TEST_HOOKS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defs.h"

#define PATH_BYTES 512

static bool point_find(const char *name, char ret_path[static PATH_BYTES], struct stat *ret_st)
{
    const char *dir = getenv("MARKETINGCLI_TEST_DIR");

    if (dir == NULL || snprintf(ret_path, PATH_BYTES, "%s/points/%s", dir, name) >= PATH_BYTES)
        return false;
    return stat(ret_path, ret_st) == 0;
}

bool point_is_set(const char *name)
{
    char path[PATH_BYTES];
    struct stat st;

    return point_find(name, path, &st);
}

void point(const char *name)
{
    char path[PATH_BYTES];
    struct stat st;

    if (!point_find(name, path, &st) || unlink(path) != 0)
        return;
    ASSERT(st.st_size == 0);
    (void)kill(getpid(), SIGKILL);
}
#else
typedef int point_c_is_not_empty;
#endif
