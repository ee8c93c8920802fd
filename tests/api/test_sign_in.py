"""Guessing at the sign-in: how it is slowed down, whom that concerns, and that nobody learns from it who has an account."""

import concurrent.futures
import json
import secrets
import unicodedata
import uuid

import fastcgi
import pytest
from authenticator import SIGN_IN, a_network, ask_from, enrol
from conftest import User
from helpers import expect
from mailing import wait_letter
from test_truth import database  # noqa: F401  (a fixture)

MINUTE, HOUR, DAY = 60, 3600, 86400


def try_from(stack, network, email, password="wrong horse battery"):
    return ask_from(stack, network, SIGN_IN, {"email": email, "password": password})


def guess(stack, network, email, n):
    return [try_from(stack, network, email).status for _ in range(n)]


def nobody():
    return f"nobody.{secrets.token_hex(8)}@example.com"


def told_to_wait(answer):
    assert (answer.status, answer.code) == (429, "too_many_wrong_passwords"), answer.text
    assert answer.json["error"]["retryable"] and answer.json["error"]["type"] == "rate_limit"
    return int(answer.headers["Retry-After"])


# An account from a network


@pytest.mark.parametrize("who", ["known", "unknown"])
def test_guessing_takes_longer_and_longer(stack, user, who):
    email, network = user.email if who == "known" else nobody(), a_network()
    assert guess(stack, network, email, 6) == [401] * 5 + [429]
    waits = []
    for _ in range(7):
        waits.append(told_to_wait(try_from(stack, network, email, user.password)))  # the right one waits, too
        stack.move_clock(waits[-1])
        assert try_from(stack, network, email).status == 401
    assert [round(w / 30) for w in waits] == [1, 2, 4, 8, 16, 30, 30]
    stack.move_clock(15 * MINUTE)
    if who == "known":
        assert try_from(stack, network, email, user.password).status == 200
        assert guess(stack, network, email, 6) == [401] * 5 + [429], "the right one forgets them"


def test_the_wait_is_as_long_as_it_says(stack, user):
    """Both ends."""
    network = a_network()
    guess(stack, network, user.email, 5)
    stack.move_clock(told_to_wait(try_from(stack, network, user.email)) - 2)
    assert told_to_wait(try_from(stack, network, user.email, user.password)) <= 2
    stack.move_clock(2)
    assert try_from(stack, network, user.email, user.password).status == 200


def test_guesses_are_forgotten_after_an_hour(stack, user):
    """Both ends."""
    network = a_network()
    guess(stack, network, user.email, 5)
    stack.move_clock(HOUR - 10)
    assert guess(stack, network, user.email, 2) == [401, 429]
    stack.move_clock(HOUR + 1)
    assert guess(stack, network, user.email, 6) == [401] * 5 + [429]


def test_four_wrong_ones_are_nothing(stack, user):
    network = a_network()
    for _ in range(3):
        assert guess(stack, network, user.email, 4) == [401] * 4
        assert try_from(stack, network, user.email, user.password).status == 200


def test_an_address_is_one_however_it_is_written(stack, user):
    network = a_network()
    written = [user.email, user.email.upper(), user.email.title()]
    assert [try_from(stack, network, written[i % 3]).status for i in range(6)] == [401] * 5 + [429]
    assert try_from(stack, network, user.email + " ").status == 401, "that is another one"


def test_guesses_at_once_are_as_many(stack, user):
    network = a_network()

    def one(_):
        while (answer := try_from(stack, network, user.email)).status == 503:
            pass
        return answer.status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(20))) == [401] * 5 + [429] * 15


def test_its_owner_elsewhere_does_not_notice(stack, user):
    """Nor does who is signed in, also when the password must be typed again."""
    guess(stack, a_network(), user.email, 30)
    assert try_from(stack, a_network(), user.email, user.password).status == 200
    expect(user.web.get("/api/v1/me"), 200)
    user.confirm()


def test_somebody_else_there_does_not_notice(stack, user, other):
    network = a_network()
    guess(stack, network, user.email, 6)
    assert try_from(stack, network, other.email, other.password).status == 200


