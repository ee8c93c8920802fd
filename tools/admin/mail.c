/* marketingcli-admin mail: what became of the mails, and another try. No mail's words are shown: they are gone, or a link. */
#include <inttypes.h>
#include <stdio.h>

#include "admin.h"
#include "base/clock.h"
#include "model/mail/sending.h"

#define MAIL_BOUNCED "bounced" /* as --state: no state, and yet what an admin looks for */
#define LISTED_MAX 100         /* a screen or two; the states keep them apart */

static void mail_put(const char *what, struct str value)
{
    if (value.n == 0)
        return;
    printf("%-12s ", what);
    put_foreign(value);
    putchar('\n');
}

static void mail_put_id(const char *what, const struct uuid *id)
{
    if (!uuid_is_none(id))
        mail_put(what, str_from(uuid_text(id).s));
}

static void mail_put_time(const char *what, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    if (at_us == 0)
        return;
    time_format(at_us, text);
    mail_put(what, str_from(text));
}

static bool mail_id_of(const struct given *given, struct uuid *ret_id)
{
    if (uuid_parse(str_from(given->argument), ret_id))
        return true;
    complain("%s is not the number of a mail: mail list shows them", given->argument);
    return false;
}

static int mail_print_list(const struct mail_row *rows, size_t n)
{
    char at[TIME_TEXT_SIZE];

    for (size_t i = 0; i < n; i++) {
        const struct mail_row *r = &rows[i];
        time_format(r->created_at_us, at);
        printf("%s %s %s %s tries=%" PRId64 " reply=%" PRId64 "%s\n", uuid_text(&r->id).s, at,
               mail_state_names[r->state], r->template_name.p, r->tries, r->reply_code,
               r->bounced_at_us != 0 ? " bounced" : "");
    }
    return EXIT_DONE;
}

static bool mail_state_of(const char *name, enum mail_state *ret_state)
{
    for (int i = 0; mail_state_names[i] != NULL; i++)
        if (strcmp(mail_state_names[i], name) == 0) {
            *ret_state = (enum mail_state)i;
            return true;
        }
    complain("--state %s: say queued, sent, failed, dropped or " MAIL_BOUNCED, name);
    return false;
}

int verb_mail_list(const struct given *given)
{
    enum mail_state state;
    struct mail_row *rows;
    struct desk desk;
    size_t n;

    bool bounced = strcmp(given->state, MAIL_BOUNCED) == 0;
    if (!bounced && !mail_state_of(given->state, &state))
        return EXIT_USAGE;
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = bounced ? mail_list_bounced(desk.db, &desk.arena, LISTED_MAX, &rows, &n)
                         : mail_list(desk.db, &desk.arena, state, LISTED_MAX, &rows, &n);
    int code = e == OK ? mail_print_list(rows, n) : desk_complain(&desk, e);
    desk_close(&desk);
    return code;
}

struct mail_look_at {
    struct desk *desk;
    struct uuid id;
    struct mail_row row;
};

static enum err mail_show_tx(struct db *db, void *arg)
{
    struct mail_look_at *l = arg;

    return mail_show(db, &l->desk->arena, &l->id, &l->row);
}

static enum err mail_retry_tx(struct db *db, void *arg)
{
    struct mail_look_at *l = arg;

    return mail_retry(db, &l->desk->arena, &l->id);
}

static int mail_complain(const struct desk *desk, enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return complain("there is no such mail: it goes 90 days after its end");
    case ERR_CONFLICT:
        return complain("it was sent, or nobody is left who should get it");
    default:
        return desk_complain(desk, e);
    }
}

static int mail_print(const struct mail_row *r)
{
    mail_put_id("mail", &r->id);
    mail_put("template", r->template_name);
    mail_put("state", str_from(mail_state_names[r->state]));
    mail_put_id("user", &r->user_id);
    mail_put_id("about", &r->subject_id);
    mail_put_time("created", r->created_at_us);
    mail_put_time("ended", r->ended_at_us);
    mail_put_time("bounced", r->bounced_at_us);
    printf("%-12s %" PRId64 "\n", "tries", r->tries);
    if (r->reply_code != 0)
        printf("%-12s %" PRId64 "\n", "reply", r->reply_code);
    mail_put("said", r->reply);
    mail_put("request", r->request_id);
    return EXIT_DONE;
}

/* Runs fn in a transaction about the mail that the command line names. */
static int mail_run(const struct given *given, enum err (*fn)(struct db *db, void *arg),
                    int (*print)(const struct mail_row *r))
{
    struct desk desk;
    struct mail_look_at look = {.desk = &desk};

    if (!mail_id_of(given, &look.id))
        return EXIT_USAGE;
    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    enum err e = db_tx(desk.db, fn, &look);
    int code = e == OK ? print(&look.row) : mail_complain(&desk, e);
    desk_close(&desk);
    return code;
}

static int mail_print_retry(const struct mail_row *r)
{
    (void)r;
    puts("it is queued again");
    return EXIT_DONE;
}

int verb_mail_show(const struct given *given)
{
    return mail_run(given, mail_show_tx, mail_print);
}

int verb_mail_retry(const struct given *given)
{
    return mail_run(given, mail_retry_tx, mail_print_retry);
}
