#include "relays.h"

#include "base/text.h"
#include "net/loop.h"

static struct net_result send_mail(const struct net_mail *mail)
{
    struct net_result r;

    net_mail_run(&arena, mail, &r);
    return r;
}

static void assert_taken(const struct net_mail *mail)
{
    struct net_result r = send_mail(mail);

    if (r.err != OK)
        print_message("%s: %s (%d %.*s)\n", err_slug(r.err), r.detail, r.status, STR_FMT(r.body));
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 250);
    assert_true(str_eqc(r.body, "2.0.0 Taken as 4711"));
    assert_string_equal(kept("envelope"), "bounce+7@example.org ok@example.com");
}

/* status 0: no reply. Nothing was taken. */
static void assert_not_sent(const struct net_mail *mail, int status)
{
    struct net_result r = send_mail(mail);

    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_int_equal(r.status, status);
    assert_string_equal(kept("envelope"), "nothing");
}

static void test_content(void **state)
{
    struct net_mail mail = mail_to(PLAIN, "ok@example.com");
    (void)state;

    assert_taken(&mail);
    assert_string_equal(kept("headers"), "multipart/alternative\nMime-Version: 1.0\n"
                                         "From: MarketingCLI <post@example.org>\nTo: J\xc3\xbcrgen <ok@example.com>\n"
                                         "Subject: Confirm your address\nMessage-ID: <1@example.org>\n"
                                         "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n");
    assert_string_equal(kept("text"), mail.text.p);
    assert_string_equal(kept("html"), mail.html.p);
    mail.html = (struct str){0};
    mail.from = STR("");
    assert_int_equal(send_mail(&mail).status, 250);
    assert_string_equal(kept("html"), "none");
    assert_string_equal(kept("text"), mail.text.p);
    assert_string_equal(kept("envelope"), "<> ok@example.com");
}

static void test_large(void **state)
{
    struct net_mail mail = mail_to(TLS, "ok@example.com");
    char *text = arena_alloc(&arena, NET_MAIL_PART_MAX_BYTES + 2);
    (void)state;

    memset(text, 'x', NET_MAIL_PART_MAX_BYTES);
    for (size_t i = 0; i < NET_MAIL_PART_MAX_BYTES; i += 1000)
        memcpy(text + i, "\n.\n", 3);
    mail.text = str_from(text);
    assert_taken(&mail);
    assert_true(strcmp(kept("text"), text) == 0);
    text[NET_MAIL_PART_MAX_BYTES] = 'x';
    mail.text = str_from(text);
    assert_int_equal(send_mail(&mail).err, ERR_NET_FORBIDDEN);
}

static void test_tls(void **state)
{
    struct net_mail starttls = mail_to(STARTTLS, "ok@example.com"), tls = mail_to(TLS, "ok@example.com");
    (void)state;

    assert_taken(&starttls);
    assert_int_equal(clear(state), 0);
    assert_taken(&tls);
}

static void test_no_trust(void **state)
{
    struct net_mail starttls = mail_to(STARTTLS, "ok@example.com"), tls = mail_to(TLS, "ok@example.com");
    struct net_mail refusing = mail_to(REFUSING, "ok@example.com"), without = mail_to(PLAIN, "ok@example.com");
    (void)state;

    without.tls = NET_MAIL_STARTTLS;
    assert_not_sent(&without, 0);
    assert_not_sent(&refusing, 454);
    starttls.ca_file = tls.ca_file = server.other_ca;
    assert_not_sent(&starttls, 0);
    assert_not_sent(&tls, 0);
    starttls.ca_file = tls.ca_file = server.ca;
    starttls.host = tls.host = "127.0.0.2"; /* not in the certificate; the relays listen on 127.0.0.1 only, so: */
    assert_not_sent(&starttls, 0);
    starttls.host = tls.host = "relay.localhost";
    assert_not_sent(&starttls, 0);
    assert_not_sent(&tls, 0);
}

