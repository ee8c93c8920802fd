/* The file of the journal: lines that name what was done to whom by keyed hashes alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/point.h"
#include "model/privacy/journal.h"

#define JOURNAL_VERSION "1"
#define JOURNAL_MODE 0600
#define JOURNAL_PATH_BYTES 256 /* privacy.journal_dir has 100 */
#define SEAL_BYTES 16          /* of a line: against accidents, and whoever has no key */

static struct str journal_path(char path[static JOURNAL_PATH_BYTES], const char *dir)
{
    int n = snprintf(path, JOURNAL_PATH_BYTES, "%s/" JOURNAL_FILE, dir);

    ASSERT(n > 0 && n < JOURNAL_PATH_BYTES);
    return str_from(path);
}

struct sha256 journal_name(const struct secret *key, enum journal_what what, const struct uuid *id)
{
    char message[32 + sizeof id->b];
    size_t n = strlen(journal_what_names[what]);

    memcpy(message, journal_what_names[what], n);
    memcpy(message + n, id->b, sizeof id->b);
    return hmac_sha256(secret_str(key), str_of(message, n + sizeof id->b));
}

static void journal_put_hex(struct buf *b, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%02x", p[i]);
}

size_t journal_write_line(const struct secret *key, const struct journal_entry *entry,
                          char ret[static JOURNAL_LINE_MAX])
{
    struct sha256 name = journal_name(key, (enum journal_what)entry->what, &entry->subject_id);
    _cleanup_(buf_done) struct buf b = BUF_MAX(JOURNAL_LINE_MAX);
    char at[TIME_TEXT_SIZE];

    time_format(entry->at_us, at);
    buf_printf(&b, JOURNAL_VERSION " %s %s ", at, journal_what_names[entry->what]);
    journal_put_hex(&b, name.b, sizeof name.b);
    struct sha256 seal = hmac_sha256(secret_str(key), buf_str(&b));
    buf_putc(&b, ' ');
    journal_put_hex(&b, seal.b, SEAL_BYTES);
    buf_putc(&b, '\n');
    ASSERT(!b.overflow);
    memcpy(ret, b.p, b.n);
    return b.n;
}

/* The machine may have gone down in the middle of a line: it is ended, so that the next one stands by itself. */
static bool journal_end_torn(int fd)
{
    struct stat st;
    char last;

    if (fstat(fd, &st) != 0)
        return false;
    if (st.st_size == 0)
        return true;
    return pread(fd, &last, 1, st.st_size - 1) == 1 && (last == '\n' || fd_write_all(fd, "\n", 1));
}