def test_what_could_not_be_looked_at_is_no_guess(stack, user):
    network, grant = a_network(), "SELECT ON users {} marketingcli_auth@localhost"
    stack.sql(f"REVOKE {grant.format('FROM')}")
    try:
        assert set(guess(stack, network, user.email, 7)) == {500}
    finally:
        stack.sql(f"GRANT {grant.format('TO')}")
    assert guess(stack, network, user.email, 6) == [401] * 5 + [429]


def test_a_body_that_is_wrong_is_no_guess(stack, user):
    network = a_network()
    for _ in range(7):
        assert ask_from(stack, network, SIGN_IN, {"email": user.email}).status == 422
    assert guess(stack, network, user.email, 6) == [401] * 5 + [429]


def test_a_clock_that_was_set_back(stack, user):
    network = a_network()
    stack.move_clock(5 * HOUR)
    guess(stack, network, user.email, 6)
    stack.set_clock(0)
    assert told_to_wait(try_from(stack, network, user.email)) <= 30


def test_networks_of_ipv6_are_64_bits_wide(stack, user):
    def sign_in(address):
        body = json.dumps({"email": user.email, "password": "wrong horse battery"}).encode()
        values = fastcgi.parameters("POST", SIGN_IN, REMOTE_ADDR=address, CONTENT_TYPE="application/json", HTTP_CONTENT_TYPE="application/json",
                                    CONTENT_LENGTH=str(len(body)))
        with fastcgi.Connection(stack, "auth") as connection:
            connection.give(fastcgi.request(values, body)[0])
            return fastcgi.status(connection.rest())

    assert [sign_in(f"2001:db8:0:1:{i}::1") for i in range(6)] == [401] * 5 + [429]
    assert sign_in("2001:db8:0:2::1") == 401


# Telling the owner


def told(stack, email):
    """(how often it is in the activity, how many mails)"""
    done = stack.sql("SELECT COUNT(*) AS n FROM activity a JOIN users u ON u.id = a.user_id WHERE u.email_key = %s"
                     " AND what = 'sign_in_refused' AND by_whom = 'service'", email.lower())
    mails = stack.sql("SELECT COUNT(*) AS n FROM mail_outbox m JOIN users u ON u.id = m.user_id WHERE u.email_key = %s"
                      " AND template = 'sign_in_refused'", email.lower())
    return done[0]["n"], mails[0]["n"]


def all_is_told(stack):
    """Who comes last is told last."""
    last = User(stack)
    guess(stack, a_network(), last.email, 6)
    stack.wait(lambda: told(stack, last.email) == (1, 1), "the owner is told")


def test_the_owner_is_told_once(stack, user):
    """When it begins, and not again that day, wherever the guesses come from."""
    first = a_network()
    guess(stack, first, user.email, 5)
    all_is_told(stack)
    assert told(stack, user.email) == (0, 0), "nothing was refused yet"
    for network in (first, a_network(), a_network()):
        guess(stack, network, user.email, 7)
    all_is_told(stack)
    assert told(stack, user.email) == (1, 1)
    assert "too often" in wait_letter(stack, user.email).text
    stack.move_clock(DAY - MINUTE)
    guess(stack, first, user.email, 6)
    all_is_told(stack)
    assert told(stack, user.email) == (1, 1)
    stack.move_clock(MINUTE + 1)
    guess(stack, first, user.email, 2)
    stack.wait(lambda: told(stack, user.email) == (2, 2), "the owner is told the next day")


def test_the_owner_is_told_that_the_password_is_known(stack, user):
    """Whoever sends codes knows it. It is told on the same day as wrong passwords are, and cannot be covered up by some."""
    app, _ = enrol(user)
    guess(stack, a_network(), user.email, 6)
    letter = wait_letter(stack, user.email, "failed sign-ins")
    assert "knows your password" not in letter.text and "nobody has come in" not in letter.text
    network = a_network()
    for _ in range(2):
        assert ask_from(stack, network, SIGN_IN, {"email": user.email, "password": user.password, "code": app.wrong()}).status == 403
    assert guess(stack, network, user.email, 4) == [401] * 3 + [429]
    assert "somebody knows your password" in wait_letter(stack, user.email, "failed sign-ins", times=2).text.replace("\n", " ")
    guess(stack, a_network(), user.email, 6)
    all_is_told(stack)
    assert told(stack, user.email) == (2, 2), "each once a day"


