"""The link of a registration: it works once, for whoever has it and knows the password. And who may register at all."""

import hashlib
import json
import re
import subprocess
import time
import unicodedata
import uuid
from concurrent.futures import ThreadPoolExecutor

import mailing
import pytest
import users
from conftest import CHECKOUT
from helpers import expect
from newcomers import DAY, PASSWORD, Newcomer

LIFETIME_SEC = 7 * DAY
TRIES = 10  # REGISTRATION_TRIES_MAX
VERSIONS = {"terms_version": "2026-11", "policy_version": "2026-12-01"}


@pytest.fixture
def newcomer(stack):
    return Newcomer(stack)


def activity_of(stack, id):
    return [r["what"] for r in stack.sql("SELECT what FROM activity WHERE user_id = %s ORDER BY id", uuid.UUID(id).bytes)]


# --- a link makes a user


def test_the_link_makes_the_user(stack, newcomer):
    expect(newcomer.register(name="Ann"), 202)
    answer = newcomer.verify(newcomer.link())
    user = expect(answer, 200)["data"]
    assert set(user) == {"id", "email", "email_undeliverable_since", "name", "created_at"} and (user["email"], user["name"]) == (newcomer.email, "Ann")
    assert "Set-Cookie" not in answer.headers, "it does not sign in"
    assert expect(newcomer.login(), 200)["data"] == user
    row, = newcomer.rows("users")
    assert (row["password_hash"][:4], row["state"], row["terms_version"], row["policy_version"]) == ("$2b$", "active", None, None)
    assert activity_of(stack, user["id"])[0] == "registered"
    assert newcomer.rows() == [] and stack.sql("SELECT 1 FROM one_time_tokens WHERE subject_id = %s", row["id"]) == []


def test_the_whole_way_by_mail(stack, newcomer):
    expect(newcomer.register(name="Ann"), 202)
    letter = mailing.wait_letter(stack, newcomer.email)
    assert letter.page == "verify-email" and "Ann" not in letter.text, "a stranger may have chosen the name"
    expect(newcomer.resend(), 202)
    again = mailing.wait_letter(stack, newcomer.email, times=2)
    expect(newcomer.verify(letter.token), 200)
    expect(newcomer.verify(again.token), 400, "link_invalid")
    expect(newcomer.register(), 202)
    known = mailing.wait_letter(stack, newcomer.email, "already")
    assert known.page == "reset-password" and known.to == newcomer.email


def test_the_address_is_kept_as_it_was_given(stack):
    newcomer = Newcomer(stack, f"Ann.{uuid.uuid4().hex[:8]}@Example.ORG")
    assert newcomer.join()["email"] == newcomer.email
    assert newcomer.rows("users")[0]["email_key"] == newcomer.email.lower()


def test_a_password_that_was_given_must_be_typed(newcomer):
    newcomer.register(password=PASSWORD)
    token, hash = newcomer.link(), newcomer.rows()[0]["password_hash"]
    assert expect(newcomer.verify(token, "not the password"), 403, "wrong_password")["error"]["retryable"] is False
    assert newcomer.rows("users") == []
    expect(newcomer.verify(token), 200)
    assert newcomer.rows("users")[0]["password_hash"] == hash
    expect(newcomer.login(), 200)


def test_guesses_are_bounded(newcomer):
    newcomer.register(password=PASSWORD)
    token = newcomer.link()
    for _ in range(TRIES):
        expect(newcomer.verify(token, "not the password"), 403, "wrong_password")
    expect(newcomer.verify(token), 400, "link_invalid")
    assert newcomer.rows() == [] and newcomer.rows("users") == [], "it is gone"
    newcomer.join()


def test_the_last_try_may_be_right(newcomer):
    newcomer.register(password=PASSWORD)
    token = newcomer.link()
    for _ in range(TRIES - 1):
        expect(newcomer.verify(token, "not the password"), 403, "wrong_password")
    expect(newcomer.verify(token), 200)


