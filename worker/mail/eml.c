#include "mail/eml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"

#define EML_MAX_BYTES (512u << 10)
#define PATH_MAX_BYTES 256
#define SUFFIX ".eml"
#define UNFINISHED ".part"

static void eml_put_part(struct buf *b, const struct uuid *id, const char *type, struct str text)
{
    buf_printf(b, "--%s\nContent-Type: %s; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n", uuid_text(id).s, type);
    buf_putstr(b, text);
    buf_putc(b, '\n');
}

/* Return-Path is what a relay would add when it delivers: the envelope's sender (RFC 5321, 4.4). */
static void eml_put(struct buf *b, const struct uuid *id, const struct composed *mail)
{
    buf_printf(b, "Return-Path: <%.*s>\n", STR_FMT(mail->from));
    for (size_t i = 0; i < mail->headers_n; i++)
        buf_printf(b, "%s: %.*s\n", mail->headers[i].name, STR_FMT(mail->headers[i].value));
    buf_printf(b, "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=\"%s\"\n\n", uuid_text(id).s);
    eml_put_part(b, id, "text/plain", mail->letter.text);
    eml_put_part(b, id, "text/html", mail->letter.html);
    buf_printf(b, "--%s--\n", uuid_text(id).s);
}

static enum err eml_make(int dir, const char *name, struct str text)
{
    _cleanup_(fd_closep) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 || !fd_write_all(fd, text.p, text.n) || fsync(fd) != 0 ? err_of_store() : OK;
}

enum err eml_write(const char *folder, const struct uuid *id, const struct composed *mail)
{
    _cleanup_(buf_done) struct buf text = BUF_MAX(EML_MAX_BYTES);
    _cleanup_(fd_closep) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[PATH_MAX_BYTES], part[PATH_MAX_BYTES];
    struct fault fault;

    if (dir < 0)
        return err_of_store();
    eml_put(&text, id, mail);
    ASSERT(!text.overflow);
    (void)snprintf(name, sizeof name, "%s" SUFFIX, uuid_text(id).s);
    (void)snprintf(part, sizeof part, "%s" UNFINISHED, name);
    if (fault_before(&fault, "write a mail's file"))
        return ERR_STORE;
    enum err e = eml_make(dir, part, buf_str(&text));
    if (e == OK && renameat(dir, part, dir, name) != 0)
        e = err_of_store();
    return e == OK && fault_after(&fault) ? ERR_STORE : e;
}

static bool eml_is_ours(struct str name)
{
    return str_ends(name, STR(SUFFIX)) || str_ends(name, STR(SUFFIX UNFINISHED));
}

enum err eml_purge(const char *folder, int64_t before_us)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat st;
    enum err e = OK;

    if (dir == NULL)
        return errno == ENOENT ? OK : err_of_store();
    while ((entry = readdir(dir)) != NULL) {
        if (!eml_is_ours(str_from(entry->d_name)) || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (st.st_mtim.tv_sec * US_PER_SEC < before_us && unlinkat(dirfd(dir), entry->d_name, 0) != 0 &&
            errno != ENOENT)
            e = err_of_store();
    }
    (void)closedir(dir);
    return e;
}
