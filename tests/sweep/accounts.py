"""More flows: what a user changes of the account, in a session or by the link of a mail."""

import uuid

from world import told  # first: it knows where the next ones are

from flows import Flow, state, until_done  # isort: skip
from helpers import expect  # isort: skip
from links import link, sign_in  # isort: skip

NEW = "seven copper walruses"


def id_of(s):
    return uuid.UUID(s.user.id).bytes


def count(world, s, table, column, value):
    return world.count(f"SELECT COUNT(*) AS n FROM {table} WHERE user_id = %s AND {column} = %s", id_of(s), value)


def noted(world, s, what, mail):
    """How often the user's activity and the outbox say it: the same number."""
    n = count(world, s, "activity", "what", what)
    assert count(world, s, "mail_outbox", "template", mail) == n, what
    return n


def post(world, path, **body):
    return world.stack.client(Origin=world.stack.url).post(f"/api/v1/auth/{path}", json=body)


def opens(world, s, password):
    return sign_in(world.stack, s.user.email, password)[0].status_code == 200


def sessions(world, s):
    return world.count("SELECT COUNT(*) AS n FROM sessions WHERE user_id = %s", id_of(s))


def happened(s, n):
    """Whether it has, n times saying how often; as the client was told."""
    assert n in {"done": (1,), "nothing": (0,), "unknown": (0, 1)}[s.told.how], (n, s.told)
    return n == 1


def user_ready(world):
    return state(user=world.user())


# --- the password


def change_password(s):
    return told(lambda: s.user.web.post("/api/v1/auth/change-password",
                                        json={"old_password": s.user.password, "new_password": NEW}))


def change_password_act(world, s):
    s.told = change_password(s)


def change_password_right(world, s):
    is_new = happened(s, noted(world, s, "password_changed", "password_changed"))
    assert (opens(world, s, s.user.password), opens(world, s, NEW)) == (not is_new, is_new)
    if not is_new:
        assert until_done(lambda: s.user.web.post("/api/v1/auth/change-password",
                                                  json={"old_password": s.user.password, "new_password": NEW})).how == "done"
    assert opens(world, s, NEW) and noted(world, s, "password_changed", "password_changed") == 1


def forgot_act(world, s):
    s.told = told(lambda: post(world, "forgot-password", email=s.user.email))


def forgot_right(world, s):
    happened(s, count(world, s, "mail_outbox", "template", "reset_password"))
    taken = world.count("SELECT COALESCE(SUM(mails), 0) AS n FROM mail_allowances")
    assert taken == 2 * count(world, s, "mail_outbox", "template", "reset_password"), "neither a wish nor a place is counted of what is not there"
    before = count(world, s, "mail_outbox", "template", "reset_password")
    assert until_done(lambda: post(world, "forgot-password", email=s.user.email)).how == "done"
    assert count(world, s, "mail_outbox", "template", "reset_password") == before + 1


def forgot_again_act(world, s):
    s.told = told(lambda: post(world, "resend-reset", token=s.token))


def forgot_again_right(world, s):
    n = count(world, s, "mail_outbox", "template", "reset_password")
    happened(s, n)
    assert world.count("SELECT COALESCE(SUM(mails), 0) AS n FROM mail_allowances") == n, "no mail is counted that is not there"
    assert until_done(lambda: post(world, "resend-reset", token=s.token)).how == "done", "the link stays good for it"
    assert count(world, s, "mail_outbox", "template", "reset_password") == n + 1


def reset_ready(world):
    s = user_ready(world)
    s.token = link(world.stack, "reset_password", s.user.id)
    return s


def reset_act(world, s):
    s.told = told(lambda: post(world, "reset-password", token=s.token, password=NEW))


def reset_right(world, s):
    is_new = happened(s, noted(world, s, "password_reset", "password_changed"))
    assert sessions(world, s) == (0 if is_new else 1)
    again = until_done(lambda: post(world, "reset-password", token=s.token, password=NEW))
    assert (again.how, again.code) == (("refused", "link_invalid") if is_new else ("done", None)), again
    assert opens(world, s, NEW) and not opens(world, s, s.user.password)
    assert noted(world, s, "password_reset", "password_changed") == 1


# --- the address


def address_of(world, s):
    return world.stack.sql("SELECT email FROM users WHERE id = %s", id_of(s))[0]["email"]


def change_id(world, s):
    return world.stack.sql("SELECT id FROM email_changes WHERE user_id = %s ORDER BY id DESC LIMIT 1", id_of(s))[0]["id"]


