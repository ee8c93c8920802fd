/* The erasures under way, and the journal: what the person who runs the service looks at. Nothing here names a user but by an id. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "base/clock.h"
#include "model/privacy/erasure.h"
#include "model/privacy/journal.h"

static const char *erasures_next(const struct erasure *x)
{
    if (x->tokens_at_us == 0)
        return "TikTok accounts and posts (worker@publish)";
    if (x->images_at_us == 0)
        return "images (worker@media)";
    if (x->state == ERASURE_WAITING)
        return "its time: until then it can be canceled";
    if (x->stripe_at_us == 0)
        return "the customer at Stripe (worker@billing)";
    if (x->rows_at_us == 0)
        return "rows (worker@privacy)";
    return x->mailed_at_us == 0 ? "the last mail" : "the last mail (worker@mail), or the journal";
}

static void erasures_print(const struct erasure *x)
{
    char asked[TIME_TEXT_SIZE], due[TIME_TEXT_SIZE];

    time_format(x->asked_at_us, asked);
    time_format(x->due_at_us, due);
    printf("%s  user %s  %-7s  asked %.19sZ  due %.19sZ  next: %s\n", uuid_text(&x->id).s, uuid_text(&x->user_id).s,
           erasure_state_names[x->state], asked, due, erasures_next(x));
}

int verb_privacy_erasures(const struct given *given)
{
    struct erasure *erasures;
    struct desk desk;
    size_t n;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = erasure_list(desk.db, &desk.arena, &erasures, &n);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    for (size_t i = 0; e == OK && i < n; i++)
        erasures_print(&erasures[i]);
    desk_close(&desk);
    return code;
}

static int erasures_look_at_journal(const struct desk *desk, const struct secret *key)
{
    const char *dir = desk->conf.privacy_journal_dir.p;
    struct journal_counts counts = {.torn = 0};

    enum err e = journal_each(dir, key, NULL, NULL, &counts);
    if (e == ERR_NOT_FOUND)
        return complain("there is no journal in %s", dir);
    if (e != OK)
        return complain("the journal in %s cannot be read: %s", dir, strerror(errno));
    for (int what = 0; what < JOURNAL_WHAT__MAX; what++)
        printf("%-10s  %lld\n", journal_what_names[what], (long long)counts.lines[what]);
    printf("%-10s  %lld\n", "torn", (long long)counts.torn);
    return EXIT_DONE;
}

/* The key is a file that the verb reads in place, so that nobody has to put it anywhere. */
int verb_privacy_journal(const struct given *given)
{
    _cleanup_(secret_done) struct secret key = {0};
    struct desk desk;
    struct str text;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    const char *path = arena_printf(&desk.arena, "%s/worker_privacy/journal-key", given->dir).p;
    int code = EXIT_FAILED;
    if (file_read(&desk.arena, path, &text)) {
        key = secret_copy(text.n > 0 && text.p[text.n - 1] == '\n' ? str_head(text, text.n - 1) : text);
        code = erasures_look_at_journal(&desk, &key);
    }
    desk_close(&desk);
    return code;
}
