#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "base/io.h"
#include "base/rand.h"
#include "crypto/digest.h"

#define START_TRIES 600 /* of a tenth of a second */
#define PAUSE_NS 100000000
#define TIMEOUT_SEC 3600
#define DEPTH_MAX 4
#define FOLDER_MODE 0711
#define OWN_BYTES \
    (320ll << 20) /* what a server takes for itself: its log (256 MB), its tablespaces, and some tables in memory */
#define PLUGIN "/usr/lib/mysql/plugin/file_key_management.so" /* of Debian's mariadb-server */

/* What one that was killed has left, too. Files and folders alone: nothing is followed. */
static void scratch_delete(int at, const char *name, int depth)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        fd_closep(&fd);
        (void)unlinkat(at, name, 0);
        return;
    }
    for (struct dirent *d; depth > 0 && (d = readdir(dir)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            scratch_delete(fd, d->d_name, depth - 1);
    (void)closedir(dir);
    (void)unlinkat(at, name, AT_REMOVEDIR);
}

/* 1;HEX64 in memory: the server reads it once, when it starts. */
static bool scratch_make_key(struct scratch *s, struct arena *arena)
{
    uint8_t key[32];

    rand_bytes(key, sizeof key);
    struct str line = arena_printf(arena, "1;%.*s\n", STR_FMT(hex_encode(arena, key, sizeof key)));
    s->key = memfd_create("scratch", MFD_CLOEXEC);
    return s->key >= 0 && fchmod(s->key, 0444) == 0 && fd_write_all(s->key, line.p, line.n);
}

static bool scratch_is_in_memory(const char *dir)
{
    struct statfs fs;

    return statfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

bool scratch_folder(const char *path)
{
    if (mkdir(path, FOLDER_MODE) == 0 ? chmod(path, FOLDER_MODE) == 0 : errno == EEXIST) /* whatever the umask is */
        return true;
    complain("%s: %s", path, strerror(errno));
    return false;
}

/* Who may change what is in the folder could put another one in the scratch server's place, and be given the dump. */
static bool scratch_is_ours(const char *path)
{
    struct stat link, dir;

    if (lstat(path, &link) != 0 || stat(path, &dir) != 0) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    bool is_ours = (link.st_uid == geteuid() || link.st_uid == 0) && (dir.st_uid == geteuid() || dir.st_uid == 0);
    if (is_ours && ((dir.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (dir.st_mode & S_ISVTX) != 0))
        return true;
    complain("%s: others than %s may write there, and so could take the scratch server's place", path,
             geteuid() == 0 ? "root" : "you and root");
    return false;
}

static const char *scratch_path(struct arena *arena, const struct conf *conf)
{
    return arena_printf(arena, "%s/scratch", conf->backup_scratch_dir.p).p;
}

/* Ends with the descriptor. -1 with errno set: there is none. */
static int scratch_lock(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    fd_closep(&fd);
    return -1;
}

bool scratch_clear(struct arena *arena, const struct conf *conf)
{
    const char *of = conf->backup_scratch_dir.p, *dir = scratch_path(arena, conf);

    if (!scratch_folder(of) || !scratch_is_ours(of))
        return false;
    _cleanup_(fd_closep) int lock = scratch_lock(dir);
    if (lock < 0 && errno == EWOULDBLOCK) {
        complain("another backup has its scratch server in %s; try again when it has ended", dir);
        return false;
    }
    scratch_delete(AT_FDCWD, dir, DEPTH_MAX);
    return true;
}

static bool scratch_make_folder(struct scratch *s, struct arena *arena, const struct conf *conf,
                                const struct passwd *user)
{
    const char *dir = scratch_path(arena, conf);

    if (!scratch_clear(arena, conf))
        return false;
    bool is_made = mkdir(dir, 0700) == 0;
    if (is_made) { /* and so is what is deleted at the end */
        s->dir = dir;
        s->socket = arena_printf(arena, "%s/sock", dir).p;
        s->lock = scratch_lock(dir);
    }
    if (is_made && (geteuid() != 0 || chown(dir, user->pw_uid, user->pw_gid) == 0))
        return true;
    complain("%s: %s", dir, strerror(errno));
    return false;
}

/* False: it has ended. */
static bool scratch_runs(struct scratch *s)
{
    return waitpid(s->server.pid, NULL, WNOHANG) == 0;
}

static bool scratch_await(struct scratch *s)
{
    static const struct sql ping = {.text = "SELECT 1", .in = "", .cols = db_number_cols};
    int64_t one;

    for (int i = 0; i < START_TRIES && scratch_runs(s); i++) {
        if (db_number(s->db, &ping, DB_NO_ARGS, &one) == OK)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    complain("the scratch server does not start; its words are in %s/log, and its folder stays", s->dir);
    if (!scratch_runs(s))
        s->server.pid = 0;
    s->dir = NULL;
    return false;
}

bool scratch_start(struct scratch *s, struct arena *arena, const struct conf *conf, int64_t bytes)
{
    const struct passwd *user = getpwnam(conf->backup_user.p);

    *s = (struct scratch){.key = -1, .lock = -1};
    if (user == NULL || user->pw_uid == 0) {
        complain("backup.user: there is no user %s, or it is root", conf->backup_user.p);
        return false;
    }
    if (!scratch_make_folder(s, arena, conf, user))
        return false;
    if (!backup_has_room(s->dir, OWN_BYTES + bytes, "the scratch server of a backup needs", "backup.scratch_dir"))
        return false;
    bool encrypts = access(PLUGIN, R_OK) == 0;
    if (!encrypts && !scratch_is_in_memory(s->dir)) {
        complain("%s is on a disk, and MariaDB cannot encrypt there without " PLUGIN ": install mariadb-server, or set "
                 "backup.scratch_dir to a folder in memory, such as /dev/shm/marketingcli",
                 s->dir);
        return false;
    }
    if (encrypts && !scratch_make_key(s, arena)) {
        complain("the key of the scratch server cannot be made: %s", strerror(errno));
        return false;
    }
    /* What is lost when it dies need not be there: it is as fast as it can be. */
    const char *argv[32] = {"/usr/sbin/mariadbd",
                            "--no-defaults",
                            "--skip-networking",
                            "--skip-grant-tables",
                            "--innodb-flush-log-at-trx-commit=0",
                            "--innodb-doublewrite=0",
                            "--skip-log-bin",
                            "--innodb-flush-method=nosync",
                            "--innodb-buffer-pool-size=256M",
                            "--innodb-log-file-size=256M",
                            "--max-allowed-packet=256M",
                            "--max-connections=8",
                            "--character-set-server=utf8mb4",
                            "--performance-schema=OFF",
                            arena_printf(arena, "--datadir=%s", s->dir).p,
                            arena_printf(arena, "--tmpdir=%s", s->dir).p,
                            arena_printf(arena, "--socket=%s", s->socket).p,
                            arena_printf(arena, "--pid-file=%s/pid", s->dir).p,
                            arena_printf(arena, "--log-error=%s/log", s->dir).p};
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    if (encrypts) {
        argv[n++] = "--plugin-load-add=file_key_management";
        argv[n++] = arena_printf(arena, "--file-key-management-filename=/proc/self/fd/%d", s->key).p;
        argv[n++] = "--innodb-encrypt-tables=FORCE";
        argv[n++] = "--innodb-encrypt-log=ON";
        argv[n++] = "--innodb-encryption-threads=1"; /* the system tablespace is encrypted by these alone */
        argv[n++] = "--innodb-encrypt-temporary-tables=ON";
        argv[n++] = "--encrypt-tmp-files=ON";
        argv[n++] = "--aria-encrypt-tables=ON";
    }
    if (!child_start(
            &s->server, argv,
            &(struct child_ways){.quiet = true, .uid = user->pw_uid, .gid = user->pw_gid, .fd = encrypts ? s->key : 0}))
        return false;
    s->db = db_new(&(struct db_options){.socket = s->socket, .user = "root", .timeout_sec = TIMEOUT_SEC});
    return scratch_await(s);
}

void scratch_stop(struct scratch *s)
{
    db_free(s->db);
    s->db = NULL;
    child_kill(&s->server, SIGKILL);
    if (s->key >= 0)
        fd_closep(&s->key);
    s->key = -1;
    if (s->dir != NULL)
        scratch_delete(AT_FDCWD, s->dir, DEPTH_MAX);
    s->dir = NULL;
    fd_closep(&s->lock);
    s->lock = -1;
}
