#include "mail/compose.h"

#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "net/domain.h"

#define HEADER_MAX_BYTES 990
#define WORD_MAX_BYTES 20 /* of the text: RFC 2047 allows 75 characters, and each byte may take three */
#define HOST_OF_URL(url) str_skip((url), strlen("https://"))

static struct str compose_host(const struct conf *conf)
{
    struct str url = HOST_OF_URL(conf->service_url), host = url;

    return str_cut(&url, ':', &host) ? host : HOST_OF_URL(conf->service_url);
}

bool compose_sender(const struct conf *conf, struct arena *arena, struct compose_sender *ret_sender)
{
    struct str host, address = conf->smtp_from;

    bool has_host = net_domain_ascii(arena, compose_host(conf), &host);
    if (address.n == 0 && has_host)
        address = arena_printf(arena, "no-reply@%.*s", STR_FMT(host));
    if (address.n == 0 || !net_address_ascii(arena, address, &address))
        return false;
    struct str domain = address, local;
    ASSERT(str_cut(&domain, '@', &local));
    *ret_sender = (struct compose_sender){.service = conf->service_name,
                                          .url = conf->service_url,
                                          .hello = arena_strdup(arena, has_host ? host : domain),
                                          .from = address,
                                          .domain = domain};
    return true;
}

/* Where a word may end: at most WORD_MAX_BYTES on, and not in the middle of a character. */
static size_t compose_word_bytes(struct str text)
{
    size_t n = MIN(text.n, (size_t)WORD_MAX_BYTES);

    while (n < text.n && n > 1 && ((uint8_t)text.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static bool compose_is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    return memmem(text.p, text.n, "=?", 2) == NULL;
}

struct str compose_words(struct arena *arena, struct str text)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(HEADER_MAX_BYTES);

    if (compose_is_plain(text))
        return text;
    if (!text_is_utf8(text))
        text = STR("?");
    while (text.n > 0) {
        size_t n = compose_word_bytes(text);
        buf_puts(&b, b.n > 0 ? " =?UTF-8?Q?" : "=?UTF-8?Q?");
        for (size_t i = 0; i < n; i++)
            buf_printf(&b, "=%02X", (uint8_t)((uint8_t)text.p[i] < ' ' ? ' ' : text.p[i]));
        buf_puts(&b, "?=");
        text = str_skip(text, n);
    }
    return b.overflow ? STR("?") : arena_str(arena, buf_str(&b));
}

/* A phrase before an address: quoted, unless it is encoded. */
static struct str compose_phrase(struct arena *arena, struct str text)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(HEADER_MAX_BYTES);

    if (!compose_is_plain(text))
        return compose_words(arena, text);
    buf_putc(&b, '"');
    for (size_t i = 0; i < text.n; i++)
        buf_puts(&b,
                 text.p[i] == '"' || text.p[i] == '\\' ? (char[]){'\\', text.p[i], '\0'} : (char[]){text.p[i], '\0'});
    buf_putc(&b, '"');
    return b.overflow ? STR("?") : arena_str(arena, buf_str(&b));
}

static struct tm compose_tm(int64_t at_us)
{
    time_t at = (time_t)(at_us / US_PER_SEC);
    struct tm tm;

    ASSERT(gmtime_r(&at, &tm) != NULL);
    return tm;
}

/* RFC 5322, 3.3; the programs never leave the C locale. */
static struct str compose_date(struct arena *arena, int64_t at_us)
{
    struct tm tm = compose_tm(at_us);
    char text[64];

    return arena_str(arena, str_of(text, strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm)));
}

/* For people. */
static struct str compose_moment(struct arena *arena, int64_t at_us)
{
    struct tm tm = compose_tm(at_us);
    char text[64];

    return arena_str(arena, str_of(text, strftime(text, sizeof text, "%d %B %Y, %H:%M UTC", &tm)));
}

static void compose_add(struct composed *c, const char *name, struct str value)
{
    ASSERT(c->headers_n < COMPOSE_HEADERS_MAX);
    c->headers[c->headers_n++] = (struct net_header){name, value};
}

/*
 * The same at each try: some programs then show a mail that came twice once. But not the id: an answer names its Message-ID to
 * others, and who knows the id can say that the mail came back (model/mail/bounced.h).
 */
static struct str compose_message_id(struct arena *arena, const struct compose_sender *s, const struct uuid *id)
{
    struct sha256 digest = sha256_of(str_of(id->b, sizeof id->b));

    return arena_printf(arena, "<%.*s@%.*s>", STR_FMT(hex_encode(arena, digest.b, sizeof id->b)), STR_FMT(s->domain));
}

static void compose_headers(struct arena *arena, const struct compose_sender *s, const struct mail_outgoing *mail,
                            struct str token, int64_t now_us, struct composed *c)
{
    compose_add(c, "From",
                arena_printf(arena, "%.*s <%.*s>", STR_FMT(compose_phrase(arena, s->service)), STR_FMT(s->from)));
    compose_add(c, "To", arena_printf(arena, "<%.*s>", STR_FMT(c->to)));
    compose_add(c, "Subject", compose_words(arena, c->letter.subject));
    compose_add(c, "Date", compose_date(arena, now_us));
    compose_add(c, "Message-ID", compose_message_id(arena, s, &mail->id));
    compose_add(c, "Auto-Submitted", STR("auto-generated")); /* RFC 3834: no answer from an absent reader's program */
    if (mail_kinds[mail->template].link == TOKEN_UNSUBSCRIBE)
        c->headers_n += unsubscribe_headers(arena, s->url, token, &c->headers[c->headers_n]);
}

static struct str compose_hello(struct arena *arena, struct str name)
{
    return name.n == 0 ? STR("Hello,") : arena_printf(arena, "Hello %.*s,", STR_FMT(name));
}

static struct str compose_link(struct arena *arena, const struct compose_sender *s, const struct mail_outgoing *mail,
                               struct str token)
{
    enum token_purpose purpose = mail_kinds[mail->template].link;

    if (purpose == TOKEN_NONE)
        return mail->params.link;
    return arena_printf(arena, "%.*s/%s#%.*s", STR_FMT(s->url), template_page(purpose), STR_FMT(token));
}

bool compose(struct arena *arena, const struct compose_sender *sender, const struct mail_outgoing *mail,
             struct str token, int64_t now_us, struct composed *ret_composed)
{
    const struct mail_params *p = &mail->params;
    struct composed c = {.headers_n = 0};

    if (!net_address_ascii(arena, mail->email, &c.to))
        return false;
    c.from = mail_sender(arena, &mail->id, sender->domain);
    template_write(arena, mail->template,
                   &(struct template_values){
                       .service = sender->service,
                       .url = sender->url,
                       .hello = compose_hello(arena, mail->name),
                       .link = compose_link(arena, sender, mail, token),
                       .key_name = p->key_name,
                       .about = p->about,
                       .why = p->why,
                       .at = p->at_us == 0 ? (struct str){0} : compose_moment(arena, p->at_us),
                       .count = p->count == 0 ? (struct str){0} : arena_printf(arena, "%lld", (long long)p->count),
                   },
                   &c.letter);
    compose_headers(arena, sender, mail, token, now_us, &c);
    *ret_composed = c;
    return true;
}
