"""The privacy policy and the terms: publishing versions, what is shown of them, who is told, and what programs do by them."""

import fcntl
import os
import re
import socket
import subprocess
import time

import pytest
from conftest import with_setting
from helpers import expect
from newcomers import Newcomer
from publishing_policy import publish, published, take_back
from render import CONTROLLER, find_program

DAY = 86400
V = "2026-12"


@pytest.fixture(autouse=True)
def no_policy(stack):
    take_back(stack)
    yield
    take_back(stack)


def files(stack):
    return {p.name: p.read_bytes() for p in stack.at.policy.iterdir()}


def listed(stack):
    return expect(stack.client().get("/api/v1/privacy/policy"), 200)["data"]


def test_before_any_is_published(stack):
    for path in ("/privacy", "/terms", "/privacy/1", "/terms/1", "/privacy/.x", "/privacy/a%20b"):
        answer = stack.client().get(path)
        assert answer.status_code == 404 and answer.headers["Content-Type"] == "text/html; charset=utf-8", path
        assert "Not published" in answer.text
    assert listed(stack) == {"current": None, "coming": [], "history": []}
    expect(stack.client().get("/api/v1/privacy/policy?x=1"), 422)
    home = stack.client().get("/").text
    assert 'href="/privacy"' in home and 'href="/terms"' in home


