/* marketingcli-admin backup journal: takes the journal of what a restore must do again elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "base/io.h"
#include "model/privacy/journal.h"

/* Two at once would write one .part. It ends with the process, and the folder itself is what is locked, so no file is left. -1 after a
 * complaint. */
static int journal_copy_lock(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        complain("%s: %s", dir, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 ||
        errno != EWOULDBLOCK) /* a file system without locks has other machines at most */
        return fd;
    complain("another backup journal is running; try again when it has ended");
    fd_closep(&fd);
    return -1;
}

/* Under the lock of whoever appends, so that no line of it is torn. */
static bool journal_copy_file(const char *from, const char *to)
{
    char bytes[64 << 10];
    ssize_t n;

    _cleanup_(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); /* another user's folder */
    if (in < 0 || flock(in, LOCK_SH) != 0)
        return false;
    _cleanup_(fd_closep) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return false;
    while ((n = read(in, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && !fd_write_all(out, bytes, (size_t)n))
            return false;
    return n == 0 && fsync(out) == 0;
}

/* It only grows: one that has less than its copy was lost, and begun anew. It would take the place of what a restore still needs. */
static bool journal_has_less(const char *from, const char *to)
{
    struct stat is, was;

    return stat(to, &was) == 0 && (lstat(from, &is) != 0 || is.st_size < was.st_size);
}

/* Nobody has been erased, disconnected or revoked yet: then there is nothing to take anywhere. */
static int journal_take(struct arena *arena, const struct conf *conf)
{
    char host[HOST_NAME_MAX + 1] = "";

    (void)gethostname(host, sizeof host - 1);
    const char *from = arena_printf(arena, "%s/" JOURNAL_FILE, conf->privacy_journal_dir.p).p;
    const char *to = arena_printf(arena, "%s/" JOURNAL_FILE ".%s", conf->backup_dir.p, host).p;
    const char *part = arena_printf(arena, "%s" BACKUP_PART_ENDS, to).p;
    bool is_there = access(from, F_OK) == 0;
    if (journal_has_less(from, to))
        return complain("%s has less than its copy %s, which is kept: put the lines of the copy back before its own",
                        from, to);
    if (is_there && (!journal_copy_file(from, part) || rename(part, to) != 0)) {
        int why = errno;
        (void)unlink(part);
        return complain("%s cannot be copied to %s: %s", from, to, strerror(why));
    }
    if (is_there && !backup_copy(arena, conf, to))
        return EXIT_FAILED;
    return backup_stamp(conf, BACKUP_STAMP_COPIED)
               ? EXIT_DONE
               : complain("%s/" BACKUP_STAMP_COPIED ": %s", conf->backup_dir.p, strerror(errno));
}

int verb_backup_journal(const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(fd_closep) int lock = -1;
    struct arena arena;

    (void)given;
    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    if (conf.backup_copy.n == 0)
        return complain("backup.copy says where to take it, and is empty");
    lock = journal_copy_lock(conf.backup_dir.p);
    if (lock < 0)
        return EXIT_FAILED;
    arena_init(&arena, 1u << 20);
    int code = journal_take(&arena, &conf);
    arena_done(&arena);
    return code;
}
