#include "with_arena.h"

#include "answers.h"
#include "base/buf.h"
#include "base/clock.h"
#include "stripe/calls.h"
#include "stripe/event.h"

#define USER_ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define HEAD(type) \
    "{\"id\":\"evt_1\",\"object\":\"event\",\"api_version\":\"2026-10-28.endive\",\"created\":1789000000," \
    "\"livemode\":false," \
    "\"pending_webhooks\":1,\"request\":{\"id\":null},\"type\":\"" type "\""
#define EVENT(type, object) HEAD(type) ",\"data\":{\"object\":" object ",\"previous_attributes\":{\"a\":[[1]]}}}"

static struct stripe_event got;
static const char *why;

static enum err read_event(struct str body)
{
    memset(&got, 0, sizeof got);
    why = "";
    return stripe_read_event(&arena, body, &got, &why);
}

static enum err read_text(const char *body)
{
    return read_event(str_from(body));
}

static void assert_nothing_more(const char *customer, const char *subscription)
{
    assert_true(customer == NULL ? got.customer.p == NULL : str_eqc(got.customer, customer));
    assert_true(subscription == NULL ? got.subscription.p == NULL : str_eqc(got.subscription, subscription));
}

static void test_checkout(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT("checkout.session.completed",
                        "{\"id\":\"cs_test_1\",\"object\":\"checkout.session\",\"customer\":\"cus_1\","
                        "\"subscription\":\"sub_1\",\"client_reference_id\":\"" USER_ID "\",\"status\":\"complete\","
                        "\"metadata\":{\"user_id\":\"11111111-1111-7111-8111-111111111111\"},"
                        "\"customer_details\":{\"email\":\"a@example.org\"}}")),
        OK);
    assert_null(why);
    assert_str(got.id, "evt_1");
    assert_str(got.type, "checkout.session.completed");
    assert_int_equal(got.kind->use, STRIPE_USE_BIND);
    assert_false(got.livemode);
    assert_int_equal(got.created_us, 1789000000 * US_PER_SEC);
    assert_str(got.object_id, "cs_test_1");
    assert_nothing_more("cus_1", "sub_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID); /* before that of the metadata */
    assert_str(got.status, "complete");
    assert_null(got.link.p);
}

static void test_subscription(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT(
            "customer.subscription.updated",
            "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":{\"id\":\"cus_1\",\"object\":\"customer\"},"
            "\"metadata\":{\"user_id\":\"" USER_ID "\"},\"status\":\"active\"}")),
        OK);
    assert_nothing_more("cus_1", "sub_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    assert_int_equal(got.kind->use, STRIPE_USE_STATE);
}

static void test_invoices_of_old_and_new_versions(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT("invoice.payment_failed",
                        "{\"id\":\"in_1\",\"object\":\"invoice\",\"customer\":\"cus_1\",\"parent\":{\"type\":"
                        "\"subscription_details\",\"quote_details\":null,\"subscription_details\":{\"metadata\":"
                        "{\"user_id\":\"" USER_ID "\"},\"subscription\":\"sub_1\"}},\"metadata\":{},"
                        "\"hosted_invoice_url\":\"https://invoice.stripe.com/i/acct_1/test_1?s=ap\"}")),
        OK);
    assert_nothing_more("cus_1", "sub_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    assert_str(got.link, "https://invoice.stripe.com/i/acct_1/test_1?s=ap");
    assert_int_equal(got.kind->use, STRIPE_USE_MAIL_FAILED);

    assert_int_equal(
        read_text(EVENT("invoice.paid",
                        "{\"id\":\"in_1\",\"object\":\"invoice\",\"customer\":\"cus_1\",\"subscription\":\"sub_2\"}")),
        OK);
    assert_nothing_more("cus_1", "sub_2");
    /* One that is for no subscription, and one that has no id yet. */
    assert_int_equal(read_text(EVENT("invoice.paid", "{\"object\":\"invoice\",\"customer\":\"cus_1\",\"parent\":null,"
                                                     "\"hosted_invoice_url\":null,\"metadata\":null}")),
                     OK);
    assert_nothing_more("cus_1", NULL);
    assert_null(got.object_id.p);
    /* A link that is none. */
    static const char *const links[] = {
        "http://invoice.stripe.com/", "javascript:alert(1)", "https://a b/", "", "https://a/\\\"", "https://a/\\\\"};
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        assert_int_equal(
            read_event(arena_printf(
                &arena, EVENT("invoice.paid", "{\"object\":\"invoice\",\"hosted_invoice_url\":\"%s\"}"), links[i])),
            OK);
        assert_null(got.link.p);
    }
}

