"""The mails that strangers can cause to an address: three a day in all, and none that keeps the owner from what they need
(lib/model/mail/allowance.h)."""

import concurrent.futures
import itertools
import random
import secrets

import pytest
from conftest import User
from helpers import expect
from links import MINUTE, link, mails, now_us, sign_in, told
from newcomers import DAY, PASSWORD, Newcomer
from test_change_email import ask, change_to, changes, follow, fresh, row_of
from test_password import NEW, disable, forgot, reset
from test_sign_in import a_network, all_is_told, guess
from test_sign_in import told as refusals

CONFIRM = "/api/v1/auth/confirm-email"
AGAIN = "/api/v1/auth/resend-reset"

# How a stranger causes a mail to an address
WAYS = {
    "register": lambda stack, email: Newcomer(stack, email).register(),
    "register with a password": lambda stack, email: Newcomer(stack, email).register(password=PASSWORD),
    "resend": lambda stack, email: Newcomer(stack, email).resend(),
    "reset": forgot,
}
NEWS, LINK, WARNING = "already_registered", "reset_password", "sign_in_refused"


@pytest.fixture
def day(stack):
    """Begins one, in UTC."""
    stack.move_clock(2 * DAY - now_us(stack) // 10**6 % DAY)


def kinds(stack, user):
    return [m[0] for m in mails(stack, user)]


def guesses(stack, user):
    assert guess(stack, a_network(), user.email, 6) == [401] * 5 + [429]
    all_is_told(stack)


@pytest.mark.parametrize("order", [*itertools.permutations(WAYS)][::3])
def test_three_in_all(stack, user, order):
    """Whatever strangers ask for, in whatever order and however often, one of the three brings a link; and they are told alike."""
    stack.move_clock(2 * DAY - now_us(stack) // 10**6 % DAY)
    nobody = fresh()
    for name in order:
        for _ in range(4):
            answers = [WAYS[name](stack, email) for email in (user.email, nobody)]
            assert expect(answers[0], 202) and told(answers[0]) == told(answers[1]), name
    guesses(stack, user)
    got = kinds(stack, user)
    assert len(got) == 3 and got[-1] == WARNING and set(got[:2]) <= {NEWS, LINK}, got
    assert refusals(stack, user.email) == (1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_three_in_all_to_who_has_no_account(stack, seed):
    """And among them is one with which they choose the password."""
    draw, newcomer = random.Random(seed), Newcomer(stack)
    stack.move_clock(2 * DAY - now_us(stack) // 10**6 % DAY)
    for name in draw.sample([*WAYS] * 5, 5 * len(WAYS)):
        expect(WAYS[name](stack, newcomer.email), 202)
    pending = {r["id"]: r["password_hash"] for r in newcomer.rows() if r["expires_at_us"] > r["created_at_us"]}
    mailed = [about for _, about in newcomer.mails() if about in pending]
    assert len(mailed) == 3 and any(pending[about] is None for about in mailed)
    chosen = next(about for about in mailed if pending[about] is None)
    expect(newcomer.verify(link(stack, "verify_email", chosen)), 200)
    for name in WAYS:
        WAYS[name](stack, newcomer.email)
    assert guess(stack, a_network(), newcomer.email, 6) == [401] * 5 + [429]
    all_is_told(stack)
    me = newcomer.rows("users")[0]["id"]
    got = [m["template"] for m in stack.sql("SELECT template FROM mail_outbox WHERE user_id = %s ORDER BY id", me)]
    assert got == [WARNING], "of the three before they have used one, and the last place is for this"


def test_what_has_no_place_makes_nothing_that_can_be_confirmed(stack, day):
    """A registration without its mail would wait for a link that nobody gets."""
    newcomer = Newcomer(stack)
    for ask_for in (newcomer.register, newcomer.register, newcomer.register):
        expect(ask_for(), 202)
    expect(newcomer.register(password=PASSWORD, name="Mallory"), 202)
    late = newcomer.rows()[-1]
    assert late["expires_at_us"] == late["created_at_us"] and (late["name"], late["password_hash"]) == (None, None)
    stack.wait(lambda: stack.sql("SELECT 1 FROM mail_outbox WHERE subject_id = %s AND state = 'dropped'", late["id"]), "its mail is dropped")


def test_who_wastes_the_three_does_not_hide_that_they_guess(stack, user, day):
    """The place of the warning is nobody else's; and that somebody knows the password is told in any case."""
    for _ in range(4):
        forgot(stack, user.email)
    assert kinds(stack, user) == [LINK] * 2
    guesses(stack, user)
    assert kinds(stack, user) == [LINK] * 2 + [WARNING]


def test_what_somebody_causes_who_is_signed_in_is_counted_apart(stack, user, other, day):
    """In both directions: a change to an address that somebody has, and what strangers ask for."""
    other.confirm()
    for _ in range(3):
        expect(ask(other, user.email), 202)
    assert kinds(stack, user) == [NEWS] * 3
    for name in ("register", "reset", "reset"):
        WAYS[name](stack, user.email)
    assert kinds(stack, user) == [NEWS] * 4 + [LINK]


def test_many_at_once_are_no_more(stack, user, day):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda name: WAYS[name](stack, user.email), [*WAYS] * 4):
            expect(answer, 202)
    assert len(kinds(stack, user)) == 2


# Another link, to who has one


def again(stack, token):
    return stack.client(Origin=stack.url).post(AGAIN, json={"token": token})


def test_an_owner_whose_mails_are_used_up_has_a_link_that_brings_another(stack, user, day):
    """A stranger asks at midnight, every day, and the owner comes at noon."""
    for _ in range(3):
        forgot(stack, user.email)
    old = link(stack, "reset_password", user.id)  # as one of the two brought it
    stack.move_clock(DAY // 2)
    expect(forgot(stack, user.email), 202)
    assert kinds(stack, user) == [LINK] * 2
    expect(reset(stack, old), 400, "link_invalid")
    assert expect(again(stack, old), 202)["data"] == {"status": "accepted"}
    assert kinds(stack, user) == [LINK] * 3
    new = link(stack, "reset_password", user.id)
    expect(reset(stack, new), 204)
    expect(sign_in(stack, user.email, NEW)[0], 200)
    for token in (old, new):
        expect(again(stack, token), 400, "link_invalid")


def test_it_is_no_strangers_and_has_a_number_of_its_own(stack, user, day):
    token = link(stack, "reset_password", user.id)
    for _ in range(3):
        expect(again(stack, token), 202)
    answer = again(stack, token)
    expect(answer, 429, "address_mails_too_many")
    assert DAY - 600 < int(answer.headers["Retry-After"]) <= DAY
    forgot(stack, user.email)
    assert kinds(stack, user) == [LINK] * 4
    stack.move_clock(int(answer.headers["Retry-After"]))
    expect(again(stack, token), 202)


@pytest.mark.parametrize("late_sec, good", [(30 * MINUTE + 2 * DAY - MINUTE, True), (30 * MINUTE + 2 * DAY + MINUTE, False)])
def test_how_long_a_link_says_who_reads_the_mail(stack, user, late_sec, good):
    token = link(stack, "reset_password", user.id)
    stack.move_clock(late_sec)
    expect(again(stack, token), 202 if good else 400)
    assert len(mails(stack, user)) == good


@pytest.mark.parametrize("purpose", ["verify_email", "change_email", "undo_email", "undo_password"])
def test_a_link_of_another_kind_brings_none(stack, user, purpose):
    expect(again(stack, link(stack, purpose, user.id)), 400, "link_invalid")
    assert mails(stack, user) == []


@pytest.mark.parametrize("body, code", [({}, "required"), ({"token": None}, "required"), ({"token": 5}, "wrong_type"), ({"token": "x" * 2000}, "too_long"),
                                        ({"token": "x", "email": "a@example.com"}, "unknown_field")])
def test_what_it_is_made_of(stack, body, code):
    expect(stack.client(Origin=stack.url).post(AGAIN, json=body), 422, code)


@pytest.mark.parametrize("token", ["", "x", "\0", "é" * 20, "' OR 1 = 1"])
def test_what_is_no_link_brings_none(stack, token):
    expect(again(stack, token), 400, "link_invalid")


def test_who_is_disabled_gets_none(stack, user):
    token = link(stack, "reset_password", user.id)
    disable(stack, user)
    expect(again(stack, token), 400, "link_invalid")
    assert mails(stack, user) == []


# A change of address


@pytest.mark.parametrize("who", ["known", "unknown"])
def test_a_change_that_cannot_be_mailed_is_refused_and_changes_nothing(stack, user, other, day, who):
    wanted = User(stack).email if who == "known" else fresh()
    for one in (user, other):
        one.confirm()
    for _ in range(3):
        expect(ask(other, wanted), 202)
    earlier = fresh()
    expect(ask(user, earlier), 202)
    answer = ask(user, wanted)
    assert expect(answer, 429, "address_mails_too_many")["error"]["retryable"]
    wait = int(answer.headers["Retry-After"])
    assert DAY - 600 < wait <= DAY
    assert [c["new_email"] for c in changes(user)] == [earlier]
    expect(follow(stack, CONFIRM, link(stack, "change_email", change_to(user, earlier)), user.web), 200)
    assert row_of(user)["email"] == earlier
    stack.move_clock(wait)
    user.confirm()
    expect(ask(user, wanted), 202)


# Spellings of one mailbox


def tagged(stack, name, tag):
    return Newcomer(stack, f"{name}+{tag}@example.org")


def test_made_up_spellings_share_one_allowance(stack):
    name = f"n{secrets.token_hex(8)}"
    people = [tagged(stack, name, tag) for tag in ("1", "2", "", "a+b", "5")]
    for person in people:
        expect(person.register(), 202)
    assert [len(person.mails()) for person in people] == [1, 1, 1, 0, 0]
    owner = Newcomer(stack, f"{name}@example.org")
    owner.join()
    assert owner.rows("users"), "they do not use up the one of the address itself"


def test_a_plus_elsewhere_makes_no_other_spelling(stack):
    """At the beginning it is most often a telephone number, and nobody's tag."""
    people = [Newcomer(stack, f"+{n}{secrets.token_hex(8)}@example.org") for n in range(5)]
    for person in people:
        expect(person.register(), 202)
    assert [len(person.mails()) for person in people] == [1] * 5


def test_a_users_own_spellings_are_apart_where_only_users_are_mailed(stack):
    name = f"n{secrets.token_hex(8)}"
    people = [tagged(stack, name, tag) for tag in ("1", "2")]
    for person, times in zip(people, (4, 1)):
        person.join()
        for _ in range(times):
            forgot(stack, person.email)
    assert [[m[0] for m in person.mails()] for person in people] == [["reset_password"] * 2, ["reset_password"]]


# Registrations that ask for a stranger's password


def test_a_strangers_password_leaves_the_owner_a_link(stack, day):
    """However a stranger registers the address, its owner gets a link with a password of their own."""
    owner = Newcomer(stack)
    for ask_for in ([lambda: owner.register(password="a stranger's walrus")] * 3 + [owner.resend] * 3):
        expect(ask_for(), 202)
    assert len(owner.mails()) == len(owner.rows()) == 2 and all(row["password_hash"] for row in owner.rows())
    owner.join()
    expect(owner.login(), 200)


def test_what_is_mailed_again_is_one_without_a_password(stack):
    owner = Newcomer(stack)
    for fields in ({"password": "a stranger's walrus"}, {}, {"password": "a stranger's walrus"}):
        expect(owner.register(**fields), 202)
    expect(owner.resend(), 202)
    chosen = owner.rows()[1]["id"]
    assert owner.mails()[-1] == ("verify_email", chosen)
