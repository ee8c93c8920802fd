#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "crypto/digest.h"

#define MARK_MODE 0644
#define MACHINE_FILE "/etc/machine-id"
#define MACHINE_SALT "marketingcli folder\n" /* machine-id(5): hash it with something of the application's own */
#define MACHINE_MAX_BYTES 64                 /* it has 32 and a line's end */

struct folder_path {
    char s[512];
};

MUST_CHECK static enum err folder_path(const char *dir, const char *suffix, struct folder_path *ret)
{
    int n = snprintf(ret->s, sizeof ret->s, "%s/" FOLDER_MARK "%s", dir, suffix);

    return n > 0 && n < (int)sizeof ret->s ? OK : ERR_STORE;
}

static ssize_t folder_read_file(const char *path, char *p, size_t n)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -1 : read(fd, p, n);
}

enum err folder_marked(const char *dir, struct uuid *ret_id)
{
    struct folder_path path;
    char text[UUID_TEXT_SIZE];

    enum err e = folder_path(dir, "", &path);
    if (e != OK)
        return e;
    ssize_t n = folder_read_file(path.s, text, sizeof text);
    if (n < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
    return n == UUID_TEXT_SIZE && uuid_parse(str_of(text, UUID_TEXT_SIZE - 1), ret_id) ? OK : ERR_STORE;
}

MUST_CHECK static enum err folder_write(const char *path, const struct uuid *id)
{
    _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MARK_MODE);
    char line[UUID_TEXT_SIZE + 1];

    (void)snprintf(line, sizeof line, "%s\n", uuid_text(id).s);
    if (fd < 0 || fchmod(fd, MARK_MODE) < 0 || !fd_write_all(fd, line, UUID_TEXT_SIZE) || fsync(fd) < 0)
        return err_of_store();
    return OK;
}

/* The name is the last step, and link(2) gives it to one alone. */
MUST_CHECK static enum err folder_name(const char *dir, const char *part, const char *path)
{
    _cleanup_(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || (link(part, path) < 0 && errno != EEXIST) || fsync(fd) < 0)
        return err_of_store();
    return OK;
}

enum err folder_mark(const char *dir, struct uuid *ret_id)
{
    struct uuid id = uuid_new();
    struct folder_path path, part;
    char suffix[UUID_TEXT_SIZE + 1];

    enum err e = folder_marked(dir, ret_id);
    if (e != ERR_NOT_FOUND)
        return e;
    (void)snprintf(suffix, sizeof suffix, ".%s", uuid_text(&id).s);
    e = folder_path(dir, "", &path);
    if (e == OK)
        e = folder_path(dir, suffix, &part);
    if (e != OK)
        return e;
    e = folder_write(part.s, &id);
    if (e == OK)
        e = folder_name(dir, part.s, path.s);
    (void)unlink(part.s);
    return e == OK ? folder_marked(dir, ret_id) : e;
}

enum err folder_unmark(const char *dir)
{
    struct folder_path path;
    enum err e = folder_path(dir, "", &path);

    if (e != OK)
        return e;
    return unlink(path.s) == 0 || errno == ENOENT ? OK : err_of_store();
}

int64_t folder_machine(void)
{
    char text[sizeof MACHINE_SALT + MACHINE_MAX_BYTES] = MACHINE_SALT;
    size_t salt = sizeof MACHINE_SALT - 1;
    int64_t number = 0;

    ssize_t n = folder_read_file(MACHINE_FILE, text + salt, MACHINE_MAX_BYTES);
    if (n < 32) /* empty, or "uninitialized": of an image from which machines are made */
        return 0;
    struct sha256 digest = sha256_of(str_of(text, salt + (size_t)n));
    for (size_t i = 0; i < sizeof number; i++)
        number = (int64_t)((uint64_t)number << 8 | digest.b[i]);
    number &= INT64_MAX;
    return number == 0 ? 1 : number;
}
