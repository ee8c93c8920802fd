"""What a worker reads does not grow with what waits: MariaDB counts it (userstat)."""

import pathlib
import sys
import uuid

import pytest
from publishing import Sent

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fakes"))

from database import Database  # noqa: E402

WAIT = 4000  # posts, or jobs
ROWS_OF_A_POST = 150  # read at most, from the queue to its end: some 90, and what an idle worker looks at meanwhile
ROWS_OF_A_CLAIM = 20


@pytest.fixture
def read(stack):
    """What the worker has read so far: (rows, statements)."""
    def now():
        row, = stack.sql("SELECT rows_read, select_commands FROM information_schema.user_statistics"
                         " WHERE user = 'marketingcli_worker_publish'")
        return int(row["rows_read"]), int(row["select_commands"])
    stack.sql("SET GLOBAL userstat = 1")
    yield now
    stack.sql("SET GLOBAL userstat = 0")


def test_a_turn_does_not_read_the_whole_queue(stack, user, account, read):
    with stack.stopped("worker-publish"):
        sent = [Sent(stack, user, account) for _ in range(3)]
        like, key = sent[0].key, uuid.UUID(account).bytes
        post, = stack.sql("SELECT * FROM posts WHERE id = %s", like)
        columns = ", ".join(c for c in post if c != "id")
        stack.sql(f"INSERT INTO posts (id, {columns}) SELECT UNHEX(CONCAT('0fff', LPAD(HEX(seq), 12, '0'), HEX(RANDOM_BYTES(8)))),"
                  f" {columns} FROM posts JOIN seq_1_to_{WAIT} WHERE id = %s", like)
        mine = "p.account_id = %s AND p.state = 'queued' AND p.id > UNHEX(RPAD('0FFF', 32, '0'))"
        stack.sql("INSERT INTO post_images (post_id, position, upload_id) SELECT p.id, 0, i.upload_id FROM posts p"
                  f" JOIN post_images i ON i.post_id = %s WHERE {mine}", like, key)
        stack.sql("ANALYZE TABLE posts")  # plans are made from statistics, and those of a table that has just been filled are old
    before, _ = read()
    try:
        assert [s.wait()["status"] for s in sent] == ["published"] * 3
        after, _ = read()
        gone = WAIT - stack.sql(f"SELECT COUNT(*) AS n FROM posts p WHERE {mine}", key)[0]["n"]
        assert after - before < (len(sent) + gone) * ROWS_OF_A_POST
    finally:
        stack.sql("DELETE FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", key)
        stack.sql(f"DELETE i FROM post_images i JOIN posts p ON p.id = i.post_id WHERE {mine}", key)
        stack.sql(f"DELETE p FROM posts p WHERE {mine}", key)


def test_a_claim_does_not_read_all_that_waits(stack, user, account, read):
    with stack.stopped("worker-publish"):
        stack.sql("INSERT INTO jobs_publish (id, kind, subject_id, state, run_at_us, created_at_us) SELECT UNHEX(MD5(seq)), 'poll',"
                  f" UNHEX(MD5(seq)), 'ready', 4000000000000000, 1 FROM seq_1_to_{WAIT}")
    try:
        Sent(stack, user, account).wait()
        rows, statements = read()
        stack.wait(lambda: read()[1] > statements + 20, "it looks for jobs again and again")
        more_rows, more = read()
        assert more_rows - rows < (more - statements) * ROWS_OF_A_CLAIM
    finally:
        stack.sql("DELETE FROM jobs_publish WHERE run_at_us = 4000000000000000")


def test_nothing_is_asked_about_accepted_posts_in_vain(stack, user, account):
    """What matters only to one that was refused, or to the next one when it begins, is not read."""
    Sent(stack, user, account).wait()
    with Database(stack) as database, database.used_by("worker-publish"):
        with stack.stopped("worker-publish"):
            sent = [Sent(stack, user, account) for _ in range(2)]
        assert [s.wait()["status"] for s in sent] == ["published"] * 2
        asked = {text: sum(a.startswith(text) for a in database.asked) for text in ("SELECT COUNT(IF(event", "SELECT request_id FROM")}
    assert asked == {"SELECT COUNT(IF(event": 0, "SELECT request_id FROM": 2}