static void test_sign_in(void **state)
{
    struct net_mail wrong = mail_to(STARTTLS, "ok@example.com"), none = mail_to(STARTTLS, "ok@example.com");
    struct net_mail not_offered = mail_to(NO_SIGN_IN, "ok@example.com");
    (void)state;

    wrong.secret = (struct secret){(char *)"guessed", 7};
    assert_not_sent(&wrong, 535);
    none.user = (struct str){0};
    assert_not_sent(&none, 530); /* at MAIL: the account's fault, not the mail's */
    assert_not_sent(&not_offered, 0);
    not_offered.user = (struct str){0};
    assert_taken(&not_offered);
}

/* The relay has another password than the first one: it is tried at once, also by who waits for the loop, and remembered. */
static void test_next_secret(void **state)
{
    struct secret_ring ring = {.name = "smtp-password", .v = {{(char *)"new", 3}, SECRET}, .n = 2};
    struct secret_try with = secret_try_begin(&ring);
    struct net_mail mail = mail_to(TLS, "ok@example.com");
    int64_t began_us = clock_mono_us();
    (void)state;

    mail.secret = *secret_try_now(&with);
    mail.with = &with;
    struct net_result r = send_mail(&mail);
    assert_true(r.sign_in_refused);
    assert_true(net_mail_again(&mail, &r, began_us));
    assert_taken(&mail);
    r = (struct net_result){.status = 250};
    assert_false(net_mail_again(&mail, &r, began_us));
    assert_int_equal(ring.current, 1);

    struct net_mail sender = mail_to(TLS, "ok@example.com"), none = mail_to(STARTTLS, "ok@example.com");
    sender.from = STR("m553@example.org");
    r = send_mail(&sender);
    assert_false(r.sign_in_refused); /* it is signed in */
    none.user = (struct str){0};
    assert_false(send_mail(&none).sign_in_refused); /* it has said no password */
}

static void assert_judged(enum relay relay, const char *to, int status, const char *words)
{
    struct net_mail mail = mail_to(relay, to);
    struct net_result r = send_mail(&mail);

    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, status);
    assert_true(str_eqc(r.body, words));
    assert_string_equal(kept("envelope"), "nothing");
}

static void test_judged(void **state)
{
    struct net_mail sender = mail_to(PLAIN, "ok@example.com"), account = mail_to(PLAIN, "r530@example.com");
    (void)state;

    assert_judged(PLAIN, "r450@example.com", 450, "4.1.1 You said <r450@example.com>");
    assert_judged(TLS, "r550@example.com", 550, "5.1.1 You said <r550@example.com>");
    assert_judged(PLAIN, "r421@example.com", 421, "4.1.1 You said <r421@example.com>");
    assert_judged(PLAIN, "d451@example.com", 451, "4.7.1 Not this one");
    assert_judged(STARTTLS, "d554@example.com", 554, "5.7.1 Not this one");
    sender.from = STR("m452@example.org");
    struct net_result r = send_mail(&sender);
    assert_int_equal(r.status, 452);
    assert_true(str_eqc(r.body, "4.2.2 No room")); /* the last of two lines */
    assert_not_sent(&account, 530);
    account.to = STR("d530@example.com"); /* all of it was there, and is not taken */
    assert_not_sent(&account, 530);
}

/* Of the address it is said before the relay has seen a mail: at RCPT, and at no other time. */
static void test_whose_fault(void **state)
{
    static const struct {
        const char *to;
        bool of_recipient;
    } cases[] = {
        {"r550@example.com", true},  {"r450@example.com", true},  {"c550@example.com", false},
        {"d554@example.com", false}, {"d451@example.com", false}, {"ok@example.com", false},
    };
    struct net_mail sender = mail_to(PLAIN, "ok@example.com"), signing_in = mail_to(STARTTLS, "ok@example.com");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_mail mail = mail_to(PLAIN, cases[i].to);
        struct net_result r = send_mail(&mail);
        assert_int_equal(r.err, OK);
        if (r.of_recipient != cases[i].of_recipient)
            fail_msg("of %s it is said otherwise", cases[i].to);
    }
    sender.from = STR("m452@example.org");
    assert_false(send_mail(&sender).of_recipient);
    sender.to = STR("r554@example.com"); /* who may send what to whom */
    sender.from = STR("bounce+7@example.org");
    assert_false(send_mail(&sender).of_recipient);
    signing_in.secret = (struct secret){(char *)"guessed", 7};
    assert_false(send_mail(&signing_in).of_recipient);
}

