/* The erasures under way, and the journal: what the person who runs the service looks at. Nothing here names a user but by an id. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "base/clock.h"
#include "model/privacy/erasure.h"
#include "model/privacy/journal.h"

static const char *const erasures_words[ERASURE_WAITS__MAX] = {
    [ERASURE_WAITS_TOKENS] = "TikTok accounts and posts (worker@publish)",
    [ERASURE_WAITS_IMAGES] = "images (worker@media)",
    [ERASURE_WAITS_CANCEL] = "its time: until then it can be canceled",
    [ERASURE_WAITS_STRIPE] = "the customer at Stripe (worker@billing)",
    [ERASURE_WAITS_ROWS] = "rows (worker@privacy)",
    [ERASURE_WAITS_MAIL] = "the last mail (worker@mail)",
    [ERASURE_WAITS_JOURNAL] = "the journal, and what is left (worker@privacy)"};

static void erasures_print_mail(const struct erasure_waiting *w)
{
    char until[TIME_TEXT_SIZE];

    time_format(w->until_us, until);
    printf(", not after %.19sZ; ", until);
    if (w->reply.n == 0)
        printf("nobody has tried to send it: does worker@mail run, and does the mail server take mails?");
    else
        printf("the mail server: ");
    put_foreign(w->reply);
}

static void erasures_print(const struct erasure *x, const struct erasure_waiting *w)
{
    char asked[TIME_TEXT_SIZE], due[TIME_TEXT_SIZE];

    time_format(x->asked_at_us, asked);
    time_format(x->due_at_us, due);
    printf("%s  user %s  %-7s  asked %.19sZ  due %.19sZ  next: %s", uuid_text(&x->id).s, uuid_text(&x->user_id).s,
           erasure_state_names[x->state], asked, due, erasures_words[w->what]);
    if (w->what == ERASURE_WAITS_MAIL)
        erasures_print_mail(w);
    putchar('\n');
}

int verb_privacy_erasures(const struct given *given)
{
    struct erasure *erasures;
    struct desk desk;
    size_t n;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = erasure_list(desk.db, &desk.arena, &erasures, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        struct erasure_waiting w;
        e = erasure_waits_for(desk.db, &desk.arena, &erasures[i], &w);
        if (e == OK)
            erasures_print(&erasures[i], &w);
    }
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}

static int erasures_look_at_journal(const struct desk *desk, const struct secret_ring *keys)
{
    const char *dir = desk->conf.privacy_journal_dir.p;
    struct journal_counts counts = {.torn = 0};

    enum err e = journal_each(dir, keys, NULL, NULL, &counts);
    if (e == ERR_NOT_FOUND)
        return complain("there is no journal in %s", dir);
    if (e != OK)
        return complain("the journal in %s cannot be read: %s", dir, strerror(errno));
    for (int what = 0; what < JOURNAL_WHAT__MAX; what++)
        printf("%-10s  %lld\n", journal_what_names[what], (long long)counts.lines[what]);
    printf("%-10s  %lld\n", "torn", (long long)counts.torn);
    return EXIT_DONE;
}

/* They are a file that the verbs read in place, so that nobody has to put it anywhere. */
bool journal_keys_read(struct arena *arena, const struct given *given, struct secret_ring *ret)
{
    const char *path = arena_printf(arena, "%s/worker_privacy/" JOURNAL_KEY_CREDENTIAL, given->dir).p;
    const char *why;
    struct str text;

    if (!file_read(arena, path, &text))
        return false;
    if (!secret_ring_parse(text, SECRET_RING_LINES, ret, &why)) {
        (void)complain("%s %s", path, why);
        return false;
    }
    if (journal_keys_fit(ret))
        return true;
    (void)complain("%s is empty, or has a line that is too short: 64 hexadecimal digits each", path);
    secret_ring_done(ret);
    return false;
}

int verb_privacy_journal(const struct given *given)
{
    _cleanup_(secret_ring_done) struct secret_ring keys = {.n = 0};
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    int code = journal_keys_read(&desk.arena, given, &keys) ? erasures_look_at_journal(&desk, &keys) : EXIT_FAILED;
    desk_close(&desk);
    return code;
}