def test_a_version_is_shown(stack):
    said = published(stack, V)
    assert f"published {V}" in said and "tiktok=sandbox.localhost stripe=sandbox.localhost" in said
    for kind, title in (("privacy", "Privacy policy"), ("terms", "Terms of service")):
        answer = stack.client().get(f"/{kind}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"<h1>{title}</h1>" in answer.text and V in answer.text and CONTROLLER["email"] in answer.text
        assert "Example &#38; Sons Ltd." in answer.text and "{" not in answer.text.partition("<body")[2]
        assert stack.client().get(f"/{kind}/{V}").content == answer.content
        assert stack.client().head(f"/{kind}").status_code == 200
        assert "Set-Cookie" not in answer.headers and "default-src 'none'" in answer.headers["Content-Security-Policy"]
        file = stack.at.policy / f"{kind}-{V}.html"
        assert file.read_bytes() == answer.content and file.stat().st_mode & 0o777 == 0o644
    current = listed(stack)["current"]
    assert (current["version"], current["is_material"]) == (V, False)
    assert current["privacy_url"] == f"{stack.url}/privacy/{V}"
    assert f"{V}  in force from" in stack.admin("policy", "list").stdout


def test_the_same_again_changes_nothing(stack):
    published(stack, V)
    before = files(stack), listed(stack)
    assert "was published before" in published(stack, V)
    (stack.at.policy / f"terms-{V}.html").unlink()  # of a machine that has the database and not the files
    published(stack, V)
    assert (files(stack), listed(stack)) == before


@pytest.mark.parametrize("options, days, says", [
    (("--material",), 13, "14 days before"), ((), -1, "has passed")])
def test_days_that_are_not_taken(stack, options, days, says):
    done = publish(stack, V, *options, days=days)
    assert done.returncode == 1 and says in done.stderr
    assert files(stack) == {} and listed(stack)["coming"] == []


@pytest.mark.parametrize("version", ["", ".x", "a/b", "a b", "x" * 33, "ä"])
def test_versions_that_are_none(stack, version):
    done = publish(stack, version)
    assert done.returncode == 2 and "--version must be" in done.stderr


def test_other_words_need_another_name(stack):
    published(stack, V)
    conf = stack.dir / "other.conf"
    conf.write_text(stack.at.conf.read_text().replace("the law of Ireland", "the law of France"))
    done = publish(stack, V, conf=conf)
    assert done.returncode == 1 and "choose another name" in done.stderr and b"France" not in b"".join(files(stack).values())
    done = publish(stack, V, days=1)
    assert done.returncode == 1 and "choose another name" in done.stderr
    published(stack, "2026-12.1", conf=conf)
    assert "France" in stack.client().get("/terms").text and "Ireland" in stack.client().get(f"/terms/{V}").text
    assert [v["version"] for v in listed(stack)["history"]] == [V]


def test_a_file_that_nobody_published_is_not_replaced(stack):
    (stack.at.policy / f"privacy-{V}.html").write_text("somebody's own")
    done = publish(stack, V)
    assert done.returncode == 1 and "never published" in done.stderr and listed(stack)["current"] is None
    assert files(stack) == {f"privacy-{V}.html": b"somebody's own"}


def test_one_publishes_at_a_time(stack):
    """Else each would take the other's half of a file for its own, and both have been checked against what was there before."""
    at = os.open(stack.at.policy, os.O_RDONLY)
    try:
        fcntl.flock(at, fcntl.LOCK_EX)
        assert "would publish" in published(stack, V, "--dry-run")
        done = publish(stack, V)
        assert done.returncode == 1 and "somebody else publishes right now" in done.stderr
        assert files(stack) == {} and listed(stack)["current"] is None
    finally:
        os.close(at)
    published(stack, V)


def test_of_a_day_the_last_to_be_published_counts(stack):
    """By the clock; while that is wrong, nothing is told to be in force that is not."""
    published(stack, "1")
    stack.sql("UPDATE policy_versions SET published_at_us = published_at_us + %s", 3600 * 10**6)
    done = publish(stack, "2")
    assert done.returncode == 1 and "set the clock right" in done.stderr and listed(stack)["current"]["version"] == "1"
    stack.sql("UPDATE policy_versions SET published_at_us = published_at_us - %s", 3600 * 10**6)
    published(stack, "2")
    assert listed(stack)["current"]["version"] == "2"


def test_all_that_is_missing_is_told(stack):
    conf = stack.dir / "bare.conf"
    conf.write_text(re.sub(r"\[controller\]\n(?:\w+ = .*\n)+", "", stack.at.conf.read_text()))
    done = publish(stack, V, conf=conf)
    assert done.returncode == 1 and files(stack) == {}
    assert all(f"controller.{key} is not set" in done.stderr for key in CONTROLLER)


def test_dry_run_and_preview_do_nothing(stack):
    assert "would publish" in published(stack, V, "--dry-run", "--material", days=20)
    page = published(stack, V, "--preview")
    assert page.count("<!doctype html>") == 2
    assert files(stack) == {} and listed(stack) == {"current": None, "coming": [], "history": []}


def test_a_coming_version_comes(stack):
    published(stack, "1")
    published(stack, "2", days=3)
    assert [v["version"] for v in listed(stack)["coming"]] == ["2"] and listed(stack)["current"]["version"] == "1"
    done = publish(stack, "3", days=1)
    assert done.returncode == 1 and "must not be before it" in done.stderr
    assert stack.client().get("/privacy").content == stack.client().get("/privacy/1").content
    stack.move_clock(3 * DAY)
    assert listed(stack)["current"]["version"] == "2" and [v["version"] for v in listed(stack)["history"]] == ["1"]
    assert stack.client().get("/privacy").content == stack.client().get("/privacy/2").content


def test_what_is_in_force_is_accepted(stack):
    """In place of what the configuration says, which goes on counting where nothing was published."""
    newcomer = Newcomer(stack)
    with stack.configured("auth", terms_version="old", policy_version="old"):
        expect(newcomer.register(accepted_terms=True), 202)
        assert newcomer.rows()[-1]["terms_version"] == "old"
        published(stack, V)
        expect(newcomer.register(accepted_terms=True), 202)
        assert (newcomer.rows()[-1]["terms_version"], newcomer.rows()[-1]["policy_version"]) == (V, V)
    refused = expect(newcomer.register(), 422)["error"]
    assert [d["param"] for d in refused["details"]] == ["accepted_terms"]


def test_a_recipient_that_no_policy_names_stops_the_start(stack, tmp_path):
    """And nothing stops it before a policy is in force."""
    conf = tmp_path / "conf"
    text = stack.at.conf.read_text().replace(f"api_url = {stack.sandbox_url}", "api_url = https://api.elsewhere.example", 1)
    conf.write_text(with_setting(text, "metrics_dir", tmp_path))  # not where the one that runs shows its own

    def start():
        return subprocess.run([find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-worker"), "mail"], capture_output=True, text=True,
                              env={**os.environ, "MARKETINGCLI_CONF": str(conf), "MARKETINGCLI_TEST_DIR": str(stack.at.test),
                                   "CREDENTIALS_DIRECTORY": str(stack.at.credentials / "worker_mail")}, timeout=60)
    published(stack, V)
    done = start()
    assert done.returncode == 78 and "api.elsewhere.example" in done.stdout + done.stderr
    refused = publish(stack, "2", conf=conf)
    assert refused.returncode == 1 and "material change" in refused.stderr
    published(stack, "2", "--material", days=20, conf=conf)


def running(stack, conf, program, *args, credentials):
    """A program beside those of the stack, with another configuration."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{conf}.{program}.{time.monotonic_ns()}")  # no name to be left behind
        listener.listen()
        return subprocess.Popen([find_program(os.environ["MARKETINGCLI_BUILD"], f"marketingcli-{program}"), *args], stdin=listener, text=True,
                                stderr=subprocess.PIPE, env={**os.environ, "MARKETINGCLI_CONF": str(conf), "MARKETINGCLI_TEST_DIR": str(stack.at.test),
                                                             "CREDENTIALS_DIRECTORY": str(stack.at.credentials / credentials)})


def test_a_recipient_that_no_policy_names_ends_who_runs(stack, tmp_path):
    """A version comes into force while they run, or the database that was away when they started is back."""
    conf = tmp_path / "conf"
    text = stack.at.conf.read_text().replace(f"api_url = {stack.sandbox_url}", "api_url = https://api.elsewhere.example", 1)
    conf.write_text(with_setting(text, "metrics_dir", tmp_path))
    runs = [running(stack, conf, "keys", credentials="keys"), running(stack, conf, "worker", "mail", credentials="worker_mail")]
    heads = [until(r, "started") for r in runs]
    published(stack, V)
    stack.move_clock(61)
    for run, head in zip(runs, heads):
        assert "cannot_go_on" not in head
        rest = run.communicate(timeout=60)[1]
        assert run.returncode == 0 and "cannot_go_on" in rest and "api.elsewhere.example" in rest, rest
    with stack.stopped("mariadb"):
        run = running(stack, conf, "worker", "mail", credentials="worker_mail")
        until(run, "started")
    assert "cannot_go_on" in run.communicate(timeout=60)[1]


def until(run, event):
    """What it has said by then."""
    said = ""
    while f'"event":"{event}"' not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    return said


def test_recipients_are_those_of_the_configuration(stack, tmp_path):
    """A relay and a bucket elsewhere, each with its host; the machine's own mail server is nobody."""
    conf, text = tmp_path / "conf", stack.at.conf.read_text()
    for host, more in (("smtp.example.com", " mail_relay=smtp.example.com"), ("localhost", "")):
        conf.write_text(re.sub(r"\[smtp\]\n", "[s3]\nendpoint = https://acc.r2.example.com:8443\nbucket = images\nkey_id = k\n[smtp]\n", text)
                        .replace("host = \n", f"host = {host}\n"))
        said = published(stack, V, "--dry-run", conf=conf)
        assert f"stripe=sandbox.localhost image_store=acc.r2.example.com{more}\n" in said, said


def test_tiktok_sees_whose_host_it_is(stack, tmp_path):
    conf = tmp_path / "conf"
    text = stack.at.conf.read_text().replace("[tiktok]\n", "[tiktok]\nverification = tiktokAbc1.txt=tiktok-developers-site-verification=Abc1, b.txt=c\n")
    conf.write_text(text)
    done = stack.admin("nginx", conf=conf)
    made = (stack.at.run / "nginx-tiktok.conf").read_text()
    try:
        assert done.returncode == 0 and 'location = /tiktokAbc1.txt {' in made and 'return 200 "tiktok-developers-site-verification=Abc1";' in made
        stack.kill("nginx", 1)  # SIGHUP: it reads them again
        answer = stack.wait(lambda: (a := stack.client().get("/tiktokAbc1.txt")).status_code == 200 and a, "nginx has it")
        assert answer.text == "tiktok-developers-site-verification=Abc1" and answer.headers["Content-Type"] == "text/plain"
    finally:
        stack.admin("nginx")
        stack.kill("nginx", 1)
    for bad in ("x", "=y", "x=", 'a=b"; return 500; #', "../x=y"):
        conf.write_text(text.replace("tiktokAbc1.txt=tiktok-developers-site-verification=Abc1, b.txt=c", bad))
        assert "tiktok.verification" in stack.admin("nginx", conf=conf).stderr, bad
