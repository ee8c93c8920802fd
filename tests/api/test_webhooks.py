"""POST /webhooks/stripe: what is taken, what is refused, and what becomes of it (fcgi-apps/billing/webhook.c,
lib/model/billing/provider_event.c)."""

import base64
import concurrent.futures
import contextlib
import json
import socket
import ssl
import uuid

import clients
import pymysql
import pytest
from helpers import Client, expect
from test_disabled import wait_for_waiter
from test_metrics import Shown, nobody_is_busy
from stripe_events import PATH, bytes_of, customer_of, deliver, event, jobs, new_id, row, secret_of, signed
from plans import now

MIB = 1 << 20


@pytest.fixture
def idle(stack):
    """Nobody works events off meanwhile."""
    with stack.stopped("worker-billing"):
        yield stack


def taken(answer):
    assert expect(answer, 200)["data"] == {"received": True}


def logged(stack, answer):
    """The program's line about that request."""
    request = answer.headers["X-Request-Id"]
    return stack.wait(lambda: [l for l in map(json.loads, stack.log("billing").splitlines())
                               if l.get("event") == "request" and l.get("request_id") == request], "the log line")[0]


# --- what is taken


def test_an_event_is_stored_with_its_job(idle, user):
    customer = customer_of(user)
    sent = event("invoice.payment_failed", customer, data={
        "hosted_invoice_url": "https://invoice.stripe.com/i/1", "status": "open", "amount_due": 1900,
        "customer_email": "who@example.com", "customer_name": "Somebody", "parent": {"subscription_details": {"subscription": "sub_1"}}})
    taken(deliver(idle, sent))
    kept = row(idle, sent["id"])
    told = {k: kept[k] for k in ("type", "state", "why", "via", "user_id", "object_id", "customer_id", "subscription_id", "charge_id",
                                 "link", "status", "done_at_us", "created_at_us")}
    assert told == {"type": "invoice.payment_failed", "state": "waiting", "why": None, "via": "webhook",
                    "user_id": uuid.UUID(user.id).bytes, "object_id": sent["data"]["object"]["id"], "customer_id": customer,
                    "subscription_id": "sub_1", "charge_id": None, "link": "https://invoice.stripe.com/i/1", "status": "open",
                    "done_at_us": None, "created_at_us": 1795000000 * 10**6}
    assert jobs(idle, "customer", user.id) == 1


def test_a_repeat_changes_nothing(idle, user):
    sent = event(customer=customer_of(user))
    taken(deliver(idle, sent))
    before = row(idle, sent["id"])
    idle.sql("UPDATE provider_events SET state = 'done', done_at_us = 5 WHERE event_id = %s", sent["id"])
    idle.sql("DELETE FROM jobs_billing WHERE subject_id = %s", uuid.UUID(user.id).bytes)
    taken(deliver(idle, sent))
    assert row(idle, sent["id"]) == {**before, "state": "done", "done_at_us": 5}
    assert jobs(idle, "customer", user.id) == 0


def test_what_became_of_webhooks_is_counted(idle, user):
    sent, unreadable = event(customer=customer_of(user)), {**event(), "id": "x"}
    before = Shown(idle, "billing")
    for what in (sent, sent, event(), unreadable):
        deliver(idle, what)
    nobody_is_busy(idle, "billing")
    assert Shown(idle, "billing").moved(before, "webhooks_total") == {("new",): 1, ("known",): 1, ("ignored",): 1, ("unreadable",): 1}


