#include "net/mail.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/transfer.h"

#define LINE_MAX_BYTES 998    /* RFC 5322, 2.1.1 */
#define ADDRESS_MAX_BYTES 254 /* RFC 5321, 4.5.3.1.3, without its brackets */
#define REPLY_MAX_BYTES 500
#define QUIT_WAIT_US (2 * US_PER_SEC) /* for the answer, for politeness */

/* What the relay's next reply is about. */
enum mail_stage {
    MAIL_SESSION,   /* greeting, EHLO, STARTTLS, AUTH */
    MAIL_SENDER,    /* MAIL */
    MAIL_RECIPIENT, /* RCPT */
    MAIL_DATA,      /* DATA */
    MAIL_CONTENT,   /* the mail */
    MAIL_JUDGED,    /* nothing more: QUIT */
};

/* A text or HTML part, with lines that end with CR LF. */
struct mail_part {
    struct mail_transfer *mail;
    struct secret body; /* a link that signs in, or resets a password */
    size_t at;
    bool last;
};

struct mail_transfer {
    struct transfer base;
    curl_mime *mime;
    struct curl_slist *to;
    struct mail_part text, html;
    enum mail_stage stage;
    bool must_sign_in, signed_in, timed_out, of_recipient;
    const char *not_ours; /* why it was refused, if that is not about the mail but about this installation; static */
    int64_t timeout_us, judge_timeout_us, end_by_us, quit_by_us;
    int reply_code;
    char reply[REPLY_MAX_BYTES + 1];
};

static struct mail_transfer *mail_of(struct transfer *t)
{
    return (struct mail_transfer *)t;
}

/* libcurl goes on without signing in when the relay offers no way that it knows. */
static const char *mail_begin(struct transfer *t)
{
    struct mail_transfer *m = mail_of(t);

    if (m->must_sign_in && !m->signed_in)
        return "the relay offers no sign-in that is known here";
    m->stage = MAIL_SENDER;
    return NULL;
}

/*
 * What would be said of every mail. RFC 4954, 6: 53x is about our account there. RFC 3463, 3.8: X.7.x to RCPT or DATA is about who may
 * send what to whom through this relay; after the mail itself it may be about its words.
 */
static const char *mail_not_ours(const struct mail_transfer *m)
{
    if (m->reply_code / 10 == 53)
        return "the relay wants another sign-in";
    if (m->reply_code < 500)
        return NULL;
    if (m->stage == MAIL_SENDER)
        return "the relay refuses our sender";
    return (m->stage == MAIL_RECIPIENT || m->stage == MAIL_DATA) && strncmp(m->reply, "5.7.", 4) == 0
               ? "the relay does not send for us"
               : NULL;
}

static void mail_judge(struct mail_transfer *m)
{
    m->not_ours = mail_not_ours(m);
    m->of_recipient = m->stage == MAIL_RECIPIENT;
    m->stage = MAIL_JUDGED;
    m->quit_by_us = clock_mono_us() + QUIT_WAIT_US;
}

/* Without a character that is cut at its end. What is no UTF-8 stays as it is. */
static size_t mail_whole_bytes(const char *p, size_t n)
{
    for (size_t cut = 0; cut < 4 && cut <= n; cut++)
        if (text_is_utf8(str_of(p, n - cut)))
            return n - cut;
    return n;
}

static void mail_take_reply(struct mail_transfer *m, int code, struct str words)
{
    size_t n = 0;

    if (m->stage == MAIL_JUDGED)
        return;
    for (size_t i = 0; i < words.n && n < REPLY_MAX_BYTES; i++) {
        uint8_t c = (uint8_t)words.p[i];
        if (c >= ' ' && c != 0x7f)
            m->reply[n++] = words.p[i];
    }
    n = mail_whole_bytes(m->reply, n);
    m->reply[n] = '\0';
    m->reply_code = code;
    if (m->stage == MAIL_SESSION)
        m->signed_in = m->signed_in || code == 235;
    else if (m->stage == MAIL_CONTENT || code >= 400)
        mail_judge(m);
    else if (m->stage == MAIL_SENDER)
        m->stage = MAIL_RECIPIENT;
    else if (m->stage == MAIL_RECIPIENT)
        m->stage = MAIL_DATA;
    else if (code == 354)
        m->stage = MAIL_CONTENT;
}

/* libcurl hands each line of a reply to CURLOPT_HEADERFUNCTION. The last one has no hyphen after its code. */
static size_t mail_on_reply(char *p, size_t size, size_t count, void *arg)
{
    struct mail_transfer *m = arg;
    struct str line = str_of(p, size * count);
    int64_t code;

    if (!transfer_count_header(&m->base, line.n))
        return 0;
    if (line.n >= 3 && (line.n == 3 || p[3] != '-') && str_to_i64(str_head(line, 3), &code) && code >= 200)
        mail_take_reply(m, (int)code, str_trim(str_skip(line, 3)));
    return line.n;
}

/* libcurl's timeout is the same for all, and does not cover the wait for the answer to QUIT, which nobody needs once the mail is
 * judged. */
