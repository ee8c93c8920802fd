"""TikTok fetches an image once: a database that is away for a moment must not fail the post (for how long: unit/media/outage.c)."""

import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import expect
from publishing import Sent
from test_nginx import address_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

THREADS = 4  # of media (lib/service/service.def)


@pytest.fixture(scope="module")
def fetched(stack):
    """Where TikTok fetches."""
    from conftest import User
    user = User(stack)
    sent = Sent(stack, user, user.connect())
    path = stack.wait(lambda: address_of(stack, sent), "the attempt is there")
    sent.wait()
    return path


def test_a_fetch_waits_for_a_database_that_restarts(stack, fetched):
    client = stack.client()
    with Database(stack) as database, database.used_by("media"), ThreadPoolExecutor(1) as pool:
        assert client.get(fetched).status_code == 200
        database.is_away = True
        answer = pool.submit(client.get, fetched)
        stack.wait(lambda: database.turned_away >= 3 or answer.done(), "it tries again and again")
        database.back()
        assert answer.result().status_code == 200


def test_fetches_do_not_wait_for_long(stack, fetched):
    """All together, and not each: what comes behind is told no later for it."""
    with Database(stack) as database, database.used_by("media"), ThreadPoolExecutor(3 * THREADS) as pool:
        database.is_away = True
        answers = list(pool.map(lambda _: stack.client().get(fetched), range(3 * THREADS)))
        for answer in answers:
            expect(answer, 503, "database_unavailable")
        tried = database.turned_away
        expect(stack.client().get(fetched), 503, "database_unavailable")
        assert database.turned_away - tried <= 1
        assert stack.client().get("/m/x/0").status_code == 404  # and it says nothing of the database:
        tried = database.turned_away
        expect(stack.client().get(fetched), 503, "database_unavailable")
        assert database.turned_away - tried <= 1
        database.back()
        stack.wait(lambda: stack.client().get(fetched).status_code == 200, "it delivers again")
