/*
 * marketingcli-admin privacy ...: what people ask for by mail about their data. Each verb does what it is called, and then notes that it
 * was done: so one that breaks off in between is still open, and is done again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/privacy/data.h"
#include "model/user/email_change.h"
#include "privacy.h"

#define LISTED_MAX 1000

static void privacy_put_time(const char *words, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    if (at_us == 0)
        return;
    time_format(at_us, text);
    printf("%s%s", words, text);
}

bool privacy_reason(const struct given *given, struct str *ret_reason)
{
    *ret_reason = str_from(given->reason);
    if (ret_reason->n > 0 && ret_reason->n <= REQUEST_REASON_CHARS && text_is_utf8(*ret_reason) &&
        text_is_printable(*ret_reason, false))
        return true;
    complain("--reason must say in one line why: how the request came, and how you know whose it is");
    return false;
}

static bool privacy_what(const char *name, enum request_what *ret_what)
{
    for (int i = 0; request_what_names[i] != NULL; i++)
        if (strcmp(name, request_what_names[i]) == 0) {
            *ret_what = (enum request_what)i;
            return true;
        }
    complain("%s is not what can be asked for: access, correct, export, erase or disconnect", name);
    return false;
}

/* A date is its first moment. */
static bool privacy_received(const char *text, struct arena *arena, int64_t *ret_at_us)
{
    struct str s = str_from(text);

    *ret_at_us = 0;
    if (s.n == 0)
        return true;
    if (s.n == 10)
        s = arena_printf(arena, "%.*sT00:00:00Z", STR_FMT(s));
    if (time_parse(s, ret_at_us) && *ret_at_us <= clock_now_us())
        return true;
    complain("--received must be a date or a time that is over, such as 2026-12-31");
    return false;
}

static int privacy_note(struct desk *desk, const struct given *given, const struct user *user, enum request_what what,
                        struct str reason)
{
    struct request_new new = {.user_id = user->id, .what = what, .reason = reason};
    struct uuid id;

    if (!privacy_received(given->received, &desk->arena, &new.received_at_us))
        return EXIT_USAGE;
    enum err e = request_note(desk->db, &new, &id);
    if (e != OK)
        return desk_complain(desk, e);
    printf("%s", uuid_text(&id).s);
    privacy_put_time("  due ", (new.received_at_us != 0 ? new.received_at_us : clock_now_us()) + REQUEST_DUE_US);
    putchar('\n');
    return EXIT_DONE;
}

int verb_privacy_note(const struct given *given)
{
    struct user user = {.id = UUID_NONE};
    struct given of = *given;
    enum request_what what;
    struct str reason;
    struct desk desk;

    if (!privacy_what(given->argument, &what) || !privacy_reason(given, &reason))
        return EXIT_USAGE;
    of.argument = given->of;
    if (given->of != NULL ? !user_at_desk(&desk, &of, &user) : !desk_open(&desk, given))
        return EXIT_FAILED;
    int code = privacy_note(&desk, given, &user, what, reason);
    desk_close(&desk);
    return code;
}

static void privacy_put_request(const struct request_row *r)
{
    printf("%s  %-10s  ", uuid_text(&r->id).s, request_what_names[r->what]);
    fputs(uuid_is_none(&r->user_id) ? "nobody's" : uuid_text(&r->user_id).s, stdout);
    privacy_put_time("  came ", r->received_at_us);
    if (r->done_at_us != 0)
        privacy_put_time("  done ", r->done_at_us);
    else
        privacy_put_time(r->due_at_us < clock_now_us() ? "  OVERDUE since " : "  due ", r->due_at_us);
    fputs("  ", stdout);
    put_foreign(r->reason);
    putchar('\n');
}

int verb_privacy_requests(const struct given *given)
{
    struct request_row *requests;
    struct desk desk;
    size_t n;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = request_list(desk.db, &desk.arena, given->all != NULL, LISTED_MAX, &requests, &n);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    for (size_t i = 0; e == OK && i < n; i++)
        privacy_put_request(&requests[i]);
    desk_close(&desk);
    return code;
}

int verb_privacy_close(const struct given *given)
{
    struct desk desk;
    struct uuid id;

    if (!uuid_parse(str_from(given->argument), &id))
        return complain("%s is not the id of a request", given->argument);
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = request_close(desk.db, &id);
    int code = EXIT_DONE;
    if (e == ERR_NOT_FOUND)
        code = complain("there is no request %s that is open", given->argument);
    else if (e != OK)
        code = desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}

