/* marketingcli-admin policy publish|list: versions of the privacy policy and of the terms (model/privacy/published.h). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/io.h"
#include "crypto/digest.h"
#include "model/privacy/policy_notice.h"
#include "model/privacy/published.h"
#include "policy_page.h"

struct policy_document {
    struct buf html;
    struct str path, part;
};

struct policy_publishing {
    struct desk *desk;
    struct published new;
    struct policy_document privacy, terms;
    int dir;       /* policy.dir, locked; -1: not yet */
    bool is_there; /* it was published before, and only its files may be missing */
    int64_t users; /* how many are told */
};

/* What no policy can do without; all that is missing is told at once. */
static bool policy_is_configured(const struct conf *c)
{
    bool all = true;

    for (size_t i = 0; i < policy_controller_n; i++)
        if (policy_controller_value(c, i).n == 0) {
            complain("controller.%s is not set: the policy and the terms must say it (marketingcli.conf(5))",
                     policy_controller[i].name);
            all = false;
        }
    if (all && memchr(c->controller_email.p, '@', c->controller_email.n) == NULL) {
        complain("controller.email is no mail address");
        all = false;
    }
    return all;
}

static bool policy_read_options(struct policy_publishing *p, const struct given *given, int64_t now_us)
{
    struct published *new = &p->new;

    if (given->version == NULL || given->effective == NULL)
        return complain("policy publish needs --version and --effective") == EXIT_DONE;
    new->version = str_from(given->version);
    if (!published_is_version(new->version))
        return complain("--version must be 1 to %d letters, digits, dots and hyphens, and not begin with a dot",
                        PUBLISHED_VERSION_MAX_BYTES) == EXIT_DONE;
    if (!time_parse(arena_printf(&p->desk->arena, "%sT00:00:00Z", given->effective), &new->effective_at_us))
        return complain("--effective must be a day as 2026-12-31; it begins at midnight UTC") == EXIT_DONE;
    new->published_at_us = now_us;
    new->material = given->material != NULL;
    new->recipients = published_recipients(&p->desk->arena, &p->desk->conf);
    return true;
}

static void policy_render(struct policy_publishing *p, const char *words, struct str file, struct policy_document *d,
                          uint8_t *ret_sha256)
{
    struct arena *arena = &p->desk->arena;

    d->html = BUF_MAX(POLICY_PAGE_MAX_BYTES);
    policy_page_write(arena,
                      &(struct policy_page){.conf = &p->desk->conf,
                                            .words = words,
                                            .version = p->new.version,
                                            .effective_at_us = p->new.effective_at_us},
                      &d->html);
    d->path = arena_printf(arena, "%.*s/%.*s", STR_FMT(p->desk->conf.policy_dir), STR_FMT(file));
    d->part = arena_printf(arena, "%.*s.part", STR_FMT(d->path));
    struct sha256 digest = sha256_of(buf_str(&d->html));
    memcpy(ret_sha256, digest.b, sizeof digest.b);
}

/* Is this the version that was published already? Then only what was interrupted is done. */
static bool policy_is_same(const struct published *a, const struct published *b)
{
    return a->effective_at_us == b->effective_at_us && a->material == b->material &&
           memcmp(a->privacy_sha256, b->privacy_sha256, sizeof a->privacy_sha256) == 0 &&
           memcmp(a->terms_sha256, b->terms_sha256, sizeof a->terms_sha256) == 0;
}

