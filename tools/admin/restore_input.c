/* What a restore is given besides the backup: the digest beside it, and the journals. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backup.h"
#include "base/io.h"
#include "restore.h"

int restore_check_digest(struct arena *arena, const char *path)
{
    const char *beside = arena_printf(arena, "%s" BACKUP_DIGEST_ENDS, path).p;
    uint8_t said[SHA256_BYTES];
    struct sha256 is;
    uint64_t bytes;
    struct str text, hex;

    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain("%s: %s", path, strerror(errno));
    if (access(beside, F_OK) != 0) {
        fprintf(stderr, "warning: there is no %s beside the backup, so only what it says of itself is checked\n",
                beside);
        return EXIT_DONE;
    }
    if (!file_read(arena, beside, &text))
        return EXIT_FAILED;
    if (!str_cut(&text, ' ', &hex) || !hex_decode(hex, said, sizeof said))
        return complain("%s holds no digest", beside);
    fd_forget(fd);
    if (!sha256_of_file(fd, &is, &bytes))
        return complain("%s: %s", path, strerror(errno));
    return memcmp(is.b, said, sizeof said) == 0
               ? EXIT_DONE
               : complain("%s is not what was written: it was cut short or changed (its SHA-256 is another)", path);
}

static void restore_journal_add(const struct journal_line *line, void *arg)
{
    struct restore_journal *j = arg;

    if (j->n == j->size) {
        j->size = j->size == 0 ? 1024 : 2 * j->size;
        j->lines = reallocarray(j->lines, j->size, sizeof *j->lines);
        ASSERT(j->lines != NULL);
    }
    j->lines[j->n++] = *line;
}

static int restore_journal_file(const char *path, struct restore_journal *j)
{
    struct journal_counts counts = {.torn = 0};

    errno = 0;
    enum err e = journal_each_of(path, &j->keys, restore_journal_add, j, &counts);
    if (e != OK)
        return complain("the journal %s cannot be read: %s", path,
                        e == ERR_NOT_FOUND ? "it is not there" : strerror(errno));
    j->torn += (size_t)counts.torn;
    j->newest_unread_us = MAX(j->newest_unread_us, counts.newest_unread_us);
    return EXIT_DONE;
}

/* Each machine that runs worker@privacy has one. */
static int restore_journal_folder(struct arena *arena, const char *path, struct restore_journal *j)
{
    DIR *dir = opendir(path);
    int code = EXIT_DONE;
    size_t files = 0;

    if (dir == NULL)
        return complain("%s: %s", path, strerror(errno));
    for (struct dirent *d; code == EXIT_DONE && (d = readdir(dir)) != NULL;) {
        if (strncmp(d->d_name, JOURNAL_FILE, strlen(JOURNAL_FILE)) != 0)
            continue;
        files++;
        code = restore_journal_file(arena_printf(arena, "%s/%s", path, d->d_name).p, j);
    }
    (void)closedir(dir);
    return code != EXIT_DONE || files > 0
               ? code
               : complain("there is no journal in %s, and without one what users have had erased, disconnected and "
                          "revoked since the backup comes back. Say --without-journal if there never was one",
                          path);
}

/* Lines of a key that has gone, of before the backup: it has what they say. */
static bool restore_journal_is_older(const struct restore_journal *j, int64_t made_at_us)
{
    return j->newest_unread_us != 0 && j->newest_unread_us < made_at_us;
}

int restore_journal_read(struct arena *arena, const struct conf *conf, const struct given *given, int64_t made_at_us,
                         struct restore_journal *ret)
{
    const char *path = given->journal != NULL ? given->journal : conf->privacy_journal_dir.p;
    const char *key = arena_printf(arena, "%s/worker_privacy/journal-key", given->dir).p;
    struct stat st;

    *ret = (struct restore_journal){.n = 0};
    if (given->without_journal != NULL)
        return EXIT_DONE;
    if (stat(path, &st) != 0)
        return complain("%s: %s; --journal says where the journal is", path, strerror(errno));
    if (!journal_keys_read(arena, given, &ret->keys))
        return EXIT_FAILED;
    int code = S_ISDIR(st.st_mode) ? restore_journal_folder(arena, path, ret) : restore_journal_file(path, ret);
    if (code == EXIT_DONE && ret->n == 0 && ret->torn > 0 && !restore_journal_is_older(ret, made_at_us))
        return complain(
            "no line of the journal is of a key in %s: is one of them that with which the journal was written?", key);
    return code;
}

void restore_journal_done(struct restore_journal *j)
{
    secret_ring_done(&j->keys);
    free(j->lines);
    j->lines = NULL;
}