/* A file that is new is on the disk only once its folder is. */
static bool journal_sync_folder(const char *dir)
{
    _cleanup_(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

static bool journal_lock(int fd)
{
    int done;

    do
        done = flock(fd, LOCK_EX);
    while (done != 0 && errno == EINTR);
    return done == 0;
}

bool journal_keys_fit(const struct secret_ring *keys)
{
    bool fit = keys->n > 0;

    for (size_t i = 0; i < keys->n; i++)
        fit &= keys->v[i].n >= JOURNAL_KEY_MIN_BYTES;
    return fit;
}

enum err journal_append(const char *dir, const struct secret_ring *keys, const struct journal_entry *entries, size_t n)
{
    _cleanup_(buf_done) struct buf text = BUF_MAX(JOURNAL_MAX * JOURNAL_LINE_MAX);
    char path[JOURNAL_PATH_BYTES], line[JOURNAL_LINE_MAX];
    struct stat st;

    for (size_t i = 0; i < n; i++)
        buf_put(&text, line, journal_write_line(&keys->v[0], &entries[i], line));
    ASSERT(!text.overflow);
    _cleanup_(fd_closep) int fd =
        open(journal_path(path, dir).p, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, JOURNAL_MODE);
    if (fd < 0 || !journal_lock(fd) || fstat(fd, &st) != 0 || !journal_end_torn(fd) ||
        !fd_write_all(fd, text.p, text.n) || !fd_sync(fd, "fsync the journal"))
        return ERR_JOURNAL;
    if (st.st_size == 0 && !journal_sync_folder(dir))
        return ERR_JOURNAL;
    point("journal.appended");
    return OK;
}

static bool journal_is_sealed(const struct secret_ring *keys, struct str text, struct str seal)
{
    bool is_right = false;

    for (size_t i = 0; i < keys->n; i++) {
        struct sha256 right = hmac_sha256(secret_str(&keys->v[i]), text);
        is_right |= str_eq_secret(seal, str_of(right.b, SEAL_BYTES));
    }
    return is_right;
}

struct journal_seal {
    uint8_t b[SEAL_BYTES];
};

/* What it says, whoever has written it. ret_text: what the seal is of. */
static bool journal_parse_line(struct str line, struct journal_line *ret_line, struct str *ret_text,
                               struct journal_seal *ret_seal)
{
    struct journal_line read = {.what = 0};
    struct str rest = line, version, at, what, name;

    if (!str_cut(&rest, ' ', &version) || !str_cut(&rest, ' ', &at) || !str_cut(&rest, ' ', &what) ||
        !str_cut(&rest, ' ', &name))
        return false;
    if (!str_eqc(version, JOURNAL_VERSION) || !hex_decode(rest, ret_seal->b, sizeof ret_seal->b) ||
        !hex_decode(name, read.name.b, sizeof read.name.b) || !time_parse(at, &read.at_us))
        return false;
    while (read.what < JOURNAL_WHAT__MAX && !str_eqc(what, journal_what_names[read.what]))
        read.what++;
    if (read.what == JOURNAL_WHAT__MAX)
        return false;
    *ret_text = str_of(line.p, line.n - rest.n - 1);
    *ret_line = read;
    return true;
}

bool journal_read_line(const struct secret_ring *keys, struct str line, struct journal_line *ret_line)
{
    struct journal_line read;
    struct journal_seal seal;
    struct str text;

    if (!journal_parse_line(line, &read, &text, &seal) || !journal_is_sealed(keys, text, str_of(seal.b, sizeof seal.b)))
        return false;
    *ret_line = read;
    return true;
}

static void journal_count_unread(struct str line, struct journal_counts *counts)
{
    struct journal_line read;
    struct journal_seal seal;
    struct str text;

    counts->torn++;
    if (journal_parse_line(line, &read, &text, &seal))
        counts->newest_unread_us = MAX(counts->newest_unread_us, read.at_us);
}

enum err journal_each(const char *dir, const struct secret_ring *keys,
                      void (*fn)(const struct journal_line *line, void *arg), void *arg,
                      struct journal_counts *ret_counts)
{
    char path[JOURNAL_PATH_BYTES];

    return journal_each_of(journal_path(path, dir).p, keys, fn, arg, ret_counts);
}

enum err journal_each_of(const char *path, const struct secret_ring *keys,
                         void (*fn)(const struct journal_line *line, void *arg), void *arg,
                         struct journal_counts *ret_counts)
{
    char text[JOURNAL_LINE_MAX + 2];
    struct journal_counts counts = {.torn = 0};
    struct journal_line line;

    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_JOURNAL;
    while (fgets(text, sizeof text, file) != NULL) {
        struct str s = str_from(text);
        bool whole = s.n > 0 && s.p[s.n - 1] == '\n';
        if (!whole || !journal_read_line(keys, str_head(s, s.n - 1), &line)) {
            journal_count_unread(whole ? str_head(s, s.n - 1) : STR(""), &counts);
            continue;
        }
        counts.lines[line.what]++;
        if (fn != NULL)
            fn(&line, arg);
    }
    bool failed = ferror(file) != 0;
    int why = errno;
    (void)fclose(file);
    errno = why;
    if (failed)
        return ERR_JOURNAL;
    *ret_counts = counts;
    return OK;
}