/* Letters beyond ASCII are kept (RFC 6531), whatever the signedness of char, and none is cut in its middle. */
static void test_words_of_a_reply(void **state)
{
    struct net_mail letters = mail_to(PLAIN, "rletters@example.com"), cut = mail_to(PLAIN, "rlong@example.com");
    (void)state;

    assert_true(str_eqc(send_mail(&letters).body, "5.1.1 Zo\xc3\xab is not here"));
    struct str body = send_mail(&cut).body;
    assert_int_equal(body.n, 499);
    assert_true(str_ends(body, STR("xxxxxxZo")));
    assert_true(text_is_utf8(body));
}

/* 5xx to our sender, or to whom we send through it, would be said of every mail. */
static void test_refused_as_a_whole(void **state)
{
    struct net_mail sender = mail_to(PLAIN, "ok@example.com"), relaying = mail_to(TLS, "r554@example.com");
    (void)state;

    sender.from = STR("m553@example.org");
    assert_not_sent(&sender, 553);
    assert_not_sent(&relaying, 554);
    struct net_result r = send_mail(&relaying);
    assert_true(str_eqc(r.body, "5.7.1 Relay access denied"));
    assert_false(r.unasked);
}

/* A relay that goes away: whether it can have taken the mail depends on whether the mail was whole. */
static void test_dropped(void **state)
{
    struct net_mail busy = mail_to(BUSY, "ok@example.com"), cut = mail_to(CUT, "ok@example.com");
    struct net_mail after = mail_to(TLS, "ddrop@example.com"), nobody = mail_to(PLAIN, "ok@example.com");
    char *text = arena_alloc(&arena, NET_MAIL_PART_MAX_BYTES + 1);
    (void)state;

    assert_not_sent(&busy, 421);
    memset(text, '=', NET_MAIL_PART_MAX_BYTES); /* three times as long, quoted: more than sockets hold */
    cut.html = str_from(text);
    assert_not_sent(&cut, 0);
    assert_int_equal(send_mail(&after).err, ERR_NET_UNKNOWN);
    nobody.port = 1;
    assert_not_sent(&nobody, 0);
}

static void test_hanging(void **state)
{
    struct net_mail silent = mail_to(SILENT, "ok@example.com"), envelope = mail_to(PLAIN, "rhang@example.com");
    struct net_mail after = mail_to(TLS, "dhang@example.com"), quiet = mail_to(PLAIN, "ok@example.com");
    (void)state;

    silent.timeout_sec = envelope.timeout_sec = 1;
    after.judge_timeout_sec = 1;
    assert_not_sent(&silent, 0);
    assert_not_sent(&envelope, 0);
    struct net_result r = send_mail(&after);
    assert_int_equal(r.err, ERR_NET_UNKNOWN);
    assert_string_equal(r.detail, "Timeout was reached");
    /* The mail is taken; that QUIT has no answer for an hour is nobody's concern. */
    quiet.hello = "quiet";
    quiet.timeout_sec = 3600;
    assert_taken(&quiet);
}

static void test_late(void **state)
{
    struct net_mail mail = mail_to(PLAIN, "ok@example.com");
    (void)state;

    mail.start_by_us = clock_boot_us() - 1;
    assert_not_sent(&mail, 0);
    assert_true(send_mail(&mail).unasked);
}

static void assert_forbidden(const struct net_mail *mail)
{
    assert_int_equal(send_mail(mail).err, ERR_NET_FORBIDDEN);
    assert_string_equal(kept("envelope"), "nothing");
}