/* What may not be, whatever else is. newest: of those that are there; NULL: this is the first one. */
static bool policy_may_be(const struct published *new, const struct published *newest)
{
    int64_t now_us = new->published_at_us;
    struct str unknown =
        newest == NULL ? (struct str){0} : published_unknown_recipient(new->recipients, newest->recipients);

    if (new->effective_at_us + US_PER_DAY <= now_us)
        return complain("--effective has passed") == EXIT_DONE;
    if (new->material &&new->effective_at_us < now_us + PUBLISHED_NOTICE_US)
        return complain("a material change must be announced 14 days before: --effective must be later") == EXIT_DONE;
    if (newest != NULL && new->effective_at_us < newest->effective_at_us)
        return complain("the version %.*s comes into force later than that: a new one must not be before it",
                        STR_FMT(newest->version)) == EXIT_DONE;
    /* Of one day the last to be published counts. */
    if (newest != NULL && new->effective_at_us == newest->effective_at_us && now_us <= newest->published_at_us)
        return complain(
                   "the version %.*s of the same day is published later than now, by this machine's clock, and would "
                   "stay in force: set the clock right, or choose a later day",
                   STR_FMT(newest->version)) == EXIT_DONE;
    if (unknown.n > 0 && !new->material)
        return complain(
                   "%.*s would get data, which the version %.*s does not say: that is a material change (--material)",
                   STR_FMT(unknown), STR_FMT(newest->version)) == EXIT_DONE;
    return true;
}

/* One at a time: what was checked must still be so when it is published, and the files are one version's. Until the process ends. */
static bool policy_alone(struct policy_publishing *p)
{
    const char *dir = p->desk->conf.policy_dir.p;

    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return complain("%s: %s", dir, strerror(errno)) == EXIT_DONE;
    p->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir >= 0 && flock(p->dir, LOCK_EX | LOCK_NB) == 0)
        return true;
    return complain("%s: %s", dir, errno == EWOULDBLOCK ? "somebody else publishes right now" : strerror(errno)) ==
           EXIT_DONE;
}

static bool policy_check(struct policy_publishing *p)
{
    struct desk *desk = p->desk;
    struct published *all;
    size_t n;

    enum err e = published_list(desk->db, &desk->arena, &all, &n);
    if (e != OK)
        return desk_complain(desk, e) == EXIT_DONE;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(all[i].version, p->new.version))
            continue;
        p->is_there = policy_is_same(&all[i], &p->new);
        if (!p->is_there)
            complain("the version %.*s was published before, with another day or other words: choose another name",
                     STR_FMT(p->new.version));
        return p->is_there;
    }
    if (!policy_may_be(&p->new, n == 0 ? NULL : &all[0]))
        return false;
    e = p->new.material ? policy_notice_count(desk->db, &p->users) : OK;
    return e == OK || desk_complain(desk, e) == EXIT_DONE;
}

static bool policy_has_words(const char *path, const struct buf *html)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct sha256 digest, wanted = sha256_of(buf_str(html));
    uint64_t bytes;

    return fd >= 0 && sha256_of_file(fd, &digest, &bytes) && memcmp(digest.b, wanted.b, sizeof digest.b) == 0;
}

