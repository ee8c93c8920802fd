/*
 * journal-key: a secret of lines that is our own, so nobody is told of the new one. The old one reads what the journal has from before, which
 * the restore of a backup needs that is older still. Copies of backups elsewhere nobody sees from here: these are gone after the days for
 * which backups are kept. Whatever the clock says, --finish then also looks at what is here: the journals, and the backups.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "base/clock.h"
#include "model/privacy/journal.h"
#include "rotate.h"

struct journal_look {
    struct rotation *r;
    struct secret_ring old; /* all lines but the new one */
    size_t lines;           /* of the journals, that are of these */
    int64_t newest_us, oldest_backup_us;
    const char *oldest_backup; /* NULL: there is none */
};

/* Until then there are backups from before, and the journal has old lines that belong to them. */
static int64_t journal_needed_us(const struct rotation *r)
{
    return r->state.begun_us + (int64_t)r->desk->conf.backup_keep_days * US_PER_DAY;
}

/* Only now is nothing written with the old one any more, however long ago it was begun. */
static int journal_restart(struct rotation *r)
{
    int code = rotation_restart(r);

    if (code == EXIT_DONE)
        r->state.begun_us = clock_now_us();
    return code;
}

static int journal_read_old(struct journal_look *l)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(ROTATION_FILE_BYTES);
    const char *why;
    struct str text;
    int code = rotation_read(l->r, &text);

    if (code != EXIT_DONE)
        return code;
    lines_without(text, l->r->state.line, &b);
    if (b.n == 0 || secret_ring_parse(buf_str(&b), SECRET_RING_LINES, &l->old, &why))
        return EXIT_DONE;
    return complain("%s: %s", l->r->what->name, why);
}

static void journal_see_line(const struct journal_line *line, void *arg)
{
    struct journal_look *l = arg;

    l->lines++;
    l->newest_us = MAX(l->newest_us, line->at_us);
}

static int journal_see_file(struct journal_look *l, const char *path)
{
    struct journal_counts counts;

    errno = 0;
    enum err e = journal_each_of(path, &l->old, journal_see_line, l, &counts);
    return e == OK || e == ERR_NOT_FOUND ? EXIT_DONE
                                         : complain("the journal %s cannot be read: %s", path, strerror(errno));
}

static int journal_see(struct journal_look *l, const char *dir, const char *name)
{
    int64_t at_us = backup_time_us(name);

    if (str_starts(str_from(name), STR(JOURNAL_FILE)))
        return journal_see_file(l, arena_printf(l->r->arena, "%s/%s", dir, name).p);
    if (at_us != 0 && str_ends(str_from(name), STR(BACKUP_NAME_ENDS)) &&
        (l->oldest_backup == NULL || at_us < l->oldest_backup_us)) {
        l->oldest_backup = arena_printf(l->r->arena, "%s/%s", dir, name).p;
        l->oldest_backup_us = at_us;
    }
    return EXIT_DONE;
}

/* One that is not there has nothing. */
static int journal_look_into(struct journal_look *l, const char *path)
{
    DIR *dir = opendir(path);
    int code = EXIT_DONE;

    if (dir == NULL)
        return errno == ENOENT ? EXIT_DONE : complain("%s: %s", path, strerror(errno));
    for (struct dirent *d; code == EXIT_DONE && (d = readdir(dir)) != NULL;)
        code = journal_see(l, path, d->d_name);
    (void)closedir(dir);
    return code;
}

static int journal_judge(const struct journal_look *l)
{
    char newest[TIME_TEXT_SIZE];

    if (l->lines == 0)
        return EXIT_DONE;
    time_format(l->newest_us, newest);
    if (l->oldest_backup != NULL && l->oldest_backup_us < l->newest_us)
        return complain("the old %s is needed: %zu lines of the journals here are of it, the newest of %s, and a "
                        "restore of %s, which is older, does these again. backup check deletes backups whose time is "
                        "over",
                        l->r->what->name, l->lines, newest, l->oldest_backup);
    printf("%s: %zu lines of the journals here are of the old one, the newest of %s, and cannot be read any more; no "
           "backup here is older, and none elsewhere may be (backup.keep_days)\n",
           l->r->what->name, l->lines, newest);
    return EXIT_DONE;
}

static int journal_may_finish(struct rotation *r)
{
    struct journal_look l = {.r = r};
    int code = journal_read_old(&l);

    if (code == EXIT_DONE)
        code = journal_look_into(&l, r->desk->conf.privacy_journal_dir.p);
    if (code == EXIT_DONE)
        code = journal_look_into(&l, r->desk->conf.backup_dir.p);
    if (code == EXIT_DONE)
        code = journal_judge(&l);
    secret_ring_done(&l.old);
    return code;
}

static const struct rotation_step journal_put[] = {
    {"the new one stands above the old one", rotation_put_first},
    {"the services that hold it write with the new one", journal_restart},
    {NULL, NULL}};

const struct rotation_way rotate_journal = {.begin = rotation_begin_line,
                                            .courses = {[ROTATE] = journal_put, [FINISH] = rotation_finish_line},
                                            .finish_after_us = journal_needed_us,
                                            .may_finish = journal_may_finish};
