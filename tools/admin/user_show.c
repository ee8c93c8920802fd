/* marketingcli-admin user list|show|sessions: what the service knows of people, in words and without secrets. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user.h"
#include "model/user/user_admin.h"

/* "WORDS TIME", or nothing for a time that is 0. */
static void user_show_time(const char *words, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    if (at_us == 0)
        return;
    time_format(at_us, text);
    printf("%s%s", words, text);
}

static bool user_show_limit(const struct given *given, struct user_admin_filter *filter)
{
    int64_t n;

    if (!str_to_i64(str_from(given->limit), &n) || n < 1 || n > USER_ADMIN_LIST_MAX) {
        complain("--limit must be a number from 1 to %d", USER_ADMIN_LIST_MAX);
        return false;
    }
    filter->max = (size_t)n;
    return true;
}

static bool user_show_state(const struct given *given, enum user_state *state, struct user_admin_filter *filter)
{
    if (given->state == NULL)
        return true;
    for (int i = 0; user_state_names[i] != NULL; i++)
        if (strcmp(given->state, user_state_names[i]) == 0) {
            *state = (enum user_state)i;
            filter->state = state;
            return true;
        }
    complain("--state must be %s, %s or %s", user_state_names[USER_ACTIVE], user_state_names[USER_DISABLED],
             user_state_names[USER_ERASING]);
    return false;
}

static void user_show_row(const struct user *u)
{
    printf("%s  %-8s", uuid_text(&u->id).s, user_state_names[u->state]);
    user_show_time("  ", u->created_at_us);
    fputs("  ", stdout);
    put_foreign(u->email);
    if (u->name.p != NULL) {
        fputs("  ", stdout);
        put_foreign(u->name);
    }
    putchar('\n');
}

static int user_show_list(struct desk *desk, const struct user_admin_filter *filter)
{
    struct user *users;
    size_t n;

    enum err e = user_admin_list(desk->db, &desk->arena, filter, &users, &n);
    if (e == ERR_BAD_EMAIL)
        return complain("--after: %s", err_sentence(e));
    if (e != OK)
        return desk_complain(desk, e);
    for (size_t i = 0; i < n; i++)
        user_show_row(&users[i]);
    if (n == filter->max)
        fprintf(stderr, "there may be more: --after %.*s\n", STR_FMT(users[n - 1].email));
    return EXIT_DONE;
}

int verb_user_list(const struct given *given)
{
    struct user_admin_filter filter = {.begins = str_from(given->begins), .after = str_from(given->after)};
    enum user_state state;
    struct desk desk;

    if (!user_show_limit(given, &filter) || !user_show_state(given, &state, &filter))
        return EXIT_USAGE;
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    int code = user_show_list(&desk, &filter);
    desk_close(&desk);
    return code;
}

static void user_show_user(const struct user *u)
{
    printf("id         %s\naddress    ", uuid_text(&u->id).s);
    put_foreign(u->email);
    user_show_time("\n           mail to it came back ", u->undeliverable_at_us);
    if (u->name.p != NULL) {
        fputs("\nname       ", stdout);
        put_foreign(u->name);
    }
    printf("\nstate      %s", user_state_names[u->state]);
    user_show_time("\nsince      ", u->created_at_us);
    putchar('\n');
}

static void user_show_key(const struct key *k)
{
    printf("key        %.*s  %s  ", STR_FMT(k->prefix), mode_names[k->mode]);
    put_foreign(k->name);
    user_show_time("  made ", k->created_at_us);
    user_show_time(", last used ", k->last_used_at_us);
    user_show_time(", expires ", k->expires_at_us);
    user_show_time(", revoked ", k->revoked_at_us);
    putchar('\n');
}

static void user_show_account(const struct account *a)
{
    printf("account    %s  %s  %s  ", uuid_text(&a->id).s, mode_names[a->mode], account_state_names[a->state]);
    put_foreign(a->display_name);
    user_show_time("  connected ", a->connected_at_us);
    putchar('\n');
}

static void user_show_factor(const struct second_factor *f)
{
    printf("sign-in    %s", f->is_on ? "needs a code" : "by password alone");
    if (f->is_on) {
        user_show_time(" since ", f->enabled_at_us);
        printf(", %" PRId64 " recovery codes left", f->recovery_codes_left);
    }
    putchar('\n');
}

static void user_show_all(const struct user_admin_shown *s)
{
    user_show_user(&s->user);
    user_show_factor(&s->factor);
    for (size_t i = 0; i < CAP__MAX; i++)
        printf("has        %" PRId64 " of %" PRId64 " %.*s\n", s->caps[i].used, s->caps[i].max,
               STR_FMT(s->caps[i].name));
    for (size_t i = 0; i < s->posts_n; i++)
        printf("posts      %" PRId64 " %s%s\n", s->posts[i].n, post_state_names[s->posts[i].state],
               s->user.state == USER_DISABLED && s->posts[i].state == POST_QUEUED ? ", held while the user is disabled"
                                                                                  : "");
    for (size_t i = 0; i < s->keys_n; i++)
        user_show_key(&s->keys[i]);
    for (size_t i = 0; i < s->accounts_n; i++)
        user_show_account(&s->accounts[i]);
}

int verb_user_show(const struct given *given)
{
    struct user_admin_shown shown;
    struct desk desk;
    struct user user;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = user_admin_show(desk.db, &desk.arena, &desk.conf, &user.id, &shown);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        user_show_all(&shown);
    desk_close(&desk);
    return code;
}

int verb_user_sessions(const struct given *given)
{
    struct session *sessions;
    struct desk desk;
    struct user user;
    size_t n;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = user_admin_sessions(desk.db, &desk.arena, &desk.conf, &user.id, given->end != NULL, &sessions, &n);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    for (size_t i = 0; i < n && e == OK; i++) {
        printf("%s%s", given->end != NULL ? "ended  " : "", uuid_text(&sessions[i].id).s);
        user_show_time("  signed in ", sessions[i].created_at_us);
        user_show_time(", last seen ", sessions[i].last_seen_at_us);
        user_show_time(", ends ", sessions[i].expires_at_us);
        putchar('\n');
    }
    desk_close(&desk);
    return code;
}
