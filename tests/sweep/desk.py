"""More flows: what an admin does to a user, with marketingcli-admin as the program that dies or whose database fails."""

from world import Told  # first: it knows where the next ones are

from accounts import id_of, opens, post  # isort: skip
from authenticator import begin  # isort: skip
from buying import LEASE_SEC  # isort: skip
from flows import Flow, account_row, state  # isort: skip
from helpers import expect  # isort: skip
from keys import key_works  # isort: skip
from links import link  # isort: skip
from second import as_told, counts, is_on, on_ready  # isort: skip

NOBODY_KNOWS = "it may or may not have been done"  # of lib/base/err.def


def at_the_desk(world, s, *verb):
    return told_at_the_desk(world, "user", *verb, s.user.id)


def told_at_the_desk(world, *args):
    """As the admin understands it: one that was killed has said nothing."""
    done = world.stack.admin(*args, MARKETINGCLI_TEST_PROGRAM="admin")
    assert done.returncode in (0, 1) or done.returncode < 0, (done.returncode, done.stderr)
    if done.returncode == 0:
        return Told("done", {"said": done.stdout})
    return Told("unknown" if done.returncode < 0 or NOBODY_KNOWS in done.stderr else "nothing", code=done.stderr)


def no_admin(world):
    """Nobody but the flow starts one, so nobody waits for it to be there again."""
    (world.stack.at.hold / "admin").touch()


def admin_did(world, s, what):
    return world.count("SELECT COUNT(*) AS n FROM activity WHERE user_id = %s AND what = %s AND by_whom = 'admin'", id_of(s), what)


# --- disabling


def disable_ready(world):
    """A user with a key, a session and a new address that waits for its link."""
    no_admin(world)
    world.hold("worker-mail")
    s = state(user=world.user())
    assert s.user.key
    expect(s.user.web.post("/api/v1/auth/change-email", json={"email": f"new.{s.user.email}"}), 202)
    change = world.stack.sql("SELECT id FROM email_changes WHERE user_id = %s", id_of(s))[0]["id"]
    s.token = link(world.stack, "change_email", change)
    return s


def disable_act(world, s):
    s.told = at_the_desk(world, s, "disable")


def states_of(world, s):
    """Of the user, of what is in use of the user's, and of the new address: what they say, each once."""
    users = world.stack.sql("SELECT state FROM users WHERE id = %s", id_of(s))
    used = [row for table in ("api_keys", "sessions")
            for row in world.stack.sql(f"SELECT user_state AS state FROM {table} WHERE user_id = %s", id_of(s))]
    waits = world.count("SELECT COUNT(*) AS n FROM one_time_tokens WHERE purpose = 'change_email'")
    assert len(used) == 2
    return {row["state"] for row in [*users, *used]} | {"active" if waits else "disabled"}


def disable_right(world, s):
    """All of it or nothing; and once it is done nothing of the user's opens anything."""
    before = states_of(world, s)
    assert before in ({"active"}, {"disabled"}), before
    as_told(s, before == {"disabled"})
    assert admin_did(world, s, "admin_disabled") == (before == {"disabled"})
    assert at_the_desk(world, s, "disable").how == "done"
    assert states_of(world, s) == {"disabled"} and admin_did(world, s, "admin_disabled") == 1
    world.stack.wait(lambda: not key_works(s), "the key is refused, within the second for which programs trust it")
    expect(s.user.web.get("/api/v1/me"), 403, "account_disabled")
    assert not opens(world, s, s.user.password)
    expect(post(world, "confirm-email", token=s.token), 400, "link_invalid")


# --- the second factor


def reset_totp_ready(world):
    no_admin(world)
    world.hold("worker-mail")
    return on_ready(world)


def reset_totp_act(world, s):
    s.told = at_the_desk(world, s, "reset-totp")


def reset_totp_right(world, s):
    """With the sessions, a mail and a line in the activity, or not at all."""
    on = is_on(world, s)
    as_told(s, not on)
    codes, mails, done, sessions = counts(world, s)
    assert (codes, mails.get("reset_by_admin", 0), done.get("admin_reset_totp", 0), sessions) == ((10, 0, 0, 1) if on else (0, 1, 1, 0))
    assert at_the_desk(world, s, "reset-totp").how == "done"
    codes, mails, done, sessions = counts(world, s)
    assert (codes, mails["reset_by_admin"], done["admin_reset_totp"], sessions) == (0, 1, 1, 0) and not is_on(world, s)
    expect(begin(s.user), 200)


