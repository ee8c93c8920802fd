"""A flow more: a password that was changed, and its owner who chooses another by the link of the mail that said so."""

from accounts import NEW, change_password, count, happened, opens, post, sessions, user_ready  # first: it finds the next ones
from world import told

from flows import Flow, until_done  # isort: skip
from links import link  # isort: skip

OWN = "eleven granite llamas"


def undo_password_ready(world):
    s = user_ready(world)
    assert change_password(s).how == "done"
    s.token = link(world.stack, "undo_password", s.user.id)
    return s


def undo_password(world, s):
    return post(world, "reset-password", token=s.token, password=OWN)


def undo_password_act(world, s):
    s.told = told(lambda: undo_password(world, s))


def undo_password_right(world, s):
    is_own = happened(s, count(world, s, "activity", "what", "password_reset"))
    assert count(world, s, "mail_outbox", "template", "password_changed") == 1 + is_own
    assert sessions(world, s) == (0 if is_own else 1)
    again = until_done(lambda: undo_password(world, s))
    assert (again.how, again.code) == (("refused", "link_invalid") if is_own else ("done", None)), again
    assert opens(world, s, OWN) and not opens(world, s, NEW)
    assert count(world, s, "mail_outbox", "template", "password_changed") == 2


UNDONE = [
    Flow("undo a password", ("auth",), undo_password_ready, undo_password_act, undo_password_right),
]
