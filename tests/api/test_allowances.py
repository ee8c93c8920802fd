"""The mails that strangers can cause to an address: each kind has an allowance of its own, so that nobody who wastes one keeps the
owner from another (lib/model/mail/allowance.h)."""

import secrets

import pytest
from conftest import User
from helpers import expect
from links import link, mails, now_us
from newcomers import DAY, PASSWORD, Newcomer
from test_change_email import ask, change_to, changes, follow, fresh, row_of
from test_password import forgot
from test_sign_in import a_network, all_is_told, guess
from test_sign_in import told as refusals

CONFIRM = "/api/v1/auth/confirm-email"

# How a stranger causes a mail to a user's address, and how often in a day
WAYS = {
    "register": (lambda stack, stranger, email: Newcomer(stack, email).register(), 3),
    "register with a password": (lambda stack, stranger, email: Newcomer(stack, email).register(password=PASSWORD), 2),
    "reset": (lambda stack, stranger, email: forgot(stack, email), 3),
    "change": (lambda stack, stranger, email: ask(stranger, email), 3),
}


@pytest.fixture
def day(stack):
    """Begins one, in UTC."""
    stack.move_clock(2 * DAY - now_us(stack) // 10**6 % DAY)


@pytest.mark.parametrize("wasted", WAYS)
def test_who_wastes_one_kind_keeps_the_owner_from_no_other(stack, user, other, day, wasted):
    other.confirm()
    way, most = WAYS[wasted]
    for _ in range(most + 1):
        way(stack, other, user.email)
    assert len(mails(stack, user)) == most
    for n, name in enumerate(WAYS.keys() - {wasted}, 1):
        WAYS[name][0](stack, other, user.email)
        assert len(mails(stack, user)) == most + n, name
    assert guess(stack, a_network(), user.email, 6) == [401] * 5 + [429]
    all_is_told(stack)
    assert refusals(stack, user.email) == (1, 1)


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
    assert [[m[0] for m in person.mails()] for person in people] == [["reset_password"] * 3, ["reset_password"]]


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
    chosen, = (row["id"] for row in owner.rows() if row["password_hash"] is None)
    assert owner.mails()[-1] == ("verify_email", chosen)
