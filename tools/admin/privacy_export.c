/* marketingcli-admin privacy export: everything that is held of a user, as POST /privacy/export gives it, into a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "model/privacy/export.h"
#include "net/call.h"
#include "privacy.h"

#define SECRET_OF "worker_media"

static enum err privacy_export_put(void *arg, struct str bytes)
{
    return fd_write_all(*(int *)arg, bytes.p, bytes.n) ? OK : ERR_STORE;
}

static enum err privacy_export_write(struct desk *desk, const struct store *store, const struct user *user, int fd)
{
    const struct export_from from = {.conf = &desk->conf, .store = store, .user_id = user->id};
    _cleanup_(export_freep) struct export *x = NULL;

    enum err e = export_read(desk->db, &from, &x);
    if (e == OK)
        e = export_write(x, privacy_export_put, &fd);
    if (e == OK && export_told(x)->unread > 0)
        printf("images that could not be read, as SHA256SUMS names them: %lld\n", (long long)export_told(x)->unread);
    return e == OK && fsync(fd) != 0 ? ERR_STORE : e;
}

/* A file of its own, which nobody else may read; what is not whole is no export. */
static int privacy_export_to(struct desk *desk, const struct store *store, const struct user *user, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return complain("%s: %s", path, strerror(errno));
    enum err e = privacy_export_write(desk, store, user, fd);
    if (close(fd) != 0 && e == OK)
        e = ERR_STORE;
    if (e == OK)
        return EXIT_DONE;
    (void)unlink(path);
    return desk_complain(desk, e);
}

static int privacy_export(struct desk *desk, const struct given *given, const struct user *user)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct store store;

    net_init();
    if (setenv("CREDENTIALS_DIRECTORY", arena_printf(&desk->arena, "%s/" SECRET_OF, given->dir).p, 1) != 0 ||
        store_init(&store, &desk->conf, &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    int code = privacy_export_to(desk, &store, user, given->file);
    store_done(&store);
    return code;
}

int verb_privacy_export(const struct given *given)
{
    if (given->file == NULL)
        return complain("say where to: --file");
    return privacy_do(given, &(struct privacy_deed){REQUEST_EXPORT, privacy_export});
}