static int mail_on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    struct mail_transfer *m = arg;
    int64_t now_us = clock_mono_us();
    (void)down, (void)down_now, (void)up, (void)up_now;

    if (m->end_by_us == 0)
        m->end_by_us = now_us + m->timeout_us;
    if (m->stage == MAIL_JUDGED)
        return now_us > m->quit_by_us;
    m->timed_out = now_us > m->end_by_us || transfer_must_stop(&m->base);
    return m->timed_out;
}

/* A relay can take a mail only when it is whole: after the last byte of its last part. */
static size_t mail_on_part(char *p, size_t size, size_t count, void *arg)
{
    struct mail_part *part = arg;
    size_t n = MIN(size * count, part->body.n - part->at);

    memcpy(p, part->body.p + part->at, n);
    part->at += n;
    if (part->last && part->at == part->body.n && !part->mail->base.may_have_left) {
        part->mail->base.may_have_left = true;
        part->mail->end_by_us = clock_mono_us() + part->mail->judge_timeout_us;
    }
    return n;
}

static bool mail_answered(struct transfer *t, CURLcode code)
{
    struct mail_transfer *m = mail_of(t);
    (void)code;

    if (m->timed_out)
        t->detail = curl_easy_strerror(CURLE_OPERATION_TIMEDOUT);
    if (m->stage != MAIL_JUDGED)
        return false;
    if (m->not_ours != NULL) { /* and it has not taken the mail */
        t->may_have_left = false;
        t->detail = m->not_ours;
        return false;
    }
    t->detail = "judged by the relay";
    return true;
}

static void mail_result(const struct transfer *t, struct net_result *r)
{
    const struct mail_transfer *m = (const struct mail_transfer *)t;

    if (t->err != OK && (t->err != ERR_NET_NOT_SENT || m->reply_code < 400))
        return;
    r->status = m->reply_code;
    r->body = arena_str(t->arena, str_from(m->reply));
    r->of_recipient = t->err == OK && m->of_recipient;
    r->sign_in_refused = m->must_sign_in && m->stage == MAIL_SESSION && m->reply_code / 10 == 53; /* RFC 4954, 6 */
}

static void mail_done(struct transfer *t)
{
    struct mail_transfer *m = mail_of(t);

    curl_mime_free(m->mime);
    curl_slist_free_all(m->to);
    secret_done(&m->text.body);
    secret_done(&m->html.body);
}

static const struct transfer_kind mail_kind = {
    .begin = mail_begin,
    .answered = mail_answered,
    .result = mail_result,
    .done = mail_done,
};

static bool mail_is_host(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:[]")] == '\0';
}

/* Nothing that could end "RCPT TO:<...>" early. */
bool net_mail_is_address(struct str address)
{
    struct str local;

    if (address.n > ADDRESS_MAX_BYTES || !str_cut(&address, '@', &local) || local.n == 0 || address.n == 0)
        return false;
    for (size_t i = 0; i < local.n; i++)
        if (local.p[i] <= ' ' || local.p[i] >= 0x7f || strchr("()<>[]\\,;:\"", local.p[i]) != NULL)
            return false;
    for (size_t i = 0; i < address.n; i++)
        if (!char_is_alnum(address.p[i]) && address.p[i] != '.' && address.p[i] != '-')
            return false;
    return true;
}

/* As a C string, for libcurl; the length has been checked. */
static const char *mail_cstr(struct str s, char *room)
{
    memcpy(room, s.p, s.n);
    room[s.n] = '\0';
    return room;
}