def test_who_is_not_told(stack, user):
    """Nobody, who is disabled, and who was told today already; the last sees it in the activity."""
    disabled, stranger = User(stack), nobody()
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(disabled.id).bytes)
    stack.sql("INSERT INTO mail_allowances SELECT UNHEX(SHA2(CONCAT('refused:', email_key), 256)), FLOOR(UNIX_TIMESTAMP() / 86400), 1"
              " FROM users WHERE id = %s",
              uuid.UUID(user.id).bytes)
    for email in (disabled.email, stranger, user.email, "no address", "x" * 1000):
        assert guess(stack, a_network(), email, 6) == [401] * 5 + [429]
    all_is_told(stack)
    assert told(stack, disabled.email) == (0, 0) and told(stack, user.email) == (1, 0)


def test_it_is_told_when_the_database_is_back(stack, user, database):  # noqa: F811
    network = a_network()
    guess(stack, network, user.email, 5)
    with database.used_by("auth"):  # that restarts it
        guess(stack, network, user.email, 5)
        database.fault("INSERT INTO activity", "lost")
        guess(stack, network, user.email, 1)
        stack.wait(lambda: told(stack, user.email) == (1, 1), "the owner is told")
        assert database.met


# Alike


def shape(answer):
    """All that a client sees, but for what differs from request to request."""
    changing = ("date", "x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
    text = answer.text.replace(answer.headers["X-Request-Id"], "REQUEST")
    return answer.status, text, sorted((k.lower(), v) for k, v in answer.headers.items() if k.lower() not in changing)


def test_answers_are_alike_to_the_byte(stack, user):
    """Of an account, of none, of one that is disabled, of one that needs a code, and of what is no address; refusals, too."""
    disabled, careful = User(stack), User(stack)
    enrol(careful)
    stack.sql("UPDATE users SET state = 'disabled' WHERE id = %s", uuid.UUID(disabled.id).bytes)
    asked = {"known": user.email, "unknown": nobody(), "disabled": disabled.email, "careful": careful.email, "none": "no address",
             "long": "x" * 1000, "empty": ""}
    shapes = {}
    for who, email in asked.items():
        network = a_network()
        password = disabled.password if who == "disabled" else "wrong horse battery"
        shapes[who] = [shape(try_from(stack, network, email, password)) for _ in range(6)]
    assert [s[0] for s in shapes["known"]] == [401] * 5 + [429]
    for who in asked:
        assert shapes[who] == shapes["known"], who


# A hash that is outdated


def hash_of(stack, user):
    return stack.sql("SELECT password_hash FROM users WHERE id = %s", uuid.UUID(user.id).bytes)[0]["password_hash"]


def test_the_cost_grows_at_the_sign_in(stack, user):
    before = hash_of(stack, user)
    assert before.startswith("$2b$04$")
    body = {"email": user.email, "password": user.password}
    with stack.configured("auth", password_bcrypt_cost=5):
        assert try_from(stack, a_network(), user.email).status == 401
        assert hash_of(stack, user) == before
        user.confirm()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda _: ask_from(stack, a_network(), SIGN_IN, body).status, range(4)))
        assert set(got) <= {200, 503} and 200 in got
        grown = hash_of(stack, user)
        assert grown.startswith("$2b$05$")
        assert ask_from(stack, a_network(), SIGN_IN, body).status == 200
        assert hash_of(stack, user) == grown
    assert ask_from(stack, a_network(), SIGN_IN, body).status == 200
    assert hash_of(stack, user) == grown, "a lower cost changes nothing"


def test_a_hash_of_what_was_typed_in_another_way(stack, user):
    """It was made of e and a combining accent, before passwords were normalised; from the next sign-in on both are the same."""
    old = "$2b$04$un0CctXwM4hHliTotcBwruYtYOZefnUavVTEO88eDTXehdUhMLJqi"
    stack.sql("UPDATE users SET password_hash = %s WHERE id = %s", old, uuid.UUID(user.id).bytes)
    typed = "e\u0301" "0123456789"
    composed = unicodedata.normalize("NFC", typed)
    assert try_from(stack, a_network(), user.email, composed).status == 401
    assert try_from(stack, a_network(), user.email, typed).status == 200
    assert hash_of(stack, user) != old
    assert try_from(stack, a_network(), user.email, composed).status == 200
    assert try_from(stack, a_network(), user.email, typed).status == 200


