#include "with_arena.h"

#include "base/buf.h"
#include "mail/template.h"

/* What each template needs: the table of parameters that callers of mail_add go by. */
static const struct {
    enum mail_template template;
    const char *uses; /* the values that it names, in their order */
} rows[MAIL__MAX] = {
    {MAIL_VERIFY_EMAIL, "service at"},
    {MAIL_ALREADY_REGISTERED, "hello service"},
    {MAIL_RESET_PASSWORD, "hello service"},
    {MAIL_PASSWORD_CHANGED, "hello service at"},
    {MAIL_CHANGE_EMAIL, "service"},
    {MAIL_EMAIL_CHANGED, "service"},
    {MAIL_EMAIL_CHANGE_UNDONE, "hello service"},
    {MAIL_SIGN_IN_REFUSED, "hello service at why"},
    {MAIL_TOTP_ENABLED, "hello service at service"},
    {MAIL_TOTP_DISABLED, "hello service at"},
    {MAIL_RECOVERY_CODE_USED, "hello service at count why"},
    {MAIL_KEY_SEEN_IN_CLEAR, "hello service key_name at"},
    {MAIL_RESET_BY_ADMIN, "hello service why at service"},
    {MAIL_POST_FAILED, "hello count about why"},
    {MAIL_APPROVAL_WAITING, "hello count about"},
    {MAIL_KEY_EXPIRING, "hello service count about at"},
    {MAIL_PAYMENT_FAILED, "hello service at service"},
    {MAIL_PAYMENT_ACTION_REQUIRED, "hello service at service"},
    {MAIL_TRIAL_ENDING, "hello service at"},
    {MAIL_ERASURE_ASKED, "hello service at why about"},
    {MAIL_ERASURE_CANCELED, "hello service"},
    {MAIL_ERASED, "hello service count why"},
    {MAIL_POLICY_CHANGED, "at hello service about at service"},
    {MAIL_BILLING_ATTENTION, "about why at"},
};

/* Those whose link is a page of Stripe's, or one of ours that needs a sign-in: it is in the mail's parameters. */
static bool has_given_link(enum mail_template t)
{
    return t == MAIL_PAYMENT_FAILED || t == MAIL_PAYMENT_ACTION_REQUIRED || t == MAIL_TRIAL_ENDING ||
           t == MAIL_ERASURE_ASKED || t == MAIL_ERASED || t == MAIL_POLICY_CHANGED || t == MAIL_BILLING_ATTENTION;
}

static const struct template_values full = {
    .service = STR("Service & Söhne"),
    .url = STR("https://example.com"),
    .hello = STR("Hello <Ann>,"),
    .link = STR("https://example.com/verify-email#TOKEN"),
    .key_name = STR("KEY"),
    .about = STR("ABOUT"),
    .why = STR("WHY"),
    .at = STR("AT"),
    .count = STR("COUNT"),
};

static bool has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static size_t count(struct str text, const char *part)
{
    size_t n = 0;

    for (const char *p; (p = memmem(text.p, text.n, part, strlen(part))) != NULL; n++)
        text = str_skip(text, (size_t)(p - text.p) + strlen(part));
    return n;
}

static void test_each_names_what_its_row_says(void **state)
{
    (void)state;

    for (size_t i = 0; i < MAIL__MAX; i++) {
        struct str text = template_text(rows[i].template), before, name;
        _cleanup_(buf_done) struct buf uses = BUF_MAX(1000);
        assert_int_equal(rows[i].template, i);
        while (str_cut(&text, '{', &before)) {
            assert_true(str_cut(&text, '}', &name));
            buf_printf(&uses, "%s%.*s", uses.n > 0 ? " " : "", STR_FMT(name));
        }
        assert_string_equal(arena_strdup(&arena, buf_str(&uses)), rows[i].uses);
    }
}

/* One button where there is a link, and none else; nothing that is loaded, and nobody else's address. */
static void test_each_is_whole(void **state)
{
    struct letter letter;

    for (enum mail_template t = 0; t < MAIL__MAX; t++) {
        size_t buttons = mail_kinds[t].link != TOKEN_NONE || has_given_link(t);
        template_write(*state, t, &full, &letter);
        assert_true(letter.subject.n > 5 && letter.subject.n < 78 && !has(letter.subject, "{"));
        assert_int_equal(count(letter.text, "https://"), 1 + buttons);
        assert_int_equal(count(letter.html, "TOKEN\">"), buttons);
        assert_false(has(letter.html, "<img") || has(letter.html, "src=") || has(letter.html, "@import"));
        assert_int_equal(count(letter.html, "https://"), count(letter.html, "https://example.com"));
        assert_true(has(letter.text, "-- \nService & Söhne\nhttps://example.com\n"));
        assert_true(has(letter.html, "Service &#38; Söhne") && !has(letter.html, "Söhne & "));
        assert_true(!has(letter.text, "{") && !has(letter.html, "{") && !has(letter.text, "[") &&
                    !has(letter.html, "<Ann>"));
        assert_true(str_ends(letter.text, STR("\n")) && str_ends(letter.html, STR("\n")));
    }
}

static void test_a_paragraph_without_its_value_is_left_out(void **state)
{
    struct template_values v = full;
    struct letter letter;

    v.at = (struct str){0};
    template_write(*state, MAIL_KEY_SEEN_IN_CLEAR, &v, &letter);
    assert_false(has(letter.text, "It happened") || has(letter.html, "It happened"));
    assert_true(has(letter.text, "the key \"KEY\"") && has(letter.html, "the key \"KEY\""));
}

static void test_values_break_nothing(void **state)
{
    struct template_values v = full;
    struct letter letter;

    v.about = STR("a\r\nb\0c\x7f{hello}[x]\"'<&>");
    v.why = STR("not \xff UTF-8");
    template_write(*state, MAIL_POST_FAILED, &v, &letter);
    assert_true(has(letter.text, "\n\na  b c {hello}[x]\"'<&>\n\n"));
    assert_true(has(letter.html, "<p>a  b c {hello}[x]&#34;&#39;&#60;&#38;&#62;</p>"));
    assert_true(has(letter.text, "not ? UTF-8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_names_what_its_row_says),
        cmocka_unit_test(test_each_is_whole),
        cmocka_unit_test(test_a_paragraph_without_its_value_is_left_out),
        cmocka_unit_test(test_values_break_nothing),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
