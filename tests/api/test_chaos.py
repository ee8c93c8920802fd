"""What judges a chaos run (tests/chaos/checker.py) finds what it is there to find: here are histories with one thing wrong."""

import copy
import datetime
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

import checker  # noqa: E402

SEC = 1_000_000
DAWN = 1_790_000_000 * SEC


def time_of(us):
    return datetime.datetime.fromtimestamp(us / SEC, datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class Told:
    """A run of three posts of one account, in which all was right: the first is published, the answer to the second's init was lost,
    and the worker died over the third's."""

    def __init__(self):
        self.entries = []
        for n, events in enumerate([("created", "attempt", "accepted", "published"), ("created", "attempt", "outcome_unknown"),
                                    ("created", "attempt", "outcome_unknown")]):
            begun = DAWN + n * SEC
            self.note("create", begun + SEC // 10, account="a", description=f"text {n}", begun_us=begun, how="done", id=f"id{n}")
            self.note("post", begun + 900 * SEC, user=1, post=self.post(n, begun, events))
            self.note("init", begun + SEC // 2, description=f"text {n}", arrived_us=begun + SEC // 4, seconds=0.2, fault=None,
                      said=self.answer(n), given=self.answer(n) if n != 1 else None)
            self.note("at_tiktok", begun + 900 * SEC, description=f"text {n}", status="PUBLISH_COMPLETE", publish_id=f"p{n}")
        self.note("killed", DAWN + 2 * SEC + SEC * 3 // 10, worker="first")
        self.note("read", DAWN + 800 * SEC, id="id0", begun_us=DAWN + 799 * SEC, status="published", code=None)

    def note(self, what, at_us, **fields):
        self.entries.append({"what": what, "at_us": at_us, **fields})

    @staticmethod
    def answer(n):
        return {"status": 200, "publish_id": f"p{n}"}

    @staticmethod
    def post(n, begun, events):
        status = {"created": "queued", "attempt": "publishing", "accepted": "processing", "published": "published",
                  "outcome_unknown": "failed"}
        failed = events[-1] == "outcome_unknown"
        at = [begun + i * SEC // 5 for i in range(len(events))]
        return {"id": f"id{n}", "description": f"text {n}", "status": status[events[-1]], "publish_id": None if failed else f"p{n}",
                "created_at": time_of(begun), "ended_at": time_of(at[-1]), "failure": {"code": "outcome_unknown", "message": "Look."} if failed else None,
                "events": [{"at": time_of(t), "event": e, "status": status[e]} for t, e in zip(at, events)]}

    def all(self, what):
        return [entry for entry in self.entries if entry["what"] == what]

    def one(self, what, n=0):
        return self.all(what)[n]

    def of(self, n):
        return self.one("post", n)["post"]

    def without(self, what, n=0):
        self.entries.remove(self.one(what, n))

    def faults(self):
        return checker.faults(self.entries)


@pytest.fixture
def history():
    return Told()


def test_what_is_right_is_no_fault(history):
    assert history.faults() == []


def lost_post(h):
    h.without("post")


def post_of_nobody(h):
    h.one("post")["post"] = {**h.of(0), "description": "text 9"}


def post_that_was_refused(h):
    h.one("create").update(how="nothing", id=None)


def other_post_than_told(h):
    h.one("create")["id"] = "id9"


def two_of_one_request(h):
    h.entries.append(copy.deepcopy(h.one("post")))
    h.all("post")[-1]["post"]["id"] = "id9"


def stuck(h):
    h.of(0).update(status="processing", ended_at=None)


def doubled(h):
    h.entries.append(copy.deepcopy(h.one("at_tiktok")))


def sent_again_after_it_was_accepted(h):
    h.entries.append({**h.one("init"), "arrived_us": DAWN + SEC // 3})
    h.of(0)["events"].insert(1, {**h.of(0)["events"][1]})


def sent_again_after_a_lost_answer(h):
    sent_again_after_it_was_accepted(h)
    h.one("init").update(given=None)


def published_and_not_there(h):
    h.without("at_tiktok")


def published_and_failed_there(h):
    h.one("at_tiktok")["status"] = "FAILED"


def published_as_another(h):
    h.of(0)["publish_id"] = "p9"


def failed_and_there(h):
    h.of(0).update(status="failed", failure={"code": "tiktok_refused", "message": "No."})


def canceled_and_there(h):
    h.of(0).update(status="canceled", failure={"code": "account_disconnected", "message": "No."})


def unknown_though_the_answer_came(h):
    h.one("init", 1)["given"] = h.answer(1)


def unknown_though_nobody_died_then(h):
    h.one("killed")["at_us"] = DAWN


def known_though_the_answer_was_lost(h):
    h.one("init")["given"] = None


def known_though_TikTok_had_trouble(h):
    h.one("init")["given"] = {"status": 500, "publish_id": None}


def given_up_too_early(h):
    h.of(2)["failure"]["code"] = "worker_crashed"


def another_order(h):
    h.one("init")["arrived_us"] = DAWN + 2 * SEC


def receipt_without_its_beginning(h):
    h.of(0)["events"].pop(0)


def receipt_in_disorder(h):
    h.of(0)["events"][1]["at"] = time_of(DAWN + 60 * SEC)


def receipt_of_another_end(h):
    h.of(0)["events"][-1]["status"] = "processing"


def accepted_twice(h):
    h.of(0)["events"].insert(2, h.of(0)["events"][2])


def published_without_being_accepted(h):
    h.of(0)["events"].pop(2)


def init_without_an_attempt(h):
    h.of(1)["events"].pop(1)


def failed_without_a_word(h):
    h.of(1)["failure"]["message"] = ""


def read_as_another_end(h):
    h.one("read").update(status="failed", code="tiktok_refused")


def read_as_not_there(h):
    h.one("read").update(status="not_found")


@pytest.mark.parametrize("check, plant", [
    ("acknowledged", lost_post), ("acknowledged", post_of_nobody), ("acknowledged", post_that_was_refused),
    ("acknowledged", other_post_than_told), ("acknowledged", two_of_one_request),
    ("ended", stuck),
    ("once", doubled), ("once", sent_again_after_it_was_accepted), ("once", sent_again_after_a_lost_answer),
    ("true", published_and_not_there), ("true", published_and_failed_there), ("true", published_as_another),
    ("true", failed_and_there), ("true", canceled_and_there),
    ("unknown", unknown_though_the_answer_came), ("unknown", unknown_though_nobody_died_then),
    ("unknown", known_though_the_answer_was_lost), ("unknown", known_though_TikTok_had_trouble),
    ("given_up", given_up_too_early), ("in_order", another_order),
    ("receipts", receipt_without_its_beginning), ("receipts", receipt_in_disorder), ("receipts", receipt_of_another_end),
    ("receipts", accepted_twice), ("receipts", published_without_being_accepted), ("receipts", init_without_an_attempt),
    ("receipts", failed_without_a_word),
    ("told", read_as_another_end), ("told", read_as_not_there)])
def test_what_is_wrong_is_found(history, check, plant):
    plant(history)
    assert any(fault.startswith(f"{check}: ") for fault in history.faults()), history.faults()


def test_every_check_has_a_history_that_it_finds_wrong():
    marks = next(m for m in test_what_is_wrong_is_found.pytestmark if m.name == "parametrize")
    assert {check for check, _ in marks.args[1]} == {check.__name__ for check in checker.CHECKS}


@pytest.mark.parametrize("plant", [
    lambda h: h.one("create").update(how="unknown"),  # the client looked, and it is there
    lambda h: h.one("create").update(how="unknown", id=None),
    lambda h: h.one("init", 1).update(given=h.answer(1), at_us=h.one("init", 1)["at_us"] + checker.ANSWERED_US),  # nobody waited for it any more
    lambda h: h.one("read").update(status="processing"),
    lambda h: (h.of(2)["failure"].update(code="confirmation_timeout"), h.entries.extend([h.one("killed")] * 2))])
def test_what_may_be_is_no_fault(history, plant):
    plant(history)
    assert history.faults() == []


def missed(history, troubles=()):
    return {what for what, n in checker.reached(history.entries, troubles) if n == 0}


def test_what_a_run_has_not_met(history):
    deadlock = "a transaction of the programs that lost a deadlock (1213)"
    assert missed(history) == {deadlock, "the second worker killed", "posts at TikTok, more than half of all"}
    assert "trouble: an earthquake" in missed(history, ["an earthquake"])
    history.note("conflict", DAWN, lost_by="us")
    assert deadlock in missed(history)
    history.note("conflict", DAWN, lost_by="programs")
    assert deadlock not in missed(history)
    history.without("killed")
    assert "the job of a dead worker that another took over" in missed(history)
    history.one("init", 1)["given"] = history.answer(1)
    assert "an unknown outcome because an answer was lost" in missed(history)


def test_a_run_that_missed_something_has_failed(history, capsys):
    assert "the second worker killed" in checker.report(history.entries)[1]
    assert "NOT REACHED the second worker killed" in capsys.readouterr().out
