/* What a backup that was killed has left in backup.dir: as much as it had written, which the next one may have no room beside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup.h"
#include "base/io.h"

bool backup_left_mark(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Its lock has ended with it. Where there are no locks nobody can tell, and it goes when it is a day old (backup_check.c). */
static bool left_is_nobodys(const char *path)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool left_remove(struct arena *arena, const char *path)
{
    const char *whole = arena_strdup(arena, str_head(str_from(path), strlen(path) - strlen(BACKUP_PART_ENDS)));

    if (unlink(path) != 0) {
        complain("%s cannot be deleted: %s", path, strerror(errno));
        return false;
    }
    printf("deleted %s, which a backup that was killed has left\n", path);
    if (access(whole, F_OK) != 0) /* it died between its digest and its name */
        (void)unlink(arena_printf(arena, "%s" BACKUP_DIGEST_ENDS, whole).p);
    return true;
}

static bool left_one(struct arena *arena, const char *path, bool remove)
{
    if (!left_is_nobodys(path))
        return true;
    if (remove)
        return left_remove(arena, path);
    printf("%s was left by a backup that was killed: the next one deletes it\n", path);
    return true;
}

bool backup_left(struct arena *arena, const struct conf *conf, bool remove)
{
    DIR *dir = opendir(conf->backup_dir.p);
    bool is_well = true;

    if (dir == NULL) {
        complain("%s: %s", conf->backup_dir.p, strerror(errno));
        return false;
    }
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (backup_time_us(d->d_name) != 0 && str_ends(str_from(d->d_name), STR(BACKUP_NAME_ENDS BACKUP_PART_ENDS)))
            is_well &= left_one(arena, arena_printf(arena, "%s/%s", conf->backup_dir.p, d->d_name).p, remove);
    (void)closedir(dir);
    return is_well;
}