int privacy_do(const struct given *given, const struct privacy_deed *deed)
{
    struct str reason;
    struct desk desk;
    struct user user;

    if (!privacy_reason(given, &reason))
        return EXIT_USAGE;
    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    int code = deed->run(&desk, given, &user);
    if (code == EXIT_DONE) {
        enum err e = request_done(desk.db, &desk.arena, &user.id, deed->what, reason);
        code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    }
    desk_close(&desk);
    return code;
}

static void privacy_put_held(const struct data_held *h)
{
    printf("        %.*s", STR_FMT(h->name));
    if (h->counts)
        printf(": %" PRId64 "%s", h->records, h->has_more ? " or more" : "");
    printf("; kept ");
    if (h->kept_n != 0)
        printf("%" PRId64 " %s ", h->kept_n, retention_unit_names[h->kept_unit]);
    printf("%.*s\n", STR_FMT(h->kept));
}

static void privacy_put_item(const struct data_item *item, const struct data_told *told)
{
    const struct data_recipient *who = told->recipients.v;
    const struct data_held *held = item->held.v;

    printf("    %.*s%s\n      for %.*s", STR_FMT(item->what), item->is_secret ? " (nobody gets to see it)" : "",
           STR_FMT(item->for_what));
    for (size_t i = 0; i < told->recipients.n; i++)
        if (item->recipients >> who[i].recipient & 1)
            printf("; %.*s gets it", STR_FMT(who[i].who));
    putchar('\n');
    for (size_t i = 0; i < item->held.n; i++)
        privacy_put_held(&held[i]);
}

static int privacy_access(struct desk *desk, const struct given *given, const struct user *user)
{
    struct data_told told;

    (void)given;
    enum err e = data_told(desk->db, &desk->arena, &desk->conf, &user->id, &told);
    if (e != OK)
        return desk_complain(desk, e);
    const struct data_group *groups = told.groups.v;
    for (size_t g = 0; g < told.groups.n; g++) {
        const struct data_item *items = groups[g].items.v;
        printf("%.*s\n", STR_FMT(groups[g].what));
        for (size_t i = 0; i < groups[g].items.n; i++)
            privacy_put_item(&items[i], &told);
    }
    return EXIT_DONE;
}

int verb_privacy_access(const struct given *given)
{
    return privacy_do(given, &(struct privacy_deed){REQUEST_ACCESS, privacy_access});
}

static int privacy_correct_email(struct desk *desk, const struct given *given, const struct user *user)
{
    const struct email_asker admin = {.user_id = &user->id};
    struct str email = str_from(given->email);
    int64_t wait_us = 0;

    enum err e = user_email_check(email);
    if (e == OK)
        e = given->verified != NULL ? email_change_correct(desk->db, &desk->arena, &user->id, email)
                                    : email_change_ask(desk->db, &desk->arena, &admin, email, &wait_us);
    if (e != OK)
        return desk_complain(desk, e);
    puts(given->verified != NULL ? "the address is changed; the old one has a mail by which that is undone"
                                 : "the new address has a mail; the change is made when its link is followed");
    return EXIT_DONE;
}

static int privacy_correct(struct desk *desk, const struct given *given, const struct user *user)
{
    struct str name = str_from(given->name);
    struct user renamed = {.id = UUID_NONE};

    if (given->name != NULL) {
        enum err e = user_rename(desk->db, &desk->arena, &user->id, name.n == 0 ? (struct str){0} : name,
                                 ACTIVITY_BY_ADMIN, &renamed);
        if (e != OK)
            return desk_complain(desk, e);
        puts("the name is changed");
    }
    return given->email != NULL ? privacy_correct_email(desk, given, user) : EXIT_DONE;
}

int verb_privacy_correct(const struct given *given)
{
    struct str name = str_from(given->name);

    if (given->name == NULL && given->email == NULL)
        return complain("say what to correct: --name or --email");
    if (given->name != NULL && (name.n > USER_NAME_MAX_BYTES || !text_is_utf8(name) || !text_is_printable(name, false)))
        return complain("a name is one line of at most %d bytes", USER_NAME_MAX_BYTES);
    return privacy_do(given, &(struct privacy_deed){REQUEST_CORRECT, privacy_correct});
}