static void test_bad_addresses(void **state)
{
    static const struct str bad[] = {
        STR(""),
        STR("ok"),
        STR("@example.com"),
        STR("ok@"),
        STR("a b@example.com"),
        STR("ok@exa mple.com"),
        STR("ok@example.com>\r\nRCPT TO:<other@example.com"),
        STR("ok\n@example.com"),
        STR("ok\r@example.com"),
        STR("ok@example.com\0"),
        STR("o\0k@example.com"),
        STR("<ok@example.com>"),
        STR("ok@example.com> SIZE=1"),
        STR("ok@b\xc3\xbc"
            "cher.example"),
        STR("\xc3\xb6k@example.com"),
        STR("ok@a@example.com"),
        STR("\"a b\"@example.com"),
        STR("ok@example.com,other@example.com"),
    };
    struct net_mail mail = mail_to(PLAIN, "ok@example.com");
    char *longest = arena_alloc(&arena, 256);
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        mail.to = bad[i];
        assert_forbidden(&mail);
        mail.to = STR("ok@example.com");
        mail.from = bad[i];
        if (bad[i].n > 0)
            assert_forbidden(&mail);
        mail.from = STR("bounce+7@example.org");
    }
    memset(longest, 'a', 255);
    memcpy(longest + 240, "@example.com", 12);
    mail.from = str_of(longest, 255);
    assert_forbidden(&mail);
    mail.from = str_of(longest, 252);
    assert_int_equal(send_mail(&mail).status, 250);
}

static void test_bad_headers(void **state)
{
    static const struct str bad[] = {STR("a\r\nBcc: other@example.com"), STR("a\nb"), STR("a\rb"), STR("a\0b"),
                                     STR("J\xc3\xbcrgen")};
    struct net_mail mail = mail_to(PLAIN, "ok@example.com");
    struct net_header header = {.name = "Subject"};
    char *longest = arena_alloc(&arena, 998);
    (void)state;

    mail.headers = &header;
    mail.n_headers = 1;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        header.value = bad[i];
        assert_forbidden(&mail);
    }
    memset(longest, 'a', 998);
    header.value = str_of(longest, 998 - 8); /* without "Subject: " */
    assert_forbidden(&mail);
    header.value.n--;
    assert_int_equal(send_mail(&mail).status, 250);
    mail.hello = "a\r\nMAIL FROM:<x@example.org>";
    assert_int_equal(send_mail(&mail).err, ERR_NET_FORBIDDEN);
    mail.hello = NULL;
    mail.host = "localhost/x@127.0.0.1";
    assert_int_equal(send_mail(&mail).err, ERR_NET_FORBIDDEN);
}

/* Without TLS there is no relay but the machine's own. */
static void test_plain_is_for_loopback(void **state)
{
    struct net_mail mail = mail_to(PLAIN, "ok@example.com");
    (void)state;

    mail.host = "192.0.2.1";
    assert_forbidden(&mail);
    mail.host = "127.0.0.1";
    assert_taken(&mail);
}

/* A relay that hangs after DATA blocks libcurl, but not the loop's other calls and mails. */
static void test_in_a_loop(void **state)
{
    struct net_mail hanging = mail_to(PLAIN, "dwait@example.com"), mail = mail_to(TLS, "ok@example.com");
    struct net_call call = {
        .to = OUTGOING_STRIPE,
        .method = "GET",
        .url = arena_printf(&arena, "https://localhost:%d/", server.port).p,
        .ca_file = server.ca,
        .allow_private = true,
        .timeout_sec = PATIENT_SEC,
        .connect_timeout_sec = PATIENT_SEC,
        .reply_max_bytes = 1000,
    };
    struct net_result r;
    int tag_hanging, tag_mail, tag_call;
    void *tag;
    (void)state;

    server_reply(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 4, .host_max = 2, .aside_max = 3});
    assert_true(net_loop_submit_mail(loop, &hanging, &arena, &tag_hanging));
    for (int i = 0; i < 3; i++) {
        assert_true(net_loop_submit(loop, &call, &arena, &tag_call));
        assert_true(net_loop_next(loop, PATIENT_SEC * 1000, &tag, &r));
        assert_ptr_equal(tag, &tag_call);
        assert_int_equal(r.status, 200);
        assert_true(net_loop_submit_mail(loop, &mail, &arena, &tag_mail));
        assert_true(net_loop_next(loop, PATIENT_SEC * 1000, &tag, &r));
        assert_ptr_equal(tag, &tag_mail);
        assert_int_equal(r.status, 250);
    }
    assert_int_equal(net_loop_open(loop), 1);
    put_file("go");
    assert_true(net_loop_next(loop, PATIENT_SEC * 1000, &tag, &r));
    assert_ptr_equal(tag, &tag_hanging);
    assert_int_equal(r.status, 250);
    net_loop_free(loop);
}

