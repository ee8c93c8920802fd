#include "net/bounce.h"

#include <stdio.h>

#include "with_arena.h"

#define HEAD "From: MAILER-DAEMON@mx.example.net\n"
#define REPORT(type) "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n" type "\n\n"
#define STATUS(fields) \
    HEAD REPORT("Content-Type: message/delivery-status") "Reporting-MTA: dns; mx\n\n" fields "\n--b--\n"
#define FAILED(status) STATUS("Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: " status "\n")

static struct bounce read(const char *message)
{
    return bounce_read(&arena, str_from(message));
}

/* NULL: it is no failure for good. */
static void says(const char *message, const char *why)
{
    struct bounce b = read(message);

    if (why == NULL && b.is_permanent)
        fail_msg("'%.*s' is said of: %s", STR_FMT(b.why), message);
    assert_true(b.is_permanent == (why != NULL));
    if (why != NULL)
        assert_str(b.why, why);
}

static void test_what_failed_for_good(void **state)
{
    (void)state;
    says(FAILED("5.1.1"), "5.1.1");
    says(FAILED("5.1.1 (bad mailbox)"), "5.1.1");
    says(FAILED("5.999.999"), "5.999.999");
    says(STATUS("action:FAILED\nSTATUS:5.1.1\nDiagnostic-Code: smtp; 550 no such user\n"),
         "5.1.1 smtp; 550 no such user");
    says(STATUS("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n such user\n"), "5.1.1 smtp; 550 no");
    says(STATUS("Action: delivered\nStatus: 2.0.0\n\nAction: failed\nStatus: 5.2.2\n"), "5.2.2");
    says(STATUS("Action: failed\r\nStatus: 5.7.1\r\n"), "5.7.1");
}

/* Most codes of class 5 are about one mail, or about who sends it. */
static void test_what_is_said_of_the_address(void **state)
{
    static const char *const of_address[] = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"};
    static const char *const of_mail[] = {"5.0.0", "5.1.0", "5.1.7", "5.1.8", "5.1.11", "5.1.100",
                                          "5.2.0", "5.2.2", "5.2.3", "5.3.4", "5.4.0",  "5.4.1",
                                          "5.4.7", "5.5.0", "5.6.0", "5.7.1", "5.7.26"};
    char text[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(of_address); i++) {
        (void)snprintf(text, sizeof text, FAILED("%s"), of_address[i]);
        assert_true(read(text).is_of_address);
    }
    for (size_t i = 0; i < ARRAY_LEN(of_mail); i++) {
        (void)snprintf(text, sizeof text, FAILED("%s"), of_mail[i]);
        assert_true(read(text).is_permanent && !read(text).is_of_address);
    }
    assert_false(read(STATUS("Action: delayed\nStatus: 5.1.1\n")).is_of_address);
}

static void test_what_did_not(void **state)
{
    (void)state;
    says(STATUS("Action: delayed\nStatus: 5.1.1\n"), NULL);
    says(STATUS("Action: failed\nStatus: 4.4.7\n"), NULL);
    says(STATUS("Action: failed\n"), NULL);
    says(STATUS("Status: 5.1.1\n"), NULL);
    says(STATUS("Action: failed\n\nStatus: 5.1.1\n"), NULL); /* of another recipient */
    says(STATUS("Action: relayed\nStatus: 5.0.0\n"), NULL);
    says(STATUS("X: failed\n Action: failed\nStatus: 5.1.1\n"), NULL); /* a folded line */
    for (size_t i = 0; i < 11; i++) {
        static const char *const wrong[] = {"5",        "5.",       "5.1",    "5.1.",   "5..1", "5.1.1x",
                                            "5.1234.1", "5.1.1234", "55.1.1", "x5.1.1", "2.1.5"};
        char text[400];
        (void)snprintf(text, sizeof text, STATUS("Action: failed\nStatus: %s\n"), wrong[i]);
        says(text, NULL);
    }
}

static void test_what_is_no_report(void **state)
{
    (void)state;
    says("", NULL);
    says("\n", NULL);
    says(HEAD "\nAction: failed\nStatus: 5.1.1\n", NULL);
    says(HEAD "Content-Type: message/delivery-status\n\nAction: failed\nStatus: 5.1.1\n", NULL);
    says(HEAD "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
              "Action: failed\nStatus: 5.1.1\n\n--b--\n",
         NULL);
    says(HEAD REPORT("Content-Type: text/plain") "Action: failed\nStatus: 5.1.1\n\n--b--\n", NULL);
    says(HEAD "Content-Type: multipart/report\n\n", NULL);
}

/* A mail that somebody forwards, with a report inside, is none. */
static void test_a_report_within_a_mail(void **state)
{
    (void)state;
    says(HEAD "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n" FAILED(
             "5.1.1") "\n--a--\n",
         NULL);
}

static void test_odd_but_right(void **state)
{
    (void)state;
    says("From somebody now\n" FAILED("5.1.1"), "5.1.1");
    says(HEAD REPORT(
             "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64") "UmVwb3J0aW5nLU1UQTogZG5zOyBte"
                                                                                         "AoKQWN0aW9uOiBmYWlsZWQKU3RhdH"
                                                                                         "VzOiA1LjEuMQo=\n--b--\n",
         "5.1.1");
    says(HEAD REPORT("Content-Type: message/global-delivery-status") "A: b\n\nAction: failed\nStatus: 5.6.7\n\n--b--\n",
         "5.6.7");
    says(HEAD REPORT("Content-Type: message/delivery-status") "A: b\n\nAction: failed\nStatus: 5.1.1\n\n",
         "5.1.1"); /* cut off */
}

/* What would upset a terminal or the database is left out. */
static void test_words_are_clean(void **state)
{
    (void)state;
    says(STATUS("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; \x1b[31m\n"), "5.1.1");
    says(STATUS("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; \xff\xfe\n"), "5.1.1");
    says(STATUS("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; pas trouv\xc3\xa9\n"),
         "5.1.1 smtp; pas trouv\xc3\xa9");
}

static void test_recipients(void **state)
{
    struct bounce b = read(
        "To: \"A, b\" <one@x.example>, two@x.example\nX-Original-To: three@x.example\nDelivered-To: <four@x.example>\n"
        "Envelope-To:\n five@x.example\nCc: no@x.example\nto: six@x.example\n\n");
    static const char *const want[] = {"four@x.example", "three@x.example", "five@x.example",
                                       "one@x.example",  "two@x.example",   "six@x.example"};

    (void)state;
    assert_int_equal(b.recipients.n, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_str(b.recipients.v[i], want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_failed_for_good),
        cmocka_unit_test(test_what_did_not),
        cmocka_unit_test(test_what_is_said_of_the_address),
        cmocka_unit_test(test_what_is_no_report),
        cmocka_unit_test(test_a_report_within_a_mail),
        cmocka_unit_test(test_odd_but_right),
        cmocka_unit_test(test_words_are_clean),
        cmocka_unit_test(test_recipients),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