static void test_without_a_customer(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(EVENT("charge.dispute.created", "{\"id\":\"dp_1\",\"object\":\"dispute\",\"charge\":\"ch_1\","
                                                  "\"status\":\"needs_response\"}")),
        OK);
    assert_nothing_more(NULL, NULL);
    assert_true(got.kind->by_charge);
    assert_str(got.charge, "ch_1");
    assert_str(got.status, "needs_response");
    assert_int_equal(
        read_text(EVENT("radar.early_fraud_warning.created",
                        "{\"id\":\"issfr_1\",\"object\":\"radar.early_fraud_warning\",\"charge\":{\"id\":\"ch_2\"}}")),
        OK);
    assert_true(got.kind->by_charge);
    assert_str(got.charge, "ch_2");
    assert_int_equal(
        read_text(EVENT("charge.refunded", "{\"id\":\"ch_3\",\"object\":\"charge\",\"customer\":\"cus_1\"}")), OK);
    assert_str(got.charge, "ch_3");
    assert_nothing_more("cus_1", NULL);
    assert_int_equal(
        read_text(EVENT("customer.deleted", "{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":true}")), OK);
    assert_nothing_more("cus_1", NULL);
    assert_int_equal(got.kind->use, STRIPE_USE_CUSTOMER_GONE);
    /* Ids of another kind are nobody's. */
    assert_int_equal(
        read_text(EVENT("invoice.paid", "{\"object\":\"invoice\",\"customer\":\"acct_1\",\"subscription\":\"si_1\"}")),
        OK);
    assert_nothing_more(NULL, NULL);
}

/* An event that is not ours is known by its head; whatever its object is. */
static void test_other_types(void **state)
{
    (void)state;
    assert_int_equal(read_text(EVENT("product.created", "{\"id\":7,\"object\":[],\"customer\":1}")), OK);
    assert_null(got.kind);
    assert_str(got.type, "product.created");
    assert_null(got.object_id.p);
    assert_int_equal(read_text(HEAD("a.b") "}"), OK);
    assert_null(got.kind);
    assert_null(got.account.p);
    assert_int_equal(read_text(HEAD("a.b") ",\"account\":\"acct_1\"}"), OK);
    assert_str(got.account, "acct_1");
    assert_int_equal(read_text(HEAD("invoice.PAID") "}"), OK);
    assert_null(got.kind);
}

static void test_refused(void **state)
{
    static const struct {
        const char *body;
        enum err err;
    } rows[] = {
        {"", ERR_BAD_JSON},
        {"[]", ERR_BAD_JSON},
        {"null", ERR_BAD_JSON},
        {"\"evt_1\"", ERR_BAD_JSON},
        {HEAD("a.b") "} {}", ERR_BAD_JSON},
        {HEAD("a.b") ",\"id\":\"evt_2\"}", ERR_BAD_JSON},
        {EVENT("invoice.paid", "{\"object\":\"invoice\",\"customer\":\"cus_1\",\"customer\":\"cus_2\"}"), ERR_BAD_JSON},
        {HEAD("a\xff.b") "}", ERR_BAD_UTF8},
        {EVENT("a.b", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), ERR_JSON_TOO_DEEP},
        {"{}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"v2.core.event\",\"type\":\"a.b\",\"livemode\":true,\"created\":1}",
         ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"v2.core.event\",\"type\":\"a.b\",\"livemode\":true,\"created\":\"2026-11-"
         "01T00:00:00Z\"}",
         ERR_VALIDATION},
        {"{\"id\":\"we_1\",\"object\":\"event\",\"type\":\"a.b\",\"livemode\":true,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":7,\"object\":\"event\",\"type\":\"a.b\",\"livemode\":true,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"\",\"livemode\":true,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a b\",\"livemode\":true,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":null,\"livemode\":true,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a.b\",\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a.b\",\"livemode\":1,\"created\":1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a.b\",\"livemode\":true,\"created\":-1}", ERR_VALIDATION},
        {"{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"a.b\",\"livemode\":true,\"created\":99999999999999999999}",
         ERR_VALIDATION},
        {HEAD("a.b") ",\"account\":{\"id\":\"acct_1\"}}", ERR_VALIDATION},
        {HEAD("invoice.paid") "}", ERR_VALIDATION},
        {HEAD("invoice.paid") ",\"data\":{}}", ERR_VALIDATION},
        {HEAD("invoice.paid") ",\"data\":[]}", ERR_VALIDATION},
        {EVENT("invoice.paid", "null"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{}"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{\"object\":\"subscription\"}"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{\"object\":\"invoice\",\"customer\":7}"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{\"object\":\"invoice\",\"customer\":{\"id\":7}}"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{\"object\":\"invoice\",\"subscription\":[]}"), ERR_VALIDATION},
        {EVENT("invoice.paid", "{\"object\":\"invoice\",\"hosted_invoice_url\":true}"), ERR_VALIDATION},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum err e = read_text(rows[i].body);
        if (e != rows[i].err || why == NULL || why[0] == '\0' || got.id.p != NULL)
            fail_msg("%s: %s", rows[i].body, err_slug(e));
    }
}

/* 0 bytes, 1 MiB and one more: a signed stranger is a stranger. */
static void test_sizes(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_EVENT_MAX_BYTES + 1);
    (void)state;

    assert_int_equal(read_event((struct str){0}), ERR_BAD_JSON);
    assert_int_equal(read_event(STR("{\0}")), ERR_BAD_JSON);
    buf_puts(
        &b,
        HEAD("invoice.paid") ",\"data\":{\"object\":{\"object\":\"invoice\",\"customer\":\"cus_1\",\"description\":\"");
    while (b.n < STRIPE_EVENT_MAX_BYTES - 4)
        buf_putc(&b, 'x');
    buf_puts(&b, "\"}}}");
    assert_int_equal(read_event(buf_str(&b)), OK);
    assert_str(got.customer, "cus_1");
    buf_putc(&b, '\n');
    assert_int_equal(read_event(buf_str(&b)), ERR_BODY_TOO_LARGE);
}

static void test_kinds(void **state)
{
    size_t n = 0;
    (void)state;

    for (const struct stripe_event_kind *k = stripe_event_kinds; k->type != NULL; k++, n++) {
        assert_ptr_equal(stripe_event_find(str_from(k->type)), k); /* none is there twice */
        assert_int_equal(read_event(arena_printf(&arena, HEAD("%s") ",\"data\":{\"object\":{\"object\":\"%s\"}}}",
                                                 k->type, k->object)),
                         OK);
        assert_ptr_equal(got.kind, k);
        assert_non_null(k->why);
    }
    assert_in_range(n, STRIPE_EVENT_TYPES_MAX, 2 * STRIPE_EVENT_TYPES_MAX); /* two queries of stripe_events_list */
    assert_null(stripe_event_find(STR("")));
    assert_null(stripe_event_find((struct str){0}));
}

static void test_page(void **state)
{
#define LISTED(id, type, object) \
    "{\"id\":\"" id "\",\"object\":\"event\",\"created\":1,\"livemode\":true,\"type\":\"" type \
    "\",\"data\":{\"object\":" object "}}"
    struct net_result r = answer(
        200,
        "{\"object\":\"list\",\"has_more\":true,\"data\":[" LISTED(
            "evt_9", "invoice.paid",
            "{\"object\":\"invoice\",\"customer\":7}") "," LISTED("evt_8", "customer.deleted",
                                                                  "{\"object\":\"customer\",\"id\":\"cus_"
                                                                  "1\"}") "," LISTED("evt_7", "invoice.paid",
                                                                                     "{\"object\":"
                                                                                     "\"plan\"}") ",{}"
                                                                                                  "," LISTED("evt_6",
                                                                                                             "a.b",
                                                                                                             "7") "]}");
    struct stripe_error error;
    struct stripe_events page;
    (void)state;

    assert_int_equal(stripe_read_events(&r, &arena, &page, &error), OK);
    assert_int_equal(page.n, 3);
    assert_int_equal(page.unreadable_n, 2);
    assert_str(page.newest, "evt_9");
    assert_str(page.oldest, "evt_6");
    assert_true(page.has_more);
    assert_str(page.v[0].id, "evt_9");
    assert_null(page.v[0].customer.p);
    assert_str(page.v[1].customer, "cus_1");
    assert_true(page.v[1].livemode);
    assert_null(page.v[2].kind);

    r = answer(200, "{\"object\":\"list\",\"has_more\":true,\"data\":[]}");
    assert_int_equal(stripe_read_events(&r, &arena, &page, &error), OK);
    assert_false(page.has_more);
    assert_null(page.newest.p);
    r = answer(200, "{\"object\":\"list\",\"has_more\":true}");
    assert_int_equal(stripe_read_events(&r, &arena, &page, &error), ERR_NET_UNKNOWN);
    r = answer(404, "{\"error\":{\"code\":\"resource_missing\",\"param\":\"ending_before\"}}");
    assert_int_equal(stripe_read_events(&r, &arena, &page, &error), ERR_STRIPE_REFUSED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_checkout, arena_set_up),
        cmocka_unit_test_setup(test_subscription, arena_set_up),
        cmocka_unit_test_setup(test_invoices_of_old_and_new_versions, arena_set_up),
        cmocka_unit_test_setup(test_without_a_customer, arena_set_up),
        cmocka_unit_test_setup(test_other_types, arena_set_up),
        cmocka_unit_test_setup(test_refused, arena_set_up),
        cmocka_unit_test_setup(test_sizes, arena_set_up),
        cmocka_unit_test_setup(test_kinds, arena_set_up),
        cmocka_unit_test_setup(test_page, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
