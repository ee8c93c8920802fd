/* What nginx takes from the configuration: a file that it includes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "admin.h"
#include "base/io.h"
#include "fcgi/rate_told.h"

#define FILE_MODE 0644 /* whatever the umask is: the programs look into it, too */

/* Whole or not at all: nginx may be reading it, and so may programs. */
static bool nginx_put(const char *path, const char *part, struct str text)
{
    _cleanup_(fd_closep) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    return fd >= 0 && fchmod(fd, FILE_MODE) == 0 && fd_write_all(fd, text.p, text.n) && rename(part, path) == 0;
}

int verb_nginx(const struct given *given)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct arena arena;
    int code = EXIT_DONE;

    (void)given;
    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 16u << 10);
    const char *path = rate_told_path(&arena, &conf).p;
    if (!nginx_put(path, arena_printf(&arena, "%s.part", path).p, rate_told_text(&arena, &conf)))
        code = complain("%s: %s", path, strerror(errno));
    arena_done(&arena);
    return code;
}