# --- an address that gets mail again


def deliverable_ready(world):
    no_admin(world)
    s = state(user=world.user())
    world.stack.sql("UPDATE users SET undeliverable_at_us = %s WHERE id = %s", world.now_us(), id_of(s))
    return s


def deliverable_act(world, s):
    s.told = at_the_desk(world, s, "deliverable")


def is_marked(world, s):
    return world.count("SELECT COUNT(*) AS n FROM users WHERE id = %s AND undeliverable_at_us IS NOT NULL", id_of(s)) == 1


def deliverable_right(world, s):
    marked = is_marked(world, s)
    as_told(s, not marked)
    assert admin_did(world, s, "admin_set_deliverable") == (not marked)
    assert at_the_desk(world, s, "deliverable").how == "done"
    assert not is_marked(world, s) and admin_did(world, s, "admin_set_deliverable") == 1


# --- an account that is disconnected for its owner


def part_ready(world):
    no_admin(world)
    s = state(user=world.user())
    s.account = s.user.connect()
    world.hold("worker-publish")
    return s


def part(world, s):
    return told_at_the_desk(world, "privacy", "disconnect", s.user.id, "--reason", "a letter")


def part_act(world, s):
    s.told = part(world, s)


def part_right(world, s):
    """With its mark and its job, or not at all; the request is done only then. And it goes."""
    marks = world.count("SELECT COUNT(*) AS n FROM accounts WHERE end_asked_at_us IS NOT NULL")
    jobs = world.count("SELECT COUNT(*) AS n FROM jobs_publish WHERE kind = 'account_erase'")
    done = world.count("SELECT COUNT(*) AS n FROM privacy_requests WHERE done_at_us IS NOT NULL")
    assert marks == jobs >= done and (s.told.how != "done" or done == 1), (marks, jobs, done, s.told)
    assert part(world, s).how == "done"
    world.let_go("worker-publish")
    world.until(lambda: account_row(world, s) == {"state": "disconnected", "wiped": 1}, "it is disconnected")
    assert world.count("SELECT COUNT(*) AS n FROM accounts WHERE end_asked_at_us IS NOT NULL") == 0


# --- a customer that Stripe does not have


def disown_ready(world):
    """It was to be deleted, which does not work."""
    no_admin(world)
    world.hold("worker-billing")
    s = state(user=world.user())
    buy(world, s)
    assert told_at_the_desk(world, "billing", "forget", s.user.id).how == "done"
    return s


def buy(world, s):
    world.stack.sql("INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (%s, %s, 1, 1)", id_of(s),
                    f"cus_{s.user.number}")


def disown(world, s):
    return told_at_the_desk(world, "billing", "disown", s.user.id)


def disown_act(world, s):
    s.told = disown(world, s)


def left_of_customer(world, s):
    return {table: world.count(f"SELECT COUNT(*) AS n FROM {table} WHERE {column} = %s", id_of(s))
            for table, column in (("subscriptions", "user_id"), ("jobs_billing", "subject_id"))}


def disown_right(world, s):
    """The customer and the job that would delete the next one: both are gone or none."""
    left = set(left_of_customer(world, s).values())
    as_told(s, left == {0})
    assert left in ({0}, {1}), left
    if left == {1}:
        world.stack.move_clock(LEASE_SEC)  # of one that died with it
        assert disown(world, s).how == "done"
    buy(world, s)
    assert left_of_customer(world, s) == {"subscriptions": 1, "jobs_billing": 0}


AT_THE_DESK = [
    Flow("disconnect by mail", ("admin",), part_ready, part_act, part_right),
    Flow("disown", ("admin",), disown_ready, disown_act, disown_right),
    Flow("disable a user", ("admin",), disable_ready, disable_act, disable_right),
    Flow("reset totp", ("admin",), reset_totp_ready, reset_totp_act, reset_totp_right),
    Flow("deliverable", ("admin",), deliverable_ready, deliverable_act, deliverable_right),
]
