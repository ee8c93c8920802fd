"""The policy itself: that it says what is promised, and nothing else (N1, N2); and that each of its paragraphs is a promise that is
tested."""

import html
import pathlib
import re
import uuid

import pytest
from conftest import User
from helpers import expect
from mailing import wait_letter
from newcomers import Newcomer
from promises import PROMISES
from publishing_policy import published, take_back
from render import CONTROLLER

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
WORDS = {name: (CHECKOUT / f"tools/admin/policy/{name}.txt").read_text() for name in ("privacy", "terms")}
DEF = (CHECKOUT / "lib/base/policy.def").read_text()
DAY = 86400


@pytest.fixture
def no_policy(stack):
    take_back(stack)
    yield
    take_back(stack)


def blocks(text):
    return [b for b in re.split(r"\n\n+", text.strip()) if not b.startswith("#")]


@pytest.mark.parametrize("name", WORDS)
def test_N2_each_paragraph_makes_promises(name):
    for block in blocks(WORDS[name]):
        found = re.search(r"\[([A-Z]\d(?: [A-Z]\d)*)\]$", block)
        assert found, f"names no promise: {block}"
        assert set(found[1].split()) <= set(PROMISES), block


def sentences(block):
    """Of a paragraph, each with what follows its end. What is no paragraph is one."""
    if block[0] in "-@":
        return [block]
    return re.findall(r".+?(?:\.(?: \[[^\]]*\])?|: \[[^\]]*\])(?= |$)", re.sub(r"\s+", " ", block))


def unbound(text):
    """The sentences that make no promise."""
    return [s for b in blocks(text) for s in sentences(b) if not re.search(r"\[[A-Z]\d(?: [A-Z]\d)*\]$", s)]


def test_N2_each_sentence_makes_promises():
    """And one that makes none is found, wherever it is slipped in."""
    text = WORDS["privacy"]
    assert unbound(text) == []
    for at in [m.end() for m in re.finditer(r"\.(?=\s\[)|(?<=[^-@\n])\]", text)]:
        assert unbound(f"{text[:at]} We also sell it.{text[at:]}"), text[:at][-60:]


def test_N2_each_promise_is_made():
    assert set(PROMISES) == {id for found in re.findall(r"\[([^\]]+)\]", WORDS["privacy"]) for id in found.split()}
    items = re.findall(r'^POLICY\(\w+, "[^"]+", "(\w+)"', DEF, re.M)
    assert items and set(items) <= set(PROMISES)


def test_N2_it_names_each_item_its_date_and_whom_to_write_to(stack, no_policy):
    """Every item that is held, and every purpose, with how long it stays; who is responsible; and since when."""
    published(stack, "2026-12")
    text = html.unescape(re.sub(r"<[^>]+>", " ", stack.client().get("/privacy").text))
    for what in re.findall(r'^POLICY\(.*, "([^"]+)"\)$', DEF, re.M) + re.findall(r'^PURPOSE\(\w+, "\w+", "([^"]+)"', DEF, re.M):
        assert what in text, what
    retention = (CHECKOUT / "lib/base/retention.def").read_text()
    for n, unit, words in re.findall(r'^RETENTION\(\w+, "\w+", (\d+), (\w+), "([^"]+)"\)$', retention, re.M):
        assert (words if unit == "NONE" else f"{n} {unit.lower()} {words}") in text, words
    for value in (v for k, v in CONTROLLER.items() if k != "law"):
        assert value in text, value
    current = expect(stack.client().get("/api/v1/privacy/policy"), 200)["data"]["current"]
    year, month, day = current["effective_at"][:10].split("-")
    assert re.search(rf"in force from {int(day)} \w+ {year}", re.sub(r"\s+", " ", text))
    assert f"mailto:{CONTROLLER['email']}" in text or CONTROLLER["email"] in text


def mails(stack, user):
    return stack.sql("SELECT COUNT(*) AS n FROM mail_outbox WHERE template = 'policy_changed' AND user_id = %s", uuid.UUID(user.id).bytes)[0]["n"]


def notice(stack):
    (row,) = stack.sql("SELECT told, ended_at_us FROM policy_notices")
    return row


def test_N1(stack, user, no_policy):
    """A material change is mailed to every user, once, at least 14 days before; also to one who is disabled, to one who registers
    meanwhile, and to one who follows the link of such a registration only afterwards."""
    disabled = User(stack)
    assert stack.admin("user", "disable", disabled.id).returncode == 0
    stack.move_clock(120)  # their rows are settled
    published(stack, "2026")
    published(stack, "2027", "--material", days=15)
    letter = wait_letter(stack, user.email, "privacy policy changes")
    assert f"{stack.url}/privacy/2027" in letter.text and "you accept it" in re.sub(r"\s+", " ", letter.text) and letter.token is None
    stack.wait(lambda: mails(stack, disabled) == 1, "who is disabled is told")
    late = Newcomer(stack)  # whose id is of the programs' clock
    late.join(accepted_terms=True)
    stack.move_clock(3700)
    stack.wait(lambda: ("policy_changed", late.rows("users")[0]["id"]) in late.mails(), "who came later is told within an hour")
    stack.move_clock(13 * DAY)
    slow, new = Newcomer(stack), Newcomer(stack)
    expect(slow.register(accepted_terms=True), 202)
    stack.move_clock(3 * DAY)
    expect(new.register(accepted_terms=True), 202)
    for newcomer in (slow, new):
        expect(newcomer.verify(newcomer.link(days=30)), 200)
    assert [n.rows("users")[0]["policy_version"] for n in (slow, new)] == ["2026", "2027"]
    stack.move_clock(3700)
    stack.wait(lambda: ("policy_changed", slow.rows("users")[0]["id"]) in slow.mails(), "who has accepted the former one is told")
    stack.move_clock(7 * DAY)
    stack.wait(lambda: notice(stack)["ended_at_us"], "it ends when no registration is left from before it was in force")
    assert "policy_changed" not in [template for template, _ in new.mails()]
    assert not stack.sql("SELECT 1 FROM jobs_mail WHERE kind = 'policy_notice'")
    (all,) = stack.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT user_id) AS users FROM mail_outbox WHERE template = 'policy_changed'")
    assert all["n"] == all["users"] == notice(stack)["told"] >= 3
    assert "users told" in stack.admin("policy", "list").stdout


def test_N1_going_on_after_a_change_accepts_it(stack, no_policy):
    """Both texts say so, and the mail does (test_N1)."""
    assert all("if you go on using" in re.sub(r"\s+", " ", text) for text in WORDS.values())
