/*
 * What others have a say in of a mail: a user's name, a title, a key's name, the address of a bounce. Invariants: headers are
 * one line of ASCII each, the HTML has no tag but the template's, and who a bounce is for is what it was sent with.
 */
#include "fuzz.h"

#include "mail/compose.h"

#define VALUE_MAX_BYTES 1500

static size_t count(struct str text, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == c;
    return n;
}

static void check(struct arena *arena, const struct compose_sender *sender, const struct mail_outgoing *mail,
                  size_t tags)
{
    struct composed c;

    if (!compose(arena, sender, mail, STR("TOKEN"), 1, &c))
        return;
    for (size_t i = 0; i < c.headers_n; i++)
        for (size_t k = 0; k < c.headers[i].value.n; k++)
            ASSERT(c.headers[i].value.p[k] >= ' ' && c.headers[i].value.p[k] <= '~');
    ASSERT(count(c.letter.html, '<') == tags && count(c.letter.html, '>') == tags);
    struct uuid id;
    ASSERT(mail_of_sender(c.from, &id) && uuid_eq(&id, &mail->id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf conf = {
        .service_name = STR("Service"), .service_url = STR("https://example.com"), .smtp_from = STR("")};
    struct str rest = str_of(data, MIN(size, (size_t)VALUE_MAX_BYTES)), name = rest, about = rest;
    struct compose_sender sender;
    struct composed plain;
    struct arena arena;
    struct uuid id;

    (void)str_cut(&about, '|', &name);
    if (mail_of_sender(rest, &id)) {
        arena_init(&arena, FUZZ_ARENA_BYTES);
        struct str again = mail_sender(&arena, &id, STR("x"));
        ASSERT(str_ieq(str_head(rest, again.n - 1), str_head(again, again.n - 1)));
        arena_done(&arena);
    }
    arena_init(&arena, FUZZ_ARENA_BYTES);
    ASSERT(compose_sender(&conf, &arena, &sender));
    struct mail_outgoing mail = {.template = MAIL_POST_FAILED,
                                 .email = STR("ann@example.com"),
                                 .name = STR("x"),
                                 .params = {.about = STR("x"), .why = STR("x"), .count = 1}};
    ASSERT(compose(&arena, &sender, &mail, STR("TOKEN"), 1, &plain));
    size_t tags = count(plain.letter.html, '<');
    mail.name = name.n == 0 ? STR("x") : name;
    mail.params.about = about.n == 0 ? STR("x") : about;
    mail.params.why = mail.params.about;
    check(&arena, &sender, &mail, tags);
    mail.email = rest;
    check(&arena, &sender, &mail, tags);
    conf.service_name = conf.smtp_from = rest;
    if (compose_sender(&conf, &arena, &sender)) {
        mail.email = STR("ann@example.com");
        check(&arena, &sender, &mail, tags);
    }
    arena_done(&arena);
    return 0;
}