static bool policy_write_part(const struct policy_document *d)
{
    (void)unlink(d->part.p); /* of a run that was interrupted */
    _cleanup_(fd_closep) int fd = open(d->part.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    return fd >= 0 && fchmod(fd, 0644) == 0 && fd_write_all(fd, d->html.p, d->html.n) && fd_sync(fd, "sync a file");
}

/* A name is given to a file that is whole, and to no second one. */
static bool policy_keep(const struct policy_document *d)
{
    if (policy_has_words(d->path.p, &d->html))
        return true;
    if (!policy_write_part(d))
        return complain("%s: %s", d->part.p, strerror(errno)) == EXIT_DONE;
    bool is_new = link(d->part.p, d->path.p) == 0;
    int why = errno;
    (void)unlink(d->part.p);
    if (is_new)
        return true;
    return (why == EEXIST
                ? complain("%s is there with other words, and was never published: look at it, and remove it or choose "
                           "another version",
                           d->path.p)
                : complain("%s: %s", d->path.p, strerror(why))) == EXIT_DONE;
}

static bool policy_keep_both(const struct policy_publishing *p)
{
    if (!policy_keep(&p->privacy) || !policy_keep(&p->terms))
        return false;
    return fd_sync(p->dir, "sync a folder") ||
           complain("%s: %s", p->desk->conf.policy_dir.p, strerror(errno)) == EXIT_DONE;
}

/* Asks the database nothing: what was published is told as published. */
static int policy_tell(const struct policy_publishing *p, const char *verb)
{
    struct desk *desk = p->desk;

    printf("%s %.*s, in force from %.*s: %s/privacy/%.*s and /terms/%.*s\nrecipients: %.*s\n", verb,
           STR_FMT(p->new.version), STR_FMT(policy_page_day(&desk->arena, p->new.effective_at_us)),
           desk->conf.service_url.p, STR_FMT(p->new.version), STR_FMT(p->new.version), STR_FMT(p->new.recipients));
    if (p->new.material && !p->is_there)
        printf("mails: one to each of %" PRId64 " users\n", p->users);
    if (desk->conf.policy_version.n + desk->conf.terms_version.n > 0)
        printf("terms.version and policy.version of the configuration do not count once this is in force\n");
    return EXIT_DONE;
}

static int policy_publish(struct policy_publishing *p)
{
    struct uuid notice_id = uuid_new();

    if (!policy_keep_both(p))
        return EXIT_FAILED;
    if (p->is_there)
        return policy_tell(p, "was published before:");
    enum err e = published_add(p->desk->db, &p->new, &notice_id);
    if (e == ERR_DB_DUPLICATE)
        return complain("somebody else publishes the version %.*s right now", STR_FMT(p->new.version));
    if (e == ERR_OUTCOME_UNKNOWN)
        return complain("nobody knows whether that was done: run the same command again, which publishes it once");
    return e == OK ? policy_tell(p, "published") : desk_complain(p->desk, e);
}

static int policy_publish_at(struct policy_publishing *p, const struct given *given)
{
    struct arena *arena = &p->desk->arena;

    if (!policy_read_options(p, given, clock_now_us()))
        return EXIT_USAGE;
    if (!policy_is_configured(&p->desk->conf))
        return EXIT_FAILED;
    policy_render(p, "privacy", published_privacy_file(arena, p->new.version), &p->privacy, p->new.privacy_sha256);
    policy_render(p, "terms", published_terms_file(arena, p->new.version), &p->terms, p->new.terms_sha256);
    if (given->preview != NULL)
        return fwrite(p->privacy.html.p, 1, p->privacy.html.n, stdout) == p->privacy.html.n &&
                       fwrite(p->terms.html.p, 1, p->terms.html.n, stdout) == p->terms.html.n
                   ? EXIT_DONE
                   : EXIT_FAILED;
    if ((given->dry_run == NULL && !policy_alone(p)) || !policy_check(p))
        return EXIT_FAILED;
    return given->dry_run != NULL ? policy_tell(p, "would publish") : policy_publish(p);
}

int verb_policy_publish(const struct given *given)
{
    struct desk desk;
    struct policy_publishing p = {.desk = &desk, .dir = -1};

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    int code = policy_publish_at(&p, given);
    buf_done(&p.privacy.html);
    buf_done(&p.terms.html);
    fd_closep(&p.dir);
    desk_close(&desk);
    return code;
}

static int policy_list_at(struct desk *desk)
{
    struct published *all;
    size_t n;

    enum err e = published_list(desk->db, &desk->arena, &all, &n);
    for (size_t i = 0; i < n && e == OK; i++) {
        struct policy_notice_state told = {0};
        e = all[i].material ? policy_notice_of(desk->db, &desk->arena, all[i].version, &told) : OK;
        if (e == OK)
            printf("%.*s  in force from %.*s%s", STR_FMT(all[i].version),
                   STR_FMT(policy_page_day(&desk->arena, all[i].effective_at_us)), all[i].material ? "" : "\n");
        if (e == OK && all[i].material)
            printf("  material, %" PRId64 " users told%s\n", told.told, told.ended_at_us == 0 ? " so far" : "");
    }
    return e == OK ? EXIT_DONE : desk_complain(desk, e);
}

int verb_policy_list(const struct given *given)
{
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    int code = policy_list_at(&desk);
    desk_close(&desk);
    return code;
}
