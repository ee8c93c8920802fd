/* marketingcli-admin posts held|release|give-up: what becomes of the posts that a restore has put on hold (model/post/hold.h). */
#include <stdio.h>

#include "model/post/hold.h"
#include "user.h"

#define PAGE 500

/* Of whom: --of, or all. False after a complaint, with the desk closed. */
static bool posts_of(struct desk *desk, const struct given *given, struct uuid *ret_user)
{
    struct given of = *given;
    struct user user;

    *ret_user = UUID_NONE;
    if (given->of == NULL)
        return desk_open(desk, given);
    of.argument = given->of;
    if (!user_at_desk(desk, &of, &user))
        return false;
    *ret_user = user.id;
    return true;
}

static void posts_print(const struct held_post *p)
{
    char at[TIME_TEXT_SIZE];

    time_format(p->created_at_us, at);
    printf("%s  %-17s  %s  made %.19sZ  account %s  user %s\n", uuid_text(&p->id).s, post_state_names[p->state],
           mode_names[p->mode], at, uuid_text(&p->account_id).s, uuid_text(&p->user_id).s);
}

int verb_posts_held(const struct given *given)
{
    struct uuid user, above = UUID_NONE;
    struct held_post *posts;
    struct desk desk;
    size_t n;
    enum err e;

    if (!posts_of(&desk, given, &user))
        return EXIT_FAILED;
    do {
        struct arena_mark mark = arena_mark(&desk.arena);
        e = hold_list(desk.db, &desk.arena, &user, &above, PAGE, &posts, &n);
        for (size_t i = 0; e == OK && i < n; i++) {
            posts_print(&posts[i]);
            above = posts[i].id;
        }
        arena_back(&desk.arena, &mark);
    } while (e == OK && n == PAGE);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}

static int posts_end(const struct given *given, bool gives_up)
{
    struct desk desk;
    struct uuid user;
    int64_t n = 0;

    if ((given->of == NULL) == (given->all == NULL))
        return complain("say whose posts: --of USER, or --all");
    if (!posts_of(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = gives_up ? hold_give_up(desk.db, &desk.arena, &desk.conf, &user, &n)
                          : hold_release(desk.db, &desk.arena, &user, &n);
    if (n > 0 || e == OK)
        printf("%lld posts %s\n", (long long)n, gives_up ? "given up" : "released");
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}

int verb_posts_release(const struct given *given)
{
    return posts_end(given, false);
}

int verb_posts_give_up(const struct given *given)
{
    return posts_end(given, true);
}
