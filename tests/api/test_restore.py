"""What docs/operations.md says about a restore: with its statements nothing is sent a second time."""

import re
import uuid

import pymysql
from conftest import CHECKOUT
from mailing import Queued
from publishing import Sent, failed


# Of users and their mails.
OF_USERS = ["DELETE FROM sessions", "DELETE FROM pending_sign_ins", "DELETE FROM one_time_tokens",
            "UPDATE mail_outbox SET state = 'dropped', params = NULL, ended_at_us = @now WHERE state = 'queued'",
            "DELETE FROM jobs_mail WHERE kind = 'mail'"]


def statements():
    """Those of the section, each for one post: the other tests' posts go on, and their users stay signed in."""
    text = (CHECKOUT / "docs/operations.md").read_text()
    section = re.search(r"^## Restore$(.*?)^## ", text, re.DOTALL | re.MULTILINE)[1]
    block = re.search(r"^ *```sql\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)[1]
    found = [s.strip() for s in block.split(";") if s.strip()]
    assert [s for s in found if s.endswith(")") and "WHERE state IN" in s] == [found[2], found[3]], found
    assert found[-1] == "COMMIT" and sorted(found[4:-1]) == sorted(OF_USERS)
    return [f"{s} AND id = %s" if "WHERE" in s else s for s in found if s not in OF_USERS]


def rows(stack, sent):
    """What a dump of now would hold of the post."""
    posts = stack.sql("SELECT * FROM posts WHERE id = %s", sent.key)
    events = stack.sql("SELECT * FROM post_events WHERE post_id = %s", sent.key)
    jobs = stack.sql("SELECT * FROM jobs_publish WHERE kind = 'turn' AND subject_id = %s", uuid.UUID(sent.account).bytes)
    return {"posts": posts, "post_events": events, "jobs_publish": jobs}


def put_back(stack, sent, dump):
    sent.lose_jobs()
    stack.sql("DELETE FROM post_attempts WHERE post_id = %s", sent.key)
    stack.sql("DELETE FROM post_events WHERE post_id = %s", sent.key)
    for table, found in dump.items():
        for row in found:
            names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
            changes = ", ".join(f"{name} = VALUES({name})" for name in row)
            stack.sql(f"INSERT INTO {table} ({names}) VALUES ({marks}) ON DUPLICATE KEY UPDATE {changes}", *row.values())


def restored(stack, user, account, then):
    """A post that was sent after the dump which shows it as queued, once the worker has looked at what was put back."""
    with stack.stopped("worker-publish"):
        sent = Sent(stack, user, account)
        dump = rows(stack, sent)
        assert dump["posts"][0]["state"] == "queued" and len(dump["jobs_publish"]) == 1
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 1
    with stack.stopped("worker-publish"):
        put_back(stack, sent, dump)
        assert sent.get()["status"] == "queued" and sent.states_of_attempts() == []
        for statement in then:
            stack.sql(statement, *[sent.key] * statement.count("%s"))
    stack.wait(lambda: not any(job["kind"] == "turn" for job in sent.jobs()), "the worker has looked at the post")
    return sent


def test_nothing_is_sent_again(stack, user, account):
    sent = restored(stack, user, account, statements())
    failed(sent.get(), "outcome_unknown")
    assert sent.events() == ["created", "outcome_unknown"]
    assert sent.at_simulator() == 1


def test_without_them_it_would_be(stack, user, account):
    """Else this test would prove nothing."""
    sent = restored(stack, user, account, [])
    assert sent.wait()["status"] == "published" and sent.at_simulator() == 2


def test_nobody_is_signed_in_and_no_old_link_is_good(stack, user):
    """Nor is a mail sent that may have been sent. Rolled back: other tests' users stay signed in."""
    with stack.stopped("worker-mail"):
        mail = Queued(stack, user, "password_changed")
        root = pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli", autocommit=False)
        with root, root.cursor() as cursor:
            cursor.execute("SET @now = 1")
            for statement in OF_USERS:
                cursor.execute(statement)
            cursor.execute("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM one_time_tokens) + (SELECT COUNT(*) FROM"
                           " pending_sign_ins) + (SELECT COUNT(*) FROM jobs_mail WHERE kind = 'mail') + (SELECT COUNT(*) FROM mail_outbox"
                           " WHERE state = 'queued')")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT state FROM mail_outbox WHERE id = %s", mail.id.bytes)
            assert cursor.fetchone() == ("dropped",)
            root.rollback()