static void mail_set_relay(struct transfer *t, const struct net_mail *mail)
{
    _cleanup_(buf_done) struct buf url = BUF_MAX(2048);
    const char *hello = mail->hello != NULL ? mail->hello : "";

    if (!mail_is_host(mail->host) || (hello[0] != '\0' && !mail_is_host(hello)))
        transfer_forbid(t, "the relay's name or our own is not a host name");
    buf_printf(&url, "%s://%s:%d/%s", mail->tls == NET_MAIL_TLS ? "smtps" : "smtp", mail->host, mail->port, hello);
    if (url.overflow)
        transfer_forbid(t, "the relay's name is too long");
    transfer_set_url(t, url.p);
    TRANSFER_SET(t, CURLOPT_USE_SSL, (long)(mail->tls == NET_MAIL_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (mail->user.p == NULL)
        return;
    struct secret user = secret_copy(mail->user);
    TRANSFER_SET(t, CURLOPT_USERNAME, user.p);
    TRANSFER_SET(t, CURLOPT_PASSWORD, mail->secret.p != NULL ? mail->secret.p : "");
    /* Inside TLS these are enough. libcurl would try Kerberos and MD5 before them. */
    TRANSFER_SET(t, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    mail_of(t)->must_sign_in = true;
    secret_done(&user);
}

static void mail_set_envelope(struct transfer *t, const struct net_mail *mail)
{
    struct mail_transfer *m = mail_of(t);
    char room[ADDRESS_MAX_BYTES + 1];

    if (!net_mail_is_address(mail->to) || (mail->from.n > 0 && !net_mail_is_address(mail->from))) {
        transfer_forbid(t, "an address is malformed");
        return;
    }
    TRANSFER_SET(t, CURLOPT_MAIL_FROM, mail->from.n > 0 ? mail_cstr(mail->from, room) : "");
    m->to = curl_slist_append(NULL, mail_cstr(mail->to, room));
    ASSERT(m->to != NULL);
    TRANSFER_SET(t, CURLOPT_MAIL_RCPT, m->to);
}

static void mail_set_headers(struct transfer *t, const struct net_mail *mail)
{
    transfer_add_header(t, "Content-Type", STR("multipart/alternative"),
                        LINE_MAX_BYTES); /* libcurl adds the boundary */
    for (size_t i = 0; i < mail->n_headers; i++) {
        const struct net_header *h = &mail->headers[i];
        ASSERT(strcasecmp(h->name, "MIME-Version") != 0 && strncasecmp(h->name, "Content-", 8) != 0);
        for (size_t k = 0; k < h->value.n; k++)
            if ((uint8_t)h->value.p[k] >= 0x80)
                transfer_forbid(t, "a header is not ASCII");
        transfer_add_header(t, h->name, h->value, LINE_MAX_BYTES);
    }
}

static void mail_add_part(struct mail_transfer *m, struct mail_part *part, struct str text, const char *type)
{
    _cleanup_(buf_done) struct buf lines = BUF_MAX(2 * NET_MAIL_PART_MAX_BYTES);
    curl_mimepart *p = curl_mime_addpart(m->mime);

    if (text.n == 0 || text.n > NET_MAIL_PART_MAX_BYTES) {
        transfer_forbid(&m->base, "a part of the mail is empty or too large");
        return;
    }
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\n')
            buf_puts(&lines, "\r\n");
        else
            buf_putc(&lines, text.p[i]);
    *part = (struct mail_part){.mail = m, .body = secret_copy(buf_str(&lines))};
    ASSERT(p != NULL);
    ASSERT(curl_mime_data_cb(p, (curl_off_t)lines.n, mail_on_part, NULL, NULL, part) == CURLE_OK);
    ASSERT(curl_mime_type(p, type) == CURLE_OK);
    ASSERT(curl_mime_encoder(p, "quoted-printable") == CURLE_OK);
}

static void mail_set_content(struct transfer *t, const struct net_mail *mail)
{
    struct mail_transfer *m = mail_of(t);

    m->mime = curl_mime_init(t->easy);
    ASSERT(m->mime != NULL);
    mail_add_part(m, &m->text, mail->text, "text/plain; charset=utf-8");
    if (mail->html.p != NULL)
        mail_add_part(m, &m->html, mail->html, "text/html; charset=utf-8");
    *(mail->html.p != NULL ? &m->html.last : &m->text.last) = true;
    TRANSFER_SET(t, CURLOPT_MIMEPOST, m->mime);
}

struct transfer *transfer_new_mail(const struct net_mail *mail)
{
    struct mail_transfer *m = xcalloc(1, sizeof *m);
    struct transfer *t = &m->base;

    transfer_init(t, &mail_kind,
                  &(struct transfer_options){
                      .protocol = mail->tls == NET_MAIL_TLS ? "smtps" : "smtp",
                      .ca_file = mail->ca_file,
                      .timeout_sec = mail->timeout_sec + mail->judge_timeout_sec, /* mail_on_progress looks at each */
                      .connect_timeout_sec = mail->connect_timeout_sec,
                      .start_by_us = mail->start_by_us,
                      .reach = mail->tls == NET_MAIL_PLAIN ? TRANSFER_LOOPBACK : TRANSFER_ANYWHERE,
                      .to = OUTGOING_RELAY,
                  });
    t->may_block = true; /* libcurl 7.88 waits for the replies to the mail and to QUIT inside curl_multi_perform */
    m->timeout_us = mail->timeout_sec * US_PER_SEC;
    m->judge_timeout_us = mail->judge_timeout_sec * US_PER_SEC;
    /* Its own limit of an answer is two minutes. */
    TRANSFER_SET(t, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(mail->timeout_sec + mail->judge_timeout_sec));
    TRANSFER_SET(t, CURLOPT_FRESH_CONNECT, 1L);
    TRANSFER_SET(t, CURLOPT_FORBID_REUSE, 1L);
    TRANSFER_SET(t, CURLOPT_HEADERFUNCTION, mail_on_reply);
    TRANSFER_SET(t, CURLOPT_HEADERDATA, m);
    TRANSFER_SET(t, CURLOPT_NOPROGRESS, 0L);
    TRANSFER_SET(t, CURLOPT_XFERINFOFUNCTION, mail_on_progress);
    TRANSFER_SET(t, CURLOPT_XFERINFODATA, m);
    mail_set_relay(t, mail);
    mail_set_envelope(t, mail);
    mail_set_headers(t, mail);
    mail_set_content(t, mail);
    return t;
}

void net_mail_run(struct arena *arena, const struct net_mail *mail, struct net_result *ret_result)
{
    _cleanup_(transfer_freep) struct transfer *t = transfer_new_mail(mail);

    transfer_run(t, arena, ret_result);
}