/* The relay may look at a mail for longer than all that comes before may take. */
static void test_slow_to_judge(void **state)
{
    struct net_mail mail = mail_to(PLAIN, "dslow@example.com");
    (void)state;

    mail.timeout_sec = mail.connect_timeout_sec = 5;
    struct net_result r = send_mail(&mail);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 250);
}

/* What has begun is waited for, within a time; what waits for its turn is not begun. */
static void test_a_loop_that_stops(void **state)
{
    struct net_mail hanging = mail_to(PLAIN, "dwait@example.com"), mail = mail_to(TLS, "ok@example.com");
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 4, .aside_max = 1});
    int first, second, third;
    struct net_result r;
    void *tag;
    (void)state;

    assert_true(net_loop_submit_mail(loop, &hanging, &arena, &first));
    while (access(path_of("waits"), F_OK) != 0)
        usleep(1000);
    assert_true(net_loop_submit_mail(loop, &mail, &arena, &second));
    net_loop_stop_aside(loop, clock_mono_us() + PATIENT_SEC * US_PER_SEC);
    assert_true(net_loop_submit_mail(loop, &mail, &arena, &third));
    for (int i = 0; i < 2; i++) {
        assert_true(net_loop_next(loop, PATIENT_SEC * 1000, &tag, &r));
        assert_ptr_not_equal(tag, &first);
        assert_int_equal(r.err, ERR_NET_NOT_SENT);
        assert_true(r.unasked);
    }
    net_loop_stop_aside(loop, clock_mono_us());
    assert_true(net_loop_next(loop, PATIENT_SEC * 1000, &tag, &r));
    assert_ptr_equal(tag, &first);
    assert_int_equal(r.err, ERR_NET_UNKNOWN);
    assert_false(r.unasked);
    assert_string_equal(kept("envelope"), "nothing");
    put_file("go");
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_content, clear),
        cmocka_unit_test_setup(test_large, clear),
        cmocka_unit_test_setup(test_tls, clear),
        cmocka_unit_test_setup(test_no_trust, clear),
        cmocka_unit_test_setup(test_sign_in, clear),
        cmocka_unit_test_setup(test_next_secret, clear),
        cmocka_unit_test_setup(test_judged, clear),
        cmocka_unit_test_setup(test_dropped, clear),
        cmocka_unit_test_setup(test_hanging, clear),
        cmocka_unit_test_setup(test_whose_fault, clear),
        cmocka_unit_test_setup(test_words_of_a_reply, clear),
        cmocka_unit_test_setup(test_late, clear),
        cmocka_unit_test_setup(test_bad_addresses, clear),
        cmocka_unit_test_setup(test_bad_headers, clear),
        cmocka_unit_test_setup(test_plain_is_for_loopback, clear),
        cmocka_unit_test_setup(test_in_a_loop, clear),
        cmocka_unit_test_setup(test_refused_as_a_whole, clear),
        cmocka_unit_test_setup(test_slow_to_judge, clear),
        cmocka_unit_test_setup(test_a_loop_that_stops, clear),
    };

    net_init();
    server_start(&server);
    start_relays();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_relays();
    server_stop(&server);
    arena_done(&arena);
    return failed;
}