def ask_email_act(world, s):
    s.new = f"new.{s.user.email}"
    s.told = told(lambda: s.user.web.post("/api/v1/auth/change-email", json={"email": s.new}))


def ask_email_right(world, s):
    n = noted(world, s, "email_change_asked", "change_email")
    happened(s, n)
    assert world.count("SELECT COUNT(*) AS n FROM email_changes WHERE user_id = %s", id_of(s)) == n
    assert until_done(lambda: s.user.web.post("/api/v1/auth/change-email", json={"email": s.new})).how == "done"
    assert noted(world, s, "email_change_asked", "change_email") == n + 1


def give_up_email_ready(world):
    s = user_ready(world)
    ask_email_act(world, s)
    assert s.told.how == "done"
    s.token = link(world.stack, "change_email", change_id(world, s))
    return s


def give_up_email_act(world, s):
    s.told = told(lambda: s.user.web.delete("/api/v1/auth/change-email"))


def give_up_email_right(world, s):
    """The change and its link end together."""
    (row,) = world.stack.sql("SELECT expires_at_us FROM email_changes WHERE id = %s", change_id(world, s))
    is_over = happened(s, int(row["expires_at_us"] == 0))
    if is_over:
        assert (refused := told(lambda: post(world, "confirm-email", token=s.token))).code == "link_invalid", refused
    assert until_done(lambda: s.user.web.delete("/api/v1/auth/change-email")).how == "done"
    assert s.user.web.get("/api/v1/auth/change-email").json()["data"] == {"waiting": None}
    assert address_of(world, s) == s.user.email


def confirm_email_ready(world):
    s = user_ready(world)
    ask_email_act(world, s)
    assert s.told.how == "done"
    s.token = link(world.stack, "change_email", change_id(world, s))
    return s


def confirm_email(world, s):
    return told(lambda: post(world, "confirm-email", token=s.token))


def confirm_email_act(world, s):
    s.told = confirm_email(world, s)


def confirm_email_right(world, s):
    is_new = happened(s, noted(world, s, "email_changed", "email_changed"))
    assert address_of(world, s) == (s.new if is_new else s.user.email)
    again = until_done(lambda: post(world, "confirm-email", token=s.token))
    assert (again.how, again.code) == (("refused", "link_invalid") if is_new else ("done", None)), again
    assert address_of(world, s) == s.new and sessions(world, s) == 0
    assert noted(world, s, "email_changed", "email_changed") == 1


def key_works(world, s):
    return world.stack.client(Authorization=f"Bearer {s.key}").get("/api/v1/me").status_code == 200


def undo_email_ready(world):
    s = confirm_email_ready(world)
    s.key = s.user.key
    assert key_works(world, s)
    assert confirm_email(world, s).how == "done"
    s.token = link(world.stack, "undo_email", change_id(world, s))
    return s


def undo_email_act(world, s):
    s.told = told(lambda: post(world, "undo-email", token=s.token))


def undo_email_right(world, s):
    is_old = happened(s, noted(world, s, "email_change_undone", "email_change_undone"))
    assert address_of(world, s) == (s.user.email if is_old else s.new)
    assert key_works(world, s) == (not is_old), "made after the change was asked for"
    again = until_done(lambda: post(world, "undo-email", token=s.token))
    assert (again.how, again.code) == (("refused", "link_invalid") if is_old else ("done", None)), again
    assert address_of(world, s) == s.user.email and not opens(world, s, s.user.password)
    assert noted(world, s, "email_change_undone", "email_change_undone") == count(world, s, "activity", "what", "key_revoked") == 1
    assert not key_works(world, s)
    token = link(world.stack, "reset_password", s.user.id)
    expect(post(world, "reset-password", token=token, password=NEW), 204)
    assert opens(world, s, NEW)


OF_ACCOUNTS = [
    Flow("change password", ("auth",), user_ready, change_password_act, change_password_right),
    Flow("forgot password", ("auth",), user_ready, forgot_act, forgot_right),
    Flow("another link", ("auth",), reset_ready, forgot_again_act, forgot_again_right),
    Flow("reset password", ("auth",), reset_ready, reset_act, reset_right),
    Flow("ask for an address", ("auth",), user_ready, ask_email_act, ask_email_right),
    Flow("give an address up", ("auth",), give_up_email_ready, give_up_email_act, give_up_email_right),
    Flow("confirm an address", ("auth",), confirm_email_ready, confirm_email_act, confirm_email_right),
    Flow("undo an address", ("auth",), undo_email_ready, undo_email_act, undo_email_right),
]
