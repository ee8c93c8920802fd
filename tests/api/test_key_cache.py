"""Verified keys are kept for a second (lib/model/key/key_cache.h); a revoked one stops with the next request all the same."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading

import pytest
import sanitizers
from fastcgi import Connection, parameters, request, status
from helpers import expect
from render import find_program
from test_keys import made, with_key

PATHS = ("/api/v1/me", "/api/v1/accounts", "/api/v1/posts", "/api/v1/uploads")


def revoke_behind_its_back(stack, key):
    stack.sql(f"UPDATE api_keys SET revoked_at_us = 1 WHERE id = x'{key['id'].replace('-', '')}'")


def epoch(stack):
    return (stack.at.run / "keys.epoch").read_bytes()


@pytest.mark.parametrize("path", PATHS)
def test_a_key_in_use_stops_with_the_next_request(user, stack, path):
    """Others ask with it all the time, so that it is kept, and is being read, at the moment it is revoked."""
    for _ in range(5):
        key = made(user)
        over, seen = threading.Event(), []

        def use():
            while not over.is_set():
                seen.append(with_key(stack, key["key"], path).status_code)

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        stack.wait(lambda: len(seen) > 10, "the key is in use")
        assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 204
        answers = [with_key(stack, key["key"], path) for _ in range(5)]
        over.set()
        for thread in threads:
            thread.join()
        for answer in answers:
            expect(answer, 401, "invalid_key")
        assert 200 in seen and set(seen) <= {200, 401}


def test_a_key_is_kept_for_a_second_at_most(user, stack):
    def is_kept():
        key = made(user)
        try:
            expect(with_key(stack, key["key"]), 200)
            revoke_behind_its_back(stack, key)
            if with_key(stack, key["key"]).status_code != 200:
                return False  # a second had gone by
            stack.wait(lambda: with_key(stack, key["key"]).status_code == 401, "what was kept is old")
            return True
        finally:
            user.web.delete(f"/api/v1/keys/{key['id']}")

    stack.wait(is_kept, "a key is kept")


def test_nothing_is_kept_without_an_epoch(user, stack):
    key, other = made(user), made(user)
    (stack.at.run / "keys.epoch").write_bytes(b"")
    expect(with_key(stack, key["key"]), 200)
    revoke_behind_its_back(stack, key)
    expect(with_key(stack, key["key"]), 401, "invalid_key")
    assert user.web.delete(f"/api/v1/keys/{other['id']}").status_code == 204
    assert len(epoch(stack)) == 16


def test_killed_between_the_revocation_and_the_end_of_the_epoch(user, stack):
    key = made(user)
    expect(with_key(stack, key["key"]), 200)
    before, pid = epoch(stack), stack.pid("keys")
    armed = stack.arm("key.revoked")
    assert user.web.delete(f"/api/v1/keys/{key['id']}").status_code == 502
    assert not armed.exists()
    stack.wait(lambda: stack.pid("keys") not in (None, pid), "keys runs again")
    expect(user.web.get("/api/v1/keys"), 200)
    assert epoch(stack) != before
    expect(with_key(stack, key["key"]), 401, "invalid_key")


@contextlib.contextmanager
def keys_without_disk(stack):
    """A keys program that, once it runs, cannot write to any file. Yields what asks it."""
    def ask(method, path, session):
        with Connection(stack, "keys-apart") as connection:
            connection.give(request(parameters(method, path, HTTP_COOKIE=f"__Host-session={session}", HTTP_ORIGIN=stack.url))[0])
            return status(connection.rest())

    path = stack.at.run / "keys-apart.sock"
    path.unlink(missing_ok=True)
    with stack.stopped("keys"), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)
        old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then such a write fails, and nobody dies of it
        process = subprocess.Popen([find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-keys")], stdin=listener,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, restore_signals=False, cwd="/",
                                   env={"PATH": "/usr/bin:/bin", **sanitizers.OPTIONS, "MARKETINGCLI_CONF": str(stack.at.conf),
                                        "MARKETINGCLI_TEST_DIR": str(stack.at.test),
                                        "CREDENTIALS_DIRECTORY": str(stack.at.credentials / "keys")})
        signal.signal(signal.SIGXFSZ, old)
        try:
            while '"event":"started"' not in (line := process.stdout.readline()):
                assert line, "it does not start"
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
            yield ask
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=30)
        assert '"event":"epoch_not_ended"' in said and "Sanitizer" not in said, said


def test_revoked_though_the_epoch_cannot_be_ended(user, stack):
    """The answer to what was committed is the success, and it comes once nobody takes the key any more."""
    key, session = made(user), user.web.cookies["__Host-session"]
    with keys_without_disk(stack) as ask:
        before = epoch(stack)
        for path in PATHS:
            expect(with_key(stack, key["key"], path), 200)
        assert ask("DELETE", f"/api/v1/keys/{key['id']}", session) == 204
        for path in PATHS:
            expect(with_key(stack, key["key"], path), 401, "invalid_key")
        assert ask("DELETE", f"/api/v1/keys/{key['id']}", session) == 404
        assert epoch(stack) == before


def test_only_who_ends_credentials_may_write_the_epoch(stack):
    import services

    mode = (stack.at.run / "keys.epoch").stat()
    assert mode.st_mode & 0o777 == 0o664
    assert mode.st_gid in (services.GID_EPOCH, stack.at.run.stat().st_gid)
    assert [s.name for s in services.PROGRAMS if services.GID_EPOCH in s.groups] == ["auth", "keys", "billing", "privacy", "worker-billing"]
