/* marketingcli-admin mail bounce: what the mail server pipes into it. */
#include <stdio.h>

#include "admin.h"
#include "model/mail/bounced.h"
#include "model/mail/sending.h"
#include "net/bounce.h"

/* To its end, also beyond what is looked at: a mail server takes a broken pipe for a failure. False: it could not be read. */
static bool bounce_take(struct arena *arena, struct str *ret_message)
{
    char *p = arena_alloc(arena, BOUNCE_MAX_BYTES), rest[4096];
    size_t n = fread(p, 1, BOUNCE_MAX_BYTES, stdin);

    while (fread(rest, 1, sizeof rest, stdin) > 0)
        ;
    *ret_message = str_of(p, n);
    return ferror(stdin) == 0;
}

/* Which mail is it about? The envelope's recipient is its envelope's sender. */
static bool bounce_find_mail(const struct bounce *b, const char *recipient, struct uuid *ret_id)
{
    if (recipient != NULL)
        return mail_of_sender(str_from(recipient), ret_id);
    for (size_t i = 0; i < b->recipients.n; i++)
        if (mail_of_sender(b->recipients.v[i], ret_id))
            return true;
    return false;
}

static int bounce_note(struct desk *desk, const struct uuid *mail_id, const struct bounce *b)
{
    bool marked = false;
    enum err e = mail_bounced(desk->db, &desk->arena, mail_id, b->why, b->is_of_address, &marked);

    if (e == ERR_NOT_FOUND) {
        printf("%s: there is no such mail, or not any more\n", uuid_text(mail_id).s);
        return EXIT_DONE;
    }
    if (e != OK) {
        (void)desk_complain(desk, e);
        return EXIT_TRY_AGAIN;
    }
    printf("%s: came back for good (%.*s)%s\n", uuid_text(mail_id).s, STR_FMT(b->why),
           marked ? "; the user's address is marked as undeliverable" : "");
    return EXIT_DONE;
}

int verb_mail_bounce(const struct given *given)
{
    int code = EXIT_DONE;
    struct uuid mail_id;
    struct str message;
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_TRY_AGAIN;
    if (!bounce_take(&desk.arena, &message)) {
        desk_close(&desk);
        return EXIT_TRY_AGAIN;
    }
    const struct bounce b = bounce_read(&desk.arena, message);
    if (!bounce_find_mail(&b, given->recipient, &mail_id))
        printf("ignored: it is for none of our mails\n");
    else if (!b.is_permanent)
        printf("%s: ignored: not a report of a mail that failed for good (RFC 3464)\n", uuid_text(&mail_id).s);
    else
        code = bounce_note(&desk, &mail_id, &b);
    desk_close(&desk);
    return code;
}
