"""What looks at the logs, the tables and the mails after a run finds what it is there to find."""

import json
import os
import subprocess
import sys
import uuid

import pytest
from conftest import defects

import seen
from mailing import Queued


@pytest.mark.parametrize("line", [
    "a {password} b", '{{"cookie":"__Host-session={cookie}"}}', "?code={code_quoted}&state=x", "Bearer {key}",
    "mk_live_" + "a" * 49, "act.0123456789abcdefgh", "$2b$04$abcdefghijklmnopqrstuv", "{db_password}"])
def test_a_secret_in_a_log_is_found(stack, user, tmp_path, line):
    user.connect()
    code = next(s for s in seen.secrets if s.startswith("act") or "%21" in s)  # the simulator's codes hold a !
    words = {"password": user.password, "key": user.key, "cookie": user.web.cookies["__Host-session"], "code_quoted": code,
             "db_password": (stack.at.credentials / "auth/db-password").read_text()}
    log = tmp_path / "a.log"
    log.write_text("nothing\n" + line.format(**words) + "\n")
    seen.from_credentials(stack.at.credentials)
    assert len(seen.leaks([log])) >= 1
    log.write_text("nothing\n")
    assert seen.leaks([log]) == []


def requests_logged(*requests):
    return "".join(json.dumps({"event": "request", "method": m, "route": r, "status": s}, separators=(",", ":")) + "\n"
                   for m, r, s in requests)


def errors_logged(*errors):
    return "".join(json.dumps({"level": level, "program": "x", "event": event}, separators=(",", ":")) + "\n"
                   for level, event in errors)


def test_a_route_that_was_only_refused_is_named():
    log = requests_logged(("GET", "/a", 200), ("GET", "/b", 401), ("POST", "/a", 404), ("GET", "/a", 500))
    assert seen.unanswered(["GET /a any - x", "GET /b any - x", "POST /a any - x"],
                           seen.seen_in([log])) == ["GET /b any - x", "POST /a any - x"]


def test_an_alarm_that_was_not_raised_is_named():
    log = errors_logged(("error", "a"), ("info", "b"), ("error", "bc"))
    assert seen.unraised(["a", "b", "c"], seen.seen_in([log])) == ["b", "c"]


def test_what_processes_have_seen_counts_together(tmp_path):
    """As the runner asks: each file alone misses something, all of them together do not."""
    build = os.environ["MARKETINGCLI_BUILD"]
    everything = [line.partition(": ")[2] for line in seen.missed(build, set())]
    files = [tmp_path / "1.seen", tmp_path / "2.seen"]
    for i, path in enumerate(files):
        path.write_text("\n".join(" ".join(line.split(" ")[:2]) for line in everything[i::2]))
    for given, wanted in (([], everything), (files[:1], everything[1::2]), (files, [])):
        done = subprocess.run([sys.executable, seen.__file__, build, *given], capture_output=True, text=True)
        assert [line.partition(": ")[2] for line in done.stderr.splitlines()] == wanted
        assert (done.returncode == 0) == (wanted == [])


@pytest.mark.parametrize("line", [
    "WARNING: ThreadSanitizer: data race (pid=1)", "FATAL: ThreadSanitizer: unexpected memory mapping",
    "==1==ERROR: AddressSanitizer: heap-use-after-free on address", "==1==ERROR: LeakSanitizer: detected memory leaks",
    "ThreadSanitizer:DEADLYSIGNAL", "../lib/base/buf.c:1:2: runtime error: signed integer overflow",
    '{"level":"error","event":"assert","condition":"n > 0"}'])
def test_a_defect_in_a_log_is_found(tmp_path, line):
    log = '{"event":"started"}\n'
    (tmp_path / "keys.log").write_text(f"{log}{line}\n  and where\n")
    (tmp_path / "nginx.log").write_text(f"{line}\n")  # not ours
    assert defects(tmp_path) == ["--- keys.log", line, "  and where"]
    (tmp_path / "keys.log").write_text(log)
    assert defects(tmp_path) == []


def test_a_secret_in_a_table_or_in_somebody_elses_mail_is_found(stack, user):
    mail = Queued(stack, user, "reset_password")
    mail.wait()
    path, own = stack.at.mail / f"{mail.id}.eml", mail.letter().token
    assert not [line for line in seen.leaks_beside_logs(stack) if own in line], "its own link is what it is for"
    other, raw = stack.at.mail / "other.eml", path.read_bytes()
    try:
        other.write_bytes(raw.replace(b"Content-Type:", b"X-More: " + own.encode() + b"\nContent-Type:", 1).replace(b"/reset-password#", b"/elsewhere-"))
        stack.sql("UPDATE users SET name = %s WHERE id = %s", f"I am {own}!", uuid.UUID(user.id).bytes)
        assert {f"other.eml:{own}", f"users:{own}"} <= set(seen.leaks_beside_logs(stack))
    finally:
        other.unlink()
        stack.sql("UPDATE users SET name = NULL WHERE id = %s", uuid.UUID(user.id).bytes)