def test_guesses_at_once_are_no_more(newcomer):
    newcomer.register(password=PASSWORD)
    token = newcomer.link()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: Newcomer(newcomer.stack).verify(token, f"guess number {n}"), range(2 * TRIES)))
    assert sorted(a.status_code for a in answers) == [400] * TRIES + [403] * TRIES


def test_a_password_is_the_same_however_it_is_typed(stack):
    """A Mac's keyboard may send e with acute as two characters, and a telephone's as one."""
    composed = unicodedata.normalize("NFC", "caf\u00e9 correct horse")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    for first, then in [(composed, decomposed), (decomposed, composed)]:
        newcomer = Newcomer(stack)
        expect(newcomer.register(password=first), 202)
        expect(newcomer.verify(newcomer.link(), then), 200)
        expect(newcomer.login(first), 200)
        expect(newcomer.login(then + "x"), 401, "bad_credentials")


def test_the_mail_says_until_when_its_link_works(stack, newcomer):
    """Also one that comes again when the registration is almost over."""
    expect(newcomer.register(), 202)
    for times in (1, 2):
        row, = newcomer.rows()
        until = time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(row["expires_at_us"] // 10**6))
        assert f"The link works until {until}." in mailing.wait_letter(stack, newcomer.email, times=times).text
        stack.sql("UPDATE registrations SET expires_at_us = expires_at_us - %s WHERE id = %s", 6 * DAY * 10**6, row["id"])
        expect(newcomer.resend(), 202)


# --- tokens


def test_a_link_works_once(newcomer):
    newcomer.register()
    token = newcomer.link()
    expect(newcomer.verify(token), 200)
    expect(newcomer.verify(token), 400, "link_invalid")
    assert len(newcomer.rows("users")) == 1


def test_any_of_the_mails_works_and_ends_the_others(newcomer):
    """A mail that was sent again has another token."""
    newcomer.register()
    first, second = newcomer.link(), newcomer.link()
    expect(newcomer.verify(first), 200)
    expect(newcomer.verify(second), 400, "link_invalid")


@pytest.mark.parametrize("garble", [
    lambda t: "", lambda t: t[:-1], lambda t: t + "0", lambda t: t.swapcase(), lambda t: " " + t, lambda t: t + "\n", lambda t: t + "\0",
    lambda t: "#" + t, lambda t: t[::-1], lambda t: hashlib.sha256(t.encode()).hexdigest(), lambda t: "' OR 1=1 -- ", lambda t: "ä" * 43,
    lambda t: "x" * 1024])
def test_garbled_tokens(newcomer, garble):
    newcomer.register()
    token = newcomer.link()
    expect(newcomer.verify(garble(token)), 400, "link_invalid")
    assert newcomer.rows("users") == [] and len(newcomer.rows()) == 1
    expect(newcomer.verify(token), 200)


def test_tokens_that_are_no_text(newcomer):
    for token, code in ((None, "required"), (7, "wrong_type"), (["x"], "wrong_type"), ("x" * 1025, "too_long")):
        error = expect(newcomer.web.post("/api/v1/auth/verify-email", json={"token": token, "password": PASSWORD}), 422, code)["error"]
        assert error["param"] == "token"


@pytest.mark.parametrize("purpose", ["reset_password", "change_email", "undo_email", "undo_password", "unsubscribe"])
def test_tokens_of_another_kind(newcomer, purpose):
    newcomer.register()
    expect(newcomer.verify(newcomer.link(purpose=purpose)), 400, "link_invalid")
    assert newcomer.rows("users") == []


def test_a_link_is_of_its_registration_alone(stack, newcomer):
    """Whoever has one gets the address that it was mailed to, whatever else they send."""
    victim = Newcomer(stack)
    victim.register(), newcomer.register()
    answer = newcomer.web.post("/api/v1/auth/verify-email", json={"token": newcomer.link(), "password": PASSWORD, "email": victim.email})
    expect(answer, 422, "unknown_field")
    assert expect(newcomer.verify(newcomer.link()), 200)["data"]["email"] == newcomer.email
    assert victim.rows("users") == [] and len(victim.rows()) == 1


@pytest.mark.parametrize("late_sec, good", [(-60, True), (60, False)])
def test_a_registration_ends(stack, newcomer, late_sec, good):
    """Also when its mail came late, and its token would be good for longer."""
    newcomer.register()
    token = newcomer.link(days=30)
    stack.move_clock(LIFETIME_SEC + late_sec)
    expect(newcomer.verify(token), *((200,) if good else (400, "link_invalid")))


def test_a_token_ends(stack, newcomer):
    newcomer.register()
    token = newcomer.link(days=1)
    stack.move_clock(DAY + 60)
    expect(newcomer.verify(token), 400, "link_invalid")
    expect(newcomer.verify(newcomer.link()), 200)


# --- several at once, and several who want the same address


def at_once(calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def one_has_won(answers):
    assert sorted(a.status_code for a in answers) == [200] + [400] * (len(answers) - 1), [a.text for a in answers]
    assert {a.json()["error"]["code"] for a in answers if a.status_code == 400} == {"link_invalid"}


def test_one_link_at_once(stack, newcomer):
    for _ in range(5):
        newcomer = Newcomer(stack)
        newcomer.register()
        token = newcomer.link()
        one_has_won(at_once([lambda: Newcomer(stack).verify(token)] * 6))
        assert len(newcomer.rows("users")) == 1


def test_all_links_of_an_address_at_once(stack):
    for _ in range(5):
        newcomer = Newcomer(stack)
        tokens = []
        for _ in range(3):
            newcomer.register()
            tokens.append(newcomer.link())
        one_has_won(at_once([lambda t=t: Newcomer(stack).verify(t) for t in tokens * 2]))
        assert len(newcomer.rows("users")) == 1 and newcomer.rows() == []


@pytest.mark.parametrize("attacker_is_first", [True, False])
def test_nobody_sits_on_an_address(stack, newcomer, attacker_is_first):
    """Somebody registers an address that is not theirs, with a password. Its owner gets both mails."""
    def attack():
        Newcomer(stack, newcomer.email.upper()).register(password="the attacker's own", name="Mallory")
        return newcomer.link()
    planted = attack() if attacker_is_first else None
    newcomer.register(password=PASSWORD)
    own = newcomer.link()
    planted = planted or attack()
    expect(newcomer.verify(planted), 403, "wrong_password")
    assert expect(newcomer.verify(own), 200)["data"]["name"] is None
    expect(newcomer.login("the attacker's own"), 401, "bad_credentials")
    expect(newcomer.login(), 200)
    expect(newcomer.verify(planted, "the attacker's own"), 400, "link_invalid")


def test_an_address_that_has_got_a_user_in_another_way(stack, newcomer):
    """By a program of the release before, or by a change of address."""
    newcomer.register()
    token = newcomer.link()
    users.add_user(stack.sql, newcomer.email.title(), "another password")
    expect(newcomer.verify(token), 400, "link_invalid")
    row, = newcomer.rows("users")
    assert row["email"] == newcomer.email.title()
    expect(newcomer.login("another password"), 200)


def test_users_of_before_go_on(stack, newcomer):
    """Nobody asks those who were there already to confirm anything."""
    users.add_user(stack.sql, newcomer.email, PASSWORD)
    row, = newcomer.rows("users")
    assert (row["terms_version"], row["policy_version"]) == (None, None)
    expect(newcomer.login(), 200)


# --- terms


def test_terms_are_accepted(stack):
    with stack.configured("auth", **VERSIONS):
        newcomer = Newcomer(stack)
        for fields in ({}, {"accepted_terms": False}):
            assert expect(newcomer.register(**fields), 422, "terms_not_accepted")["error"]["param"] == "accepted_terms"
        assert newcomer.rows() == []
        newcomer.join(accepted_terms=True)
    row, = newcomer.rows("users")
    assert {name: row[name] for name in VERSIONS} == VERSIONS


def test_the_version_is_that_of_the_registration(stack):
    newcomer = Newcomer(stack)
    with stack.configured("auth", terms_version="1"):
        newcomer.register(accepted_terms=True)
    newcomer.verify(newcomer.link())
    row, = newcomer.rows("users")
    assert (row["terms_version"], row["policy_version"]) == ("1", None)


# --- invitations


def invitation(stack, uses=1, days=1):
    """(its code, its row's id)"""
    code, id, now_us = uuid.uuid4().hex[:22], uuid.uuid4().bytes, time.time_ns() // 1000
    stack.sql("INSERT INTO invitations (id, code_hash, uses_max, created_at_us, expires_at_us) VALUES (%s, %s, %s, %s, %s)", id,
              hashlib.sha256(code.encode()).digest(), uses, now_us, now_us + days * DAY * 10**6)
    return code, id


def uses_of(stack, id):
    return stack.sql("SELECT uses FROM invitations WHERE id = %s", id)[0]["uses"]


def test_by_invitation(stack):
    code, id = invitation(stack, uses=2)
    with stack.configured("auth", registration_mode="invitation"):
        stranger = Newcomer(stack)
        assert expect(stranger.register(), 422, "required")["error"]["param"] == "invitation"
        for wrong in ("", "x", code + "0", code.upper(), code[:-1]):
            assert expect(stranger.register(invitation=wrong), 422, "invitation_invalid")["error"]["param"] == "invitation"
        assert stranger.rows() == []
        people = [Newcomer(stack) for _ in range(3)]
        for person in people:
            expect(person.register(invitation=code), 202)
        assert uses_of(stack, id) == 0, "an address may be anybody's: only who follows the link uses it"
        tokens = [person.link() for person in people]
        answers = at_once([lambda p=p, t=t: p.verify(t) for p, t in zip(people, tokens)])
        assert sorted(a.status_code for a in answers) == [200, 200, 422] and uses_of(stack, id) == 2
        late, = (n for n, a in enumerate(answers) if a.status_code == 422)
        expect(answers[late], 422, "invitation_invalid")
        expect(stranger.register(invitation=code), 422, "invitation_invalid")
        stack.sql("UPDATE invitations SET uses_max = 3 WHERE id = %s", id)
        expect(people[late].verify(tokens[late]), 200)


def test_an_invitation_counts_when_one_registers(stack):
    """Who has registered in time may follow the link later; not when it was revoked."""
    code, id = invitation(stack, uses=2)
    with stack.configured("auth", registration_mode="invitation"):
        first, second = Newcomer(stack), Newcomer(stack)
        first.register(invitation=code), second.register(invitation=code)
        stack.move_clock(DAY + 60)
        expect(Newcomer(stack).register(invitation=code), 422, "invitation_invalid")
        expect(first.verify(first.link()), 200)
        stack.sql("UPDATE invitations SET revoked_at_us = 1 WHERE id = %s", id)
        expect(second.verify(second.link()), 422, "invitation_invalid")


def test_where_none_is_needed_none_is_used(stack, newcomer):
    code, id = invitation(stack)
    newcomer.join(invitation=code)
    Newcomer(stack).join(invitation="no such code")
    assert uses_of(stack, id) == 0


def test_known_and_unknown_need_the_same_invitation(stack, newcomer):
    newcomer.join()
    with stack.configured("auth", registration_mode="invitation"):
        for fields, status in (({}, 422), ({"invitation": "x"}, 422), ({"invitation": invitation(stack)[0]}, 202)):
            answers = [person.register(**fields) for person in (newcomer, Newcomer(stack))]
            assert [a.status_code for a in answers] == [status] * 2
            assert len({a.text.replace(a.headers["X-Request-Id"], "") for a in answers}) == 1


@pytest.mark.parametrize("fields, problems", [
    ({}, {"accepted_terms": "terms_not_accepted", "invitation": "required"}),
    ({"invitation": "none"}, {"accepted_terms": "terms_not_accepted", "invitation": "invitation_invalid"}),
    ({"invitation": 7, "accepted_terms": "yes"}, {"accepted_terms": "wrong_type", "invitation": "wrong_type"}),
    ({"accepted_terms": False}, {"accepted_terms": "terms_not_accepted", "invitation": "required"})])
def test_what_the_configuration_asks_for_is_told_with_all_else(stack, newcomer, fields, problems):
    with stack.configured("auth", registration_mode="invitation", terms_version="2026-11"):
        answer = newcomer.register(email="nobody", password="short", **fields)
    error = expect(answer, 422, "validation_failed")["error"]
    assert [(d["param"], d["code"]) for d in sorted(error["details"], key=lambda d: d["param"])] == sorted(
        {"email": "bad_email", "password": "password_too_short", **problems}.items())


def test_closed(stack, newcomer):
    waiting = Newcomer(stack)
    waiting.register()
    with stack.configured("auth", registration_mode="closed"):
        expect(newcomer.register(), 403, "registration_closed")
        expect(waiting.register(email="not an address"), 403, "registration_closed")
        expect(waiting.resend(), 202)
        expect(waiting.verify(waiting.link()), 200)
    assert newcomer.rows() == []


# --- the page


DOM = r"""
const field = {focus: () => { result.focused = true; }};
const form = {hidden: true, dataset: {done: "DONE", over: "OVER"}, getAttribute: () => "/api/v1/auth/verify-email",
              querySelector: name => name === "input" ? field : {}, addEventListener: (name, f) => { form.send = f; }};
const result = {addEventListener() {}, focused: false}, heard = {};
let sent = null;
const again = {hidden: true, dataset: {done: "SENT", over: "NEVER"}, getAttribute: () => "/api/v1/auth/resend-reset",
               querySelector: name => name === "input" ? null : field, addEventListener: (name, f) => { again.send = f; }};
const over = {hidden: true}, has = process.argv[3] !== undefined; // of the page: something for who comes too late
globalThis.document = {getElementById: id => id in {again, over} && !has ? null : ({form, again, over})[id] ?? result};
globalThis.location = {hash: process.argv[1], pathname: "/verify-email", reload: () => { result.reloads = true; }};
globalThis.sessionStorage = {setItem() {}};
globalThis.addEventListener = (name, f) => { heard[name] = f; };
globalThis.history = {replaceState: (...x) => { result.at = x[2]; }};
globalThis.FormData = class { *[Symbol.iterator]() { yield ["password", "typed"]; } };
const answers = JSON.parse(process.argv[2]);
globalThis.fetch = async (path, options) => {
	sent = [path, options.method, options.headers["Content-Type"], JSON.parse(options.body)];
	if (answers === null) throw new TypeError("gone");
	return {ok: answers.status < 300, headers: {get: name => answers.headers[name] ?? null}, json: async () => answers.body};
};
"""


def page(fragment, answer, **data):
    """(what was sent, what the person sees) of link.js, in a browser that is made of the few things it uses. data: of the form."""
    script = DOM + f"Object.assign(form.dataset, {json.dumps(data)});" + "{" + (CHECKOUT / "nginx/html/link.js").read_text() + "}\n" + (
        "(async () => { if (form.send) await form.send({preventDefault() {}});"
        "console.log(JSON.stringify([sent, result.textContent, result.className, form.hidden, result.at || null, result.focused])); })();")
    done = subprocess.run(["node", "-e", script, fragment, json.dumps(answer)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("script", ["link.js", "unsubscribe.js"])
def test_a_link_leaves_the_address_at_once_and_the_next_one_is_taken(script):
    """So it is in no history and on no screen; and a newer link, put into the same address bar, is not ignored."""
    made = DOM + "{" + (CHECKOUT / "nginx/html" / script).read_text() + "}\n" + (
        "const before = [result.at, sent]; heard.hashchange();"
        "console.log(JSON.stringify([...before, result.reloads]));")
    done = subprocess.run(["node", "-e", made, "#token", "null"], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == ["/verify-email", None, True]


@pytest.mark.parametrize("then, status, code, seen", [
    ("accepted", 202, None, ["SENT", "", True, True]), ("link_invalid", 400, "link_invalid", ["NEVER", "failed", True, False]),
    ("too many", 429, "address_mails_too_many", ["This address gets no more such mails today. Use the newest that came. Try again in 12 hours.", "failed", False, False])])
def test_who_comes_too_late_with_a_link_is_offered_another(then, status, code, seen):
    """By the second form of the page, with the same link; where the link is good, or the page has none, nothing more shows."""
    answers = [{"status": 400, "headers": {}, "body": {"error": {"code": "link_invalid", "details": []}}},
               {"status": status, "headers": {"Retry-After": "43200"} if status == 429 else {}, "body": {"data": {}} if code is None else {"error": {"code": code, "details": []}}}]
    script = DOM.replace("const answers = JSON.parse(process.argv[2]);", "let answers; const all = JSON.parse(process.argv[2]);").replace(
        "sent = [path", "answers = all.shift(); sent = [path") + "{" + (CHECKOUT / "nginx/html/link.js").read_text() + "}\n" + (
        "(async () => { const before = again.hidden; await form.send({preventDefault() {}}); const offered = [form.hidden, again.hidden, over.hidden, result.textContent];"
        "await again.send({preventDefault() {}});"
        "console.log(JSON.stringify([before, ...offered, sent, result.textContent, result.className, again.hidden, over.hidden])); })();")
    done = subprocess.run(["node", "-e", script, "#token", json.dumps(answers), "again"], check=True, capture_output=True, text=True)
    before, form_hidden, again_hidden, over_hidden, said, sent, *after = json.loads(done.stdout)
    assert (before, form_hidden, again_hidden, over_hidden, said) == (True, True, False, False, "OVER")
    assert sent[0] == "/api/v1/auth/resend-reset" and sent[3]["token"] == "token" and after == seen


def answer_of(response):
    return {"status": response.status_code, "body": response.json(),
            "headers": {k: v for k, v in response.headers.items() if k == "Retry-After"}}


def test_the_page(stack, newcomer):
    web = stack.client()
    for path in ("/verify-email", "/verify-email.html"):
        shown = web.get(path)
        assert shown.status_code == 200 and shown.headers["Content-Type"].startswith("text/html")
        assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert not re.search(r"<script>|\son\w+=|style=|https?:", shown.text), "nothing inline, nothing from elsewhere"
    assert re.findall(r'(?:src|href|action)="([^"]*)"', shown.text) == [
        "/style.css", "/icon.svg", "/link.js", "/", "/api/v1/auth/verify-email", "/dashboard/sign-in", "/dashboard/sign-in", "/dashboard/register"]
    assert web.get("/link.js").status_code == 200
    newcomer.register(password=PASSWORD)
    token = newcomer.link()
    sent, text, *seen = page(f"#{token}", answer_of(newcomer.verify(token, "not the password")))
    assert sent == ["/api/v1/auth/verify-email", "POST", "application/json", {"token": token, "password": "typed"}]
    assert "not the password" in text and seen == ["failed", False, "/verify-email", True]
    chooses = Newcomer(stack)
    chooses.register()
    assert "at least 10 characters" in page(f"#{token}", answer_of(chooses.verify(chooses.link(), "short")))[1]
    assert page(f"#{token}", answer_of(newcomer.verify(token)))[1:] == ["DONE", "", True, "/verify-email", False]
    assert page(f"#{token}", answer_of(newcomer.verify(token)))[1:] == ["OVER", "failed", True, "/verify-email", False], "no use to try again"
    assert "30 seconds" in page("#x", {"status": 429, "headers": {"Retry-After": "30"}, "body": {"error": {"code": "rate_limited"}}})[1]
    assert "Send it once more" in page("#x", None)[1]
    sent, _, look, hidden, *_ = page("", None)
    assert (sent, look, hidden) == (None, "failed", True), "without a token nothing is sent"