def test_many_at_once_and_each_several_times(idle, user):
    customer = customer_of(user)
    sent = [event(customer=customer) for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for answer in pool.map(lambda e: deliver(idle, e), sent * 4):
            taken(answer)
    stored = idle.sql("SELECT event_id FROM provider_events WHERE user_id = %s", uuid.UUID(user.id).bytes)
    assert sorted(r["event_id"] for r in stored) == sorted(e["id"] for e in sent)
    assert jobs(idle, "customer", user.id) == 1


def test_of_those_that_are_stored_together_each_is_judged_by_itself(idle, user, other):
    """They wait while the first one does, and so are one transaction."""
    customer, known, first = customer_of(other), event(), event("checkout.session.completed", data={"client_reference_id": user.id})
    taken(deliver(idle, known))
    before, own = row(idle, known["id"]), event(customer=customer)
    sent = [own, own, known, event(customer=new_id("cus")), event(customer=customer, livemode=True),
            event("checkout.session.completed", new_id("cus"), data={"client_reference_id": user.id}),
            event("checkout.session.completed", new_id("cus"), data={"client_reference_id": other.id}),
            event("charge.dispute.created", data={"charge": "ch_1"})]
    nobody_is_busy(idle, "billing")
    root = pymysql.connect(unix_socket=str(idle.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
    with concurrent.futures.ThreadPoolExecutor(16) as pool, root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", uuid.UUID(user.id).bytes)
        answers = [pool.submit(deliver, idle, first)]
        wait_for_waiter(idle, "marketingcli_billing", "INSERT INTO provider_events%")
        answers += [pool.submit(deliver, idle, e) for e in sent]
        idle.wait(lambda: Shown(idle, "billing")("threads_busy") == len(answers), "they wait")
        root.rollback()
        for answer in answers:
            taken(answer.result())
    of = lambda e: {k: row(idle, e["id"])[k] for k in ("state", "why", "user_id")}  # noqa: E731
    waits = lambda whose: {"state": "waiting", "why": None, "user_id": whose and uuid.UUID(whose).bytes}  # noqa: E731
    ignored = lambda why: {"state": "ignored", "why": why, "user_id": None}  # noqa: E731
    assert row(idle, known["id"]) == before
    assert [of(e) for e in (first, *sent[1:])] == [
        waits(user.id), waits(other.id), ignored("unknown_customer"), ignored("unknown_customer"), ignored("other_mode"),
        waits(user.id), ignored("unknown_customer"), waits(None)]
    assert (jobs(idle, "customer", user.id), jobs(idle, "customer", other.id)) == (1, 1)


def test_who_has_no_customer_yet_is_named_by_the_metadata(idle, user):
    for where in ({"client_reference_id": user.id}, {"metadata": {"user_id": user.id}}):
        sent = event("checkout.session.completed", new_id("cus"), data=where)
        taken(deliver(idle, sent))
        kept = row(idle, sent["id"])
        assert (kept["state"], kept["user_id"]) == ("waiting", uuid.UUID(user.id).bytes)
    assert jobs(idle, "customer", user.id) == 1


@pytest.mark.parametrize("what", ["nobody", "another customer", "disabled"])
def test_metadata_alone_takes_nobodys_place(idle, user, what):
    named = user.id
    if what == "nobody":
        named = str(uuid.uuid4())
    elif what == "another customer":
        customer_of(user)
    else:
        idle.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(user.id).bytes)
    sent = event("checkout.session.completed", new_id("cus"), data={"client_reference_id": named})
    taken(deliver(idle, sent))
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["why"], kept["user_id"]) == ("ignored", "unknown_customer", None)
    assert kept["done_at_us"] and jobs(idle, "customer", user.id) == 0


def test_a_customer_is_its_users_whatever_the_metadata_says(idle, user):
    sent = event(customer=customer_of(user), data={"metadata": {"user_id": str(uuid.uuid4())}})
    taken(deliver(idle, sent))
    assert row(idle, sent["id"])["user_id"] == uuid.UUID(user.id).bytes


def test_a_dispute_waits_for_its_charge(idle):
    sent = event("charge.dispute.created", data={"charge": "ch_1", "status": "needs_response"})
    taken(deliver(idle, sent))
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["user_id"], kept["charge_id"]) == ("waiting", None, "ch_1")
    assert jobs(idle, "charge", kept["id"]) == 1


IGNORED = [(dict(type="customer.tax_id.created", object="tax_id"), "unknown_type"),
           (dict(type="x" * 100, object="what"), "unknown_type"),
           (dict(livemode=True), "other_mode"), (dict(account="acct_1"), "other_account"),
           (dict(), "unknown_customer"), (dict(customer=None), "unknown_customer")]


@pytest.mark.parametrize("more,why", IGNORED)
def test_what_concerns_nobody_is_recorded_and_has_no_effect(idle, user, more, why):
    more = {"customer": customer_of(user) if why not in ("unknown_customer",) else new_id("cus"), **more}
    before = idle.sql("SELECT COUNT(*) n FROM jobs_billing")
    sent = event(**more)
    answer = deliver(idle, sent)
    taken(answer)
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["why"], kept["user_id"], kept["link"]) == ("ignored", why, None, None)
    assert idle.sql("SELECT COUNT(*) n FROM jobs_billing") == before
    line = logged(idle, answer)
    assert (line["why"], line["about"]) == (why, sent["id"])