# An account from many networks


@pytest.fixture(scope="module")
def narrow(stack):
    """Few tries are free, from here on: these tests are the last of the file."""
    with stack.configured("auth", signin_tries_of_account=4, signin_tries_of_network=6):
        yield stack


def test_many_networks_are_slow_together(narrow, user):
    """But for those from which it was signed in to, however many others guess."""
    home = a_network()
    assert try_from(narrow, home, user.email, user.password).status == 200
    assert [try_from(narrow, a_network(), user.email).status for _ in range(4)] == [401] * 4
    wait = told_to_wait(try_from(narrow, a_network(), user.email, user.password))
    assert 0 < wait <= 30
    assert try_from(narrow, home, user.email, user.password).status == 200
    assert guess(narrow, home, user.email, 6) == [401] * 5 + [429], "from there, too, it is slow by itself"
    narrow.move_clock(wait)
    assert try_from(narrow, a_network(), user.email, user.password).status == 200
    assert try_from(narrow, a_network(), nobody()).status == 401, "others do not notice"


def test_where_it_is_known_is_forgotten_after_thirty_days(narrow, user):
    """Both ends."""
    home = a_network()
    assert try_from(narrow, home, user.email, user.password).status == 200
    narrow.move_clock(30 * DAY - MINUTE)
    assert [try_from(narrow, a_network(), user.email).status for _ in range(5)] == [401] * 4 + [429]
    assert try_from(narrow, home, user.email).status == 401
    narrow.move_clock(MINUTE + 1)
    assert try_from(narrow, a_network(), user.email).status == 401
    told_to_wait(try_from(narrow, home, user.email, user.password))


def test_who_came_by_a_mailed_link_is_known_there(narrow):
    """The address is guessed at from everywhere; its owner signs in all the same."""
    client = narrow.client(Origin=narrow.url)
    email, password, home = f"{uuid.uuid4().hex}@example.com", "correct horse battery", a_network()
    expect(client.post("/api/v1/auth/register", json={"email": email}), 202)
    link = {"token": wait_letter(narrow, email).token, "password": password}
    assert [try_from(narrow, a_network(), email).status for _ in range(5)] == [401] * 4 + [429]
    assert ask_from(narrow, home, "/api/v1/auth/verify-email", link).status == 200
    told_to_wait(try_from(narrow, a_network(), email, password))
    assert try_from(narrow, home, email, password).status == 200


def test_a_mailed_link_does_not_make_codes_free(narrow):
    """Whoever reads the owner's mail, and has reset the password, guesses codes no faster than anybody else."""
    user, home = User(narrow), a_network()
    enrol(user)
    expect(narrow.client(Origin=narrow.url).post("/api/v1/auth/forgot-password", json={"email": user.email}), 202)
    link = {"token": wait_letter(narrow, user.email, "password").token, "password": "a harmless walrus 7"}
    assert ask_from(narrow, home, "/api/v1/auth/reset-password", link).status == 204
    assert [try_from(narrow, a_network(), user.email).status for _ in range(4)] == [401] * 4
    told_to_wait(try_from(narrow, home, user.email, "a harmless walrus 7"))


# A network with many accounts


def test_one_network_with_many_accounts(narrow, user, other):
    network = a_network()
    assert try_from(narrow, network, user.email, user.password).status == 200
    assert [try_from(narrow, network, nobody()).status for _ in range(6)] == [401] * 6
    assert told_to_wait(try_from(narrow, network, other.email, other.password)) <= 30
    assert try_from(narrow, network, user.email, user.password).status == 200, "who is known there does not notice"
    assert try_from(narrow, a_network(), other.email, other.password).status == 200


def test_right_ones_of_a_network_do_not_count(narrow):
    """A company's, say; and an attacker's own account does not make guesses free."""
    network = a_network()
    people = [User(narrow) for _ in range(7)]
    assert [try_from(narrow, network, p.email, p.password).status for p in people] == [200] * 7
    assert [try_from(narrow, network, nobody()).status for _ in range(6)] == [401] * 6
    assert try_from(narrow, network, people[0].email, people[0].password).status == 200
    told_to_wait(try_from(narrow, network, nobody()))