def test_what_stripes_own_client_signs_is_taken(idle):
    sent = event()
    payload = bytes_of(sent)
    header, = clients.ask("stripe", "sign", [{"payload": base64.b64encode(payload).decode(), "secret": secret_of(idle),
                                              "timestamp": int(now(idle).timestamp())}])
    taken(deliver(idle, payload, header))
    assert row(idle, sent["id"])


# --- what is refused


def bad_headers(stack, payload):
    """{how: header}: each malformed one of docs/stripe.md#signature."""
    good = signed(stack, payload)
    t, v1 = good.split(",")
    sig = v1.removeprefix("v1=")
    return {"missing": "", "malformed": f"{good},scheme", "time_repeated": f"{t},{good}", "time_missing": v1,
            "time_invalid": f"{t}abc,{v1}", "no_signature": f"{t},v0={sig}", "too_long": good + ",v0=" + "0" * 3000,
            "wrong": f"{t},v1={'0' * 64}", "too_old": signed(stack, payload, age_sec=302), "too_new": signed(stack, payload, age_sec=-302)}


HOW = ["missing", "malformed", "time_repeated", "time_missing", "time_invalid", "no_signature", "too_long", "wrong", "too_old", "too_new"]


@pytest.mark.parametrize("how", HOW)
def test_a_bad_signature_is_refused(stack, how):
    sent = event()
    answer = deliver(stack, sent, bad_headers(stack, bytes_of(sent))[how])
    expect(answer, 400, "signature_invalid")
    assert row(stack, sent["id"]) is None
    assert logged(stack, answer)["why"] == how


@pytest.mark.parametrize("change", [lambda h: h.upper(), lambda h: h.replace(",", ", "), lambda h: f"{h}x", lambda h: h.replace("t=", "t=0")])
def test_a_header_that_is_not_exactly_stripes(stack, change):
    sent = event()
    expect(deliver(stack, sent, change(signed(stack, bytes_of(sent)))), 400, "signature_invalid")


def test_another_body_has_another_signature(stack):
    sent = event()
    payload = bytes_of(sent)
    for other in (payload + b"\n", b"\xef\xbb\xbf" + payload, json.dumps(sent).encode(), b""):
        expect(deliver(stack, other, signed(stack, payload)), 400, "signature_invalid")
    expect(deliver(stack, payload, signed(stack, payload, secret="whsec_other")), 400, "signature_invalid")


def raw(stack, head, body=b""):
    """The status of a request that is written by hand."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    with socket.create_connection(("127.0.0.1", stack.https), 60) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as s:
        with contextlib.suppress(OSError):
            s.sendall(head.encode() + body)
        return int(s.makefile("rb").readline().split()[1])


def test_two_headers_are_refused(stack):
    payload = bytes_of(event())
    good = signed(stack, payload)
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(payload)}\r\n"
    assert raw(stack, f"{head}Stripe-Signature: {good}\r\n\r\n", payload) == 200
    for two in ((good, "x"), ("x", good), (good, good)):
        lines = "".join(f"Stripe-Signature: {h}\r\n" for h in two)
        assert raw(stack, f"{head}{lines}\r\n", payload) == 400


UNREADABLE = [b"{", b"[]", b"null", b"\xff\xfe", b'{"id":"evt_1"}', b"[" * 200_000, b'{"a":' * 100 + b"1" + b"}" * 100]


@pytest.mark.parametrize("payload", UNREADABLE)
def test_what_is_signed_and_cannot_be_read_is_refused(stack, payload):
    answer = deliver(stack, payload)
    expect(answer, 400, "event_unreadable")
    assert logged(stack, answer)["why"]


@pytest.mark.parametrize("change", [
    {"id": "not_an_event"}, {"id": None}, {"object": "v2.core.event"}, {"type": ""}, {"livemode": "yes"}, {"created": -1}, {"data": {}},
    {"data": {"object": {"object": "invoice"}}}])
def test_what_is_no_event_of_stripes_is_refused(stack, change):
    expect(deliver(stack, {**event(), **change}), 400, "event_unreadable")


def test_a_key_that_is_there_twice(stack):
    payload = bytes_of(event()).replace(b'"livemode"', b'"id": "evt_second", "livemode"', 1)
    expect(deliver(stack, payload), 400, "event_unreadable")
    assert row(stack, "evt_second") is None


def test_sizes(stack):
    """1 MiB is taken, in whichever way it comes, and not a byte more; an empty body is nobody's event."""
    sent = event()
    payload = bytes_of(sent)
    most = payload + b" " * (MIB - len(payload))
    taken(deliver(stack, most))
    assert row(stack, sent["id"])
    expect(deliver(stack, most + b" "), 413, "body_too_large")
    expect(deliver(stack, b""), 400, "event_unreadable")
    client, header = stack.client(), signed(stack, most)
    chunks = lambda text: (text[i:i + 65536] for i in range(0, len(text), 65536))  # noqa: E731
    taken(client.post(PATH, data=chunks(most), headers={"Stripe-Signature": header}))
    expect(stack.client().post(PATH, data=chunks(most + b" "), headers={"Stripe-Signature": header}), 413, "body_too_large")


def test_nothing_of_a_stranger_reaches_the_disk(stack):
    """While a body of a megabyte is awaited, nginx has no file open that was not there."""
    head = (f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\nStripe-Signature: t=1,v1={'0' * 64}\r\n\r\n")
    context = ssl.create_default_context(cafile=str(stack.ca))
    with socket.create_connection(("127.0.0.1", stack.https), 60) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as s:
        s.sendall(head.encode() + b" " * (MIB - 1))
        taken(deliver(stack, event()))  # whatever nginx does with what it has got, it has done
        names = [str(p) for p in stack.at.home.rglob("*") if "body" in p.name and p.is_file()]
        assert not names, names
        s.sendall(b" ")
        assert b" 400 " in s.makefile("rb").readline()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(stack, method):
    answer = stack.client().request(method, PATH)
    expect(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


def test_an_encoded_body_is_refused(stack):
    expect(deliver(stack, event(), **{"Content-Encoding": "gzip"}), 415)


def test_without_tls_nothing_is_taken(stack):
    sent = event()
    payload = bytes_of(sent)
    answer = Client(stack.http_url, stack.ca).post(PATH, data=payload, headers={"Stripe-Signature": signed(stack, payload)})
    expect(answer, 403, "https_required")
    assert row(stack, sent["id"]) is None


# --- limits


def test_what_is_signed_has_no_limit_and_what_is_not_has(stack):
    """Strangers of the same network do not keep Stripe out."""
    with stack.configured("billing", rates_write=5):
        client = stack.client()
        answers = [deliver(stack, event(), "t=1,v1=0", client=client) for _ in range(7)]
        assert [a.status_code for a in answers] == [400] * 5 + [429] * 2
        expect(answers[-1], 429, "rate_limited")
        assert int(answers[-1].headers["Retry-After"]) >= 1
        for _ in range(300):
            taken(deliver(stack, event(), client=client))
        expect(deliver(stack, event(), "t=1,v1=0", client=client), 429, "rate_limited")


# --- secrets


@contextlib.contextmanager
def secrets_are(stack, text):
    file = stack.at.credentials / "billing" / "stripe-webhook-secrets"
    kept, mode = file.read_text(), file.stat().st_mode
    try:
        file.chmod(0o600)
        file.write_text(text)
        stack.restart("billing")
        yield
    finally:
        file.write_text(kept)
        file.chmod(mode)
        stack.restart("billing")


def test_without_secrets_billing_is_not_configured(stack):
    with secrets_are(stack, ""):
        expect(deliver(stack, event(), "t=1,v1=0"), 503, "billing_not_configured")


def test_for_signatures_that_never_fit_stripe_is_asked(stack):
    """An alarm is what Stripe says then (test_billing_worker.py): these anybody can send."""
    stack.sql("UPDATE jobs_billing SET run_at_us = %s WHERE kind = 'reconcile'", (in_us := int((now(stack).timestamp() + 80_000) * 1_000_000)))
    payload = bytes_of(event())
    taken(deliver(stack, payload))
    before = Shown(stack, "billing")
    client = stack.client()
    for _ in range(25):
        deliver(stack, payload, signed(stack, payload, "whsec_other"), client=client)
        deliver(stack, payload, "nonsense", client=client)  # of somebody who tries things out: it does not count
    nobody_is_busy(stack, "billing")
    shown = Shown(stack, "billing")
    assert shown.moved(before, "alarms_total") == {}
    stack.wait(lambda: '"event":"signatures_bad"' in stack.log("billing"), "it is in the log")
    (job,) = stack.sql("SELECT run_at_us FROM jobs_billing WHERE kind = 'reconcile'")
    assert 3500 < job["run_at_us"] / 1_000_000 - now(stack).timestamp() <= 3600 and job["run_at_us"] < in_us
    assert shown.moved(before, "webhooks_total") == {("bad_signature",): 50}
    good = stack.log("billing").count('"event":"signatures_good"')
    taken(deliver(stack, payload))
    stack.wait(lambda: stack.log("billing").count('"event":"signatures_good"') == good + 1, "its end")


# --- the database


def test_while_the_database_is_away_stripe_is_told_to_come_again(stack, user):
    sent = event(customer=customer_of(user))
    with stack.stopped("mariadb"):
        expect(deliver(stack, sent), 500, "outcome_unknown")
        expect(deliver(stack, sent, "t=1,v1=0"), 400, "signature_invalid")
    stack.wait(stack.database_answers, "the database")
    stack.wait(lambda: deliver(stack, sent).status_code == 200, "the event is taken")
    assert row(stack, sent["id"])


# --- the admin


def admin(stack, *words, code=0):
    done = stack.admin("billing", *words)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def test_the_admin_lists_events(idle, user):
    customer = customer_of(user)
    mine, nobodys = event(customer=customer), event(customer=new_id("cus"))
    for sent in (mine, nobodys):
        taken(deliver(idle, sent))
    lines = admin(idle, "events", "--of", user.email).splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{mine['id']} customer.subscription.updated waiting 2")
    assert f"user={user.id} customer={customer} " in lines[0] + " "
    assert admin(idle, "events", "--of", user.email, "--state", "done") == ""
    [ignored] = [line for line in admin(idle, "events", "--state", "ignored").splitlines() if line.startswith(f"{nobodys['id']} ")]
    assert "why=unknown_customer" in ignored
    listed = [line.split()[0] for line in admin(idle, "events").splitlines()]
    assert listed.index(nobodys["id"]) < listed.index(mine["id"]), "the newest first"
    assert "say waiting, done or ignored" in admin(idle, "events", "--state", "new", code=2)
    seen = idle.sql(
        "SELECT what, about FROM activity WHERE user_id = %s ORDER BY id DESC LIMIT 1", uuid.UUID(user.id).bytes)
    assert seen[0]["about"] == "events"


def test_the_admin_replays_an_event(idle, user):
    customer = customer_of(user)
    sent = event(customer=customer)
    taken(deliver(idle, sent))
    idle.sql("UPDATE provider_events SET state = 'done', done_at_us = 5, link = NULL WHERE event_id = %s", sent["id"])
    idle.sql("DELETE FROM jobs_billing WHERE subject_id = %s", uuid.UUID(user.id).bytes)
    admin(idle, "replay", sent["id"])
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["done_at_us"]) == ("waiting", None) and jobs(idle, "customer", user.id) == 1


def test_the_admin_replays_what_was_nobodys(idle, user):
    customer = new_id("cus")
    sent = event(customer=customer)
    taken(deliver(idle, sent))
    assert "about none of our users: unknown_customer" in admin(idle, "replay", sent["id"], code=1)
    assert row(idle, sent["id"])["state"] == "ignored"
    customer_of(user, customer)
    admin(idle, "replay", sent["id"])
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["why"], kept["user_id"]) == ("waiting", None, uuid.UUID(user.id).bytes)
    assert jobs(idle, "customer", user.id) == 1
    other = event("customer.tax_id.created", object="tax_id")
    taken(deliver(idle, other))
    assert "unknown_type" in admin(idle, "replay", other["id"], code=1)
    assert "there is no event" in admin(idle, "replay", "evt_nothing", code=1)


def test_a_dispute_is_replayed_by_its_charge(idle):
    sent = event("charge.dispute.created", data={"charge": "ch_2"})
    taken(deliver(idle, sent))
    id = row(idle, sent["id"])["id"]
    idle.sql("UPDATE provider_events SET state = 'done' WHERE event_id = %s", sent["id"])
    idle.sql("DELETE FROM jobs_billing WHERE subject_id = %s", id)
    admin(idle, "replay", sent["id"])
    assert jobs(idle, "charge", id) == 1


@pytest.mark.parametrize("more,why", [({"livemode": True}, "other_mode"), ({"account": "acct_1"}, "other_account")])
def test_a_dispute_of_others_is_not_replayed(idle, more, why):
    sent = event("charge.dispute.created", data={"charge": "ch_3"}, **more)
    taken(deliver(idle, sent))
    assert f"about none of our users: {why}" in admin(idle, "replay", sent["id"], code=1)
    kept = row(idle, sent["id"])
    assert (kept["state"], kept["why"]) == ("ignored", why) and jobs(idle, "charge", kept["id"]) == 0
