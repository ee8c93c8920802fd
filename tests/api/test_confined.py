"""Each program may do what it must and no more: in the database, in the image store; and it does not start half configured, or where the images are not."""

import json
import os
import pathlib
import re
import socket
import subprocess
import uuid

import pymysql
import pytest

import images
import render
import services
from services import generate
from conftest import with_setting
from helpers import expect
from layout import CHECKOUT
from test_alarms import events

DENIED = (1044, 1142, 1143, 1227)  # database, table, column, a right beyond tables

# What a service must not do to the tables that its grants name, because nothing of its work needs it; some tables that they
# do not name are here too. A new service adds its own where a line of its grants is finer than a table.
FORBIDDEN = {
    "auth": ["SELECT access_token FROM accounts", "SELECT title FROM posts", "SELECT sha256 FROM uploads", "DELETE FROM users",
             "INSERT INTO api_keys (id) VALUES ('x')", "UPDATE api_keys SET hash = 'x'", "SELECT id FROM jobs_publish",
             "UPDATE registrations SET password_hash = 'x'", "INSERT INTO invitations (id) VALUES ('x')",
             "UPDATE invitations SET uses_max = 9", "INSERT INTO one_time_tokens (token_hash) VALUES ('x')",
             "UPDATE recovery_codes SET user_id = 'x'", "SELECT params FROM mail_outbox", "UPDATE mail_outbox SET user_id = NULL",
             "UPDATE mail_outbox SET template = 'x'", "UPDATE api_keys SET scopes = ''"],
    "keys": ["SELECT password_hash FROM users", "SELECT email FROM users", "UPDATE users SET state = 'active'",
             "INSERT INTO sessions (id) VALUES ('x')", "UPDATE sessions SET user_id = 'x'", "DELETE FROM api_keys",
             "SELECT open_id FROM accounts", "SELECT access_token FROM accounts", "DELETE FROM key_budgets", "SELECT title FROM posts", "SELECT account_id FROM posts",
             "SELECT id FROM uploads", "SELECT about FROM activity", "UPDATE activity SET what = 'x'", "DELETE FROM activity"],
    "tiktok": ["SELECT subject_id FROM notices_due", "DELETE FROM notices_due", "SELECT id FROM mail_outbox", "DELETE FROM jobs_mail",
               "SELECT accounts FROM key_budgets", "SELECT password_hash FROM users", "SELECT email FROM users", "INSERT INTO sessions (id) VALUES ('x')",
               "INSERT INTO api_keys (id) VALUES ('x')", "UPDATE api_keys SET hash = 'x'", "DELETE FROM accounts",
               "INSERT INTO posts (id) VALUES ('x')", "DELETE FROM posts", "INSERT INTO uploads (id) VALUES ('x')",
               "SELECT payload FROM post_attempts", "UPDATE post_attempts SET number = 1", "SELECT about FROM activity", "DELETE FROM activity"],
    "uploads": ["UPDATE stores SET looked_at_us = 1", "DELETE FROM stores", "SELECT accounts FROM key_budgets", "SELECT password_hash FROM users", "SELECT email FROM users", "UPDATE users SET state = 'active'", "SELECT title FROM posts", "UPDATE posts SET state = 'published'",
                "SELECT access_token FROM accounts", "DELETE FROM uploads", "SELECT payload FROM post_attempts",
                "INSERT INTO jobs_publish (id) VALUES ('x')", "DELETE FROM attempt_fetches",
                "INSERT INTO api_keys (id) VALUES ('x')"],
    "media": ["SELECT user_id FROM uploads", "SELECT title FROM posts", "SELECT user_id FROM posts", "SELECT payload FROM post_attempts",
              "SELECT fetched_at_us FROM attempt_fetches", "UPDATE attempt_fetches SET fetched_at_us = 1", "DELETE FROM attempt_fetches",
              "UPDATE uploads SET state = 'deleted'", "INSERT INTO uploads (id) VALUES ('x')", "SELECT id FROM jobs_media",
              "SELECT id FROM api_keys", "SELECT id FROM sessions", "SELECT id FROM users"],
    "posts": ["SELECT subject_id FROM notices_due", "DELETE FROM notices_due", "SELECT id FROM mail_outbox", "DELETE FROM jobs_mail",
              "SELECT password_hash FROM users", "SELECT email FROM users", "UPDATE users SET state = 'active'",
              "SELECT access_token FROM accounts", "SELECT refresh_token FROM accounts",
              "UPDATE accounts SET state = 'active'", "DELETE FROM posts", "INSERT INTO post_attempts (id) VALUES ('x')",
              "UPDATE api_keys SET user_id = 'x'", "UPDATE sessions SET user_id = 'x'", "DELETE FROM key_budgets",
              "UPDATE key_budgets SET needs_approval = 0", "UPDATE key_budgets SET posts_per_day = NULL",
              "INSERT INTO key_budgets (key_id) VALUES ('x')", "SELECT customer_id FROM subscriptions",
              "UPDATE users SET granted_plan = 'x'", "UPDATE plan_grants SET plan = 'x'", "DELETE FROM plan_counters"],
    "billing": ["SELECT name FROM users", "SELECT password_hash FROM users", "UPDATE users SET email = 'x'", "UPDATE users SET state = 'active'", "UPDATE plan_grants SET plan = 'x'",
                "DELETE FROM subscriptions", "DELETE FROM provider_events", "DELETE FROM jobs_billing", "UPDATE plan_counters SET posts = 0", "SELECT access_token FROM accounts",
                "SELECT open_id FROM accounts", "SELECT sha256 FROM uploads", "SELECT id FROM posts", "UPDATE api_keys SET user_id = 'x'", "UPDATE sessions SET user_id = 'x'"],
    "privacy": ["SELECT email_key, password_hash FROM users", "SELECT password_hash FROM users", "UPDATE users SET email = 'x'", "SELECT access_token FROM accounts", "SELECT refresh_token FROM accounts",
                "SELECT fence FROM post_attempts", "SELECT secret FROM user_totp", "SELECT code_hash FROM recovery_codes", "UPDATE uploads SET state = 'deleted'", "DELETE FROM users",
                "UPDATE activity SET what = 'x'", "DELETE FROM activity", "SELECT key_hash FROM idempotency_keys",
                "DELETE FROM erasures", "SELECT subject_id FROM journal_due", "UPDATE journal_due SET at_us = 0", "DELETE FROM journal_due", "UPDATE email_changes SET new_email = 'x'",
                "DELETE FROM posts", "UPDATE api_keys SET user_id = 'x'", "UPDATE sessions SET user_id = 'x'"],
    "worker_publish": ["SELECT id FROM erasures", "SELECT id FROM journal_due", "SELECT about FROM activity", "DELETE FROM activity", "SELECT subject_id FROM notices_due", "DELETE FROM notices_due", "SELECT id FROM mail_outbox", "DELETE FROM jobs_mail",
                       "UPDATE key_budgets SET posts = 0", "SELECT email FROM users", "UPDATE users SET state = 'active'", "SELECT id FROM sessions", "SELECT hash FROM api_keys",
                       "SELECT user_id FROM api_keys", "UPDATE api_keys SET revoked_at_us = NULL", "INSERT INTO posts (id) VALUES ('x')", "INSERT INTO accounts (id) VALUES ('x')",
                       "INSERT INTO uploads (id) VALUES ('x')", "DELETE FROM post_attempts", "DELETE FROM posts",
                       "DELETE FROM accounts", "DELETE FROM attempt_fetches", "DELETE FROM post_images", "DELETE FROM uploads"],
    "worker_media": ["SELECT id FROM users", "SELECT id FROM sessions", "SELECT hash FROM api_keys", "SELECT user_id FROM api_keys",
                     "UPDATE api_keys SET revoked_at_us = NULL", "INSERT INTO api_keys (id) VALUES ('x')", "SELECT id FROM accounts",
                     "SELECT title FROM posts", "UPDATE posts SET state = 'published'", "SELECT id FROM jobs_publish",
                     "DELETE FROM uploads", "INSERT INTO uploads (id) VALUES ('x')"],
    "worker_mail": ["DELETE FROM policy_notices", "SELECT password_hash FROM users", "UPDATE users SET email = 'x'", "UPDATE users SET notices_off = ''", "SELECT secret FROM user_totp",
                    "SELECT id FROM sessions", "SELECT hash FROM api_keys", "UPDATE api_keys SET revoked_at_us = NULL", "DELETE FROM api_keys",
                    "SELECT account_id FROM posts", "UPDATE posts SET state = 'published'", "SELECT id FROM accounts", "SELECT id FROM jobs_publish", "SELECT about FROM activity", "UPDATE activity SET what = 'x'",
                    "INSERT INTO activity (id) VALUES ('x')",
                    "SELECT token_hash FROM one_time_tokens", "SELECT subject_id FROM one_time_tokens",
                    "SELECT password_hash FROM registrations", "SELECT old_email_key FROM email_changes", "UPDATE email_changes SET new_email = 'x'"],
    "worker_billing": ["SELECT password_hash FROM users", "SELECT name FROM users", "UPDATE users SET email = 'x'", "UPDATE users SET state = 'active'", "SELECT id FROM sessions",
                       "SELECT hash FROM api_keys", "UPDATE api_keys SET revoked_at_us = NULL", "UPDATE plan_grants SET plan = 'x'", "SELECT id FROM plan_counters",
                       "SELECT id FROM mail_outbox", "DELETE FROM jobs_mail", "SELECT id FROM accounts", "SELECT id FROM posts", "SELECT id FROM uploads"],
    "worker_privacy": ["SELECT email FROM users", "UPDATE users SET state = 'active'", "INSERT INTO users (id) VALUES ('x')", "SELECT title FROM posts", "UPDATE posts SET state = 'published'",
                       "SELECT access_token FROM accounts", "UPDATE accounts SET state = 'active'", "SELECT hash FROM api_keys", "SELECT payload FROM post_attempts", "SELECT event FROM post_events",
                       "SELECT params FROM mail_outbox", "SELECT sha256 FROM uploads", "SELECT customer_id FROM subscriptions", "SELECT token_hash FROM sessions", "SELECT secret FROM user_totp",
                       "SELECT about FROM activity", "INSERT INTO activity (id) VALUES ('x')"],
    "sandbox": ["SELECT id FROM users", "SELECT id FROM sessions", "SELECT id FROM api_keys", "SELECT id FROM accounts",
                "SELECT id FROM posts", "SELECT id FROM uploads", "SELECT id FROM jobs_publish"],
}
FORBIDDEN_TO_ALL = [
    "UPDATE post_events SET event = 'x'", "DELETE FROM post_events",  # a receipt is written once
    "INSERT INTO policy_versions (version) VALUES ('x')", "DELETE FROM policy_versions",  # published once
    "UPDATE schema_migrations SET name = 'x'", "CREATE TABLE mine (id INT)", "DROP TABLE users",
    "ALTER TABLE users ADD COLUMN x INT", "CREATE USER somebody", "SELECT * FROM mysql.global_priv",
    "SELECT 1 INTO OUTFILE '/tmp/marketingcli-x'", "SET GLOBAL max_connections = 1", "CREATE DATABASE mine",
]
ALLOWED = {"worker_privacy": ["DELETE FROM post_events"]}  # whoever is erased takes the receipts along
DATABASES = [s.database for s in services.PROGRAMS if s.database]


def connect(stack, name, password=None):
    password = password or (stack.at.credentials / name / "db-password").read_text().strip()
    return pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user=f"marketingcli_{name}", password=password,
                           database="marketingcli")


def granted_to(name):
    """{(verb, table): its columns, or None for all of them}, as the lines of grants.sql have it."""
    text = (CHECKOUT / "sql/grants.sql").read_text()
    sections = re.split(r"^-- (every user|user \w+|system user \w+)$", text, flags=re.MULTILINE)
    named = dict(zip(sections[1::2], sections[2::2]))
    rights = {}
    for verbs, table in re.findall(r"^GRANT (.*) ON \{db\}\.(\w+) TO", named["every user"] + named[f"user {name}"], re.MULTILINE):
        for verb, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", verbs):
            before = rights.get((verb, table), set())
            rights[verb, table] = None if not columns or before is None else before | set(columns.split(", "))
    return rights


# Each does nothing, whoever runs it, and is refused to whoever may not do it.
TRIED = {"SELECT": "SELECT `{column}` FROM {table} WHERE FALSE", "UPDATE": "UPDATE {table} SET `{column}` = NULL WHERE FALSE",
         "INSERT": "INSERT INTO {table} (`{column}`) SELECT NULL FROM DUAL WHERE FALSE", "DELETE": "DELETE FROM {table} WHERE FALSE"}


def secret_columns():
    held = (CHECKOUT / "lib/model/privacy/held.def").read_text()
    return set(re.findall(r"^COLUMN\((\w+), (\w+), SECRET,", held, re.MULTILINE))


@pytest.mark.parametrize("name", DATABASES)
def test_what_grants_do_not_give_is_refused(stack, name):
    """Each verb on each table: on every column where only some are given, and on every secret one; else on one of them."""
    columns = {}
    for r in stack.sql("SELECT table_name t, column_name c FROM information_schema.columns WHERE table_schema = 'marketingcli'"
                       " ORDER BY t, ordinal_position"):
        columns.setdefault(r["t"], []).append(r["c"])
    rights, secret, wrong = granted_to(name), secret_columns(), []
    assert len(secret) > 10 and rights and len(columns) > 50
    with connect(stack, name) as db, db.cursor() as cursor:
        for table, names in columns.items():
            for verb, text in TRIED.items():
                given = rights.get((verb, table), set())
                some = names if given else names[:1] + [c for c in names[1:] if (table, c) in secret and verb == "SELECT"]
                for column in () if given is None else [c for c in some if c not in given]:
                    try:
                        cursor.execute(text.format(table=table, column=column))
                        wrong.append(f"{verb} {table}.{column}")
                    except pymysql.MySQLError as refused:
                        if refused.args[0] not in DENIED:
                            wrong.append(f"{verb} {table}.{column}: {refused}")
    assert wrong == []


@pytest.mark.parametrize("name", DATABASES)
def test_grants_end_where_the_work_ends(stack, name):
    with connect(stack, name) as db, db.cursor() as cursor:
        cursor.execute("SELECT version FROM schema_migrations")
        for text in FORBIDDEN.get(name, []) + [t for t in FORBIDDEN_TO_ALL if t not in ALLOWED.get(name, [])]:
            with pytest.raises(pymysql.MySQLError) as refused:
                cursor.execute(text)
            assert refused.value.args[0] in DENIED, (text, refused.value)


@pytest.mark.parametrize("name", DATABASES)
def test_the_password_is_the_services_own(stack, name):
    other = DATABASES[DATABASES.index(name) - 1]
    for wrong in ((stack.at.credentials / other / "db-password").read_text().strip(), "nonsense"):
        with pytest.raises(pymysql.MySQLError) as refused:
            connect(stack, name, wrong)
        assert refused.value.args[0] == 1045


# The image store


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_who_does_what_with_an_image(stack, user):
    """nginx and media read; what takes, uses and deletes images also writes; nobody else even sees one."""
    store = {generate.label(row): row["store"] for row in generate.services()} | {"nginx": "STORE_READ"}
    for service in [*services.PROGRAMS, services.INTAKE, services.NGINX, services.MARIADB]:
        upload = expect(user.api.post("/api/v1/uploads", data=images.jpeg(64, 64), headers={"Content-Type": "image/jpeg"}), 201)
        path = next(stack.at.store.rglob(f"{upload['data']['id']}*"))
        doings = {"read": f"cat {path}", "list": f"ls {path.parent}", "write": f"echo >>{path}", "create": f"mkdir {path}.d && rmdir {path}.d",
                  "create above": f"mkdir {stack.at.store}/x && rmdir {stack.at.store}/x", "spool": f"touch {stack.at.spool}/x && rm {stack.at.spool}/x",
                  "rename": f"mv {path} {path}.x && mv {path}.x {path}", "mode": f"chmod 666 {path}", "delete": f"rm -f {path}"}
        done = set()
        for name, command in doings.items():
            out = subprocess.run(["sh", "-c", command], user=service.uid, group=service.uid, extra_groups=service.groups, cwd="/",
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            assert out.returncode == 0 or re.search("Permission denied|cannot create|not permitted", out.stderr), out.stderr
            done |= {name} if out.returncode == 0 else set()
        may = {"STORE_WRITE": {"read", "list", "create", "create above", "spool", "rename", "delete"}, "STORE_READ": {"read", "list"}}
        own = {"write", "mode"} if service.name == "uploads" else set()  # a file is written by who has made it
        assert done == may.get(store.get(service.name), set()) | own, service.name
        assert path.exists() == ("delete" not in done)


# The start

GOOD = "[service]\nurl = https://host.example\n[database]\nsocket = /nonexistent/mariadb.sock\n"
WRONG = [
    ("", "service.url is missing"),
    (GOOD + "[service]\nthraeds = 8\n", "there is no service.thraeds"),
    (GOOD + "[service]\nthreads = 65\n", "service.threads must be a number from 0 to 64"),
    (GOOD + "[tiktok]\nallow_private_addresses = perhaps\n", "tiktok.allow_private_addresses must be yes or no"),
    (GOOD + "[tiktok]\napi_url = http://open.tiktokapis.com\n", "tiktok.api_url must be https://HOST"),
    (GOOD + f"[store]\ndir = /{'a' * 200}\n", "line 6, dir, has more than 197 bytes"),
    (GOOD + "[service]\nlog_level\n", "line 6 is not"),
    (GOOD + "[service]\nlog_level = loud\n", "service.log_level must be error, warning, info or debug"),
]
NEEDED = {s.name: [*(["db-password"] if s.database else []), *s.credentials] for s in services.PROGRAMS}


def start(service, tmp_path, conf=None, credentials=()):
    """(exit code, the last log line's why) of a program that should refuse to start."""
    epoch, folder = tmp_path / "keys.epoch", tmp_path / "credentials"
    epoch.touch()
    if conf is None:
        conf = GOOD + f"[tiktok]\nclient_key = abc\n[keys]\nepoch = {epoch}\n"
    (tmp_path / "conf").write_text(conf)
    folder.mkdir(exist_ok=True)
    for name in credentials:
        (folder / name).write_text(f"1 {'ab' * 32}\n" if name.endswith("-keys") else "a-secret-of-this-test")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()
        done = subprocess.run([render.find_program(os.environ["MARKETINGCLI_BUILD"], service.program), *service.args],
                              stdin=listener, capture_output=True, text=True, timeout=30,
                              env={"MARKETINGCLI_CONF": str(tmp_path / "conf"), "CREDENTIALS_DIRECTORY": str(folder)})
    pathlib.Path(tmp_path / "sock").unlink()
    line = json.loads(done.stderr.splitlines()[-1])
    assert line["event"] == "cannot_start" and "a-secret-of-this-test" not in done.stderr
    return done.returncode, line["why"]


def test_the_admin_makes_every_credential(stack, tmp_path):
    """For each row of service.def; those that several services have are the same in each folder."""
    made = stack.admin("credentials", "--dir", str(tmp_path))
    assert made.returncode == 0, made.stderr
    texts = {}
    for service in services.PROGRAMS:
        for name in NEEDED[service.name]:
            texts.setdefault(name, []).append((tmp_path / service.database / name).read_text())
    for name, found in texts.items():
        assert len(set(found)) == (len(found) if name == "db-password" else 1), name
    assert made.stdout.count("(empty: put the client secret of your TikTok app into it)") == len(texts["tiktok-client-secret"])
    again = stack.admin("credentials", "--dir", str(tmp_path))
    assert (again.returncode, again.stdout) == (0, "")


@pytest.mark.parametrize("service", services.PROGRAMS, ids=lambda s: s.name)
def test_a_wrong_configuration_stops_the_start(tmp_path, service):
    for conf, named in WRONG:
        code, why = start(service, tmp_path, conf)
        assert code == 78 and named in why and str(tmp_path / "conf") in why, (conf, why)


@pytest.mark.parametrize("service, missing", [(s, c) for s in services.PROGRAMS for c in NEEDED[s.name]],
                         ids=lambda x: getattr(x, "name", x))
def test_a_missing_credential_stops_the_start(tmp_path, service, missing):
    there = [c for c in NEEDED[service.name] if c != missing]
    code, why = start(service, tmp_path, credentials=there)
    assert code == 78 and missing in why


@pytest.mark.parametrize("epoch", ["/nonexistent/keys.epoch", "/", f"/{'a' * 99}"])
def test_an_epoch_that_cannot_be_ended_stops_the_start(tmp_path, epoch):
    code, why = start(services.KEYS, tmp_path, GOOD + f"[keys]\nepoch = {epoch}\n", ["db-password"])
    assert code == 78 and "keys.epoch" in why


@pytest.mark.parametrize("service, ring", [(s, c) for s in services.PROGRAMS for c in s.credentials if c.endswith("-keys")],
                         ids=lambda x: getattr(x, "name", x))
def test_a_key_ring_that_is_none_stops_the_start(tmp_path, service, ring):
    (tmp_path / "credentials").mkdir()
    (tmp_path / f"credentials/{ring}").write_text("1 tooshort\n")
    code, why = start(service, tmp_path, credentials=["db-password", "tiktok-client-secret"])
    assert code == 78 and ring in why


def mark(stack):
    return stack.at.store / ".marketingcli-folder"


@pytest.fixture
def folder(stack):
    """What is known of it is right again afterwards."""
    before, = stack.sql("SELECT folder_id, machine FROM stores WHERE store = 'directory'")
    text = mark(stack).read_bytes()
    assert uuid.UUID(bytes=before["folder_id"]).hex == text.decode().strip().replace("-", "")
    yield before
    stack.sql("UPDATE stores SET folder_id = %s, machine = %s WHERE store = 'directory'", *before.values())
    mark(stack).write_bytes(text)


@pytest.mark.parametrize("name", ["uploads", "posts"])
def test_the_first_of_all_says_where_the_folder_is(stack, folder, name):
    """It may be any of them: worker@media, which may do more with the row, comes later in an update, and may be away."""
    stack.sql("DELETE FROM stores WHERE store = 'directory'")
    stack.restart(name)
    now, = stack.wait(lambda: stack.sql("SELECT folder_id, machine FROM stores WHERE store = 'directory'"), f"{name} has said so")
    assert str(uuid.UUID(bytes=now["folder_id"])) == mark(stack).read_text().strip() and now["machine"] == folder["machine"]


@pytest.mark.parametrize("name", ["uploads", "worker-media"])
@pytest.mark.parametrize("change, says", [("machine", "another machine"), ("id", "is its disk mounted?"), ("no id", "is its disk mounted?"),
                                          ("no mark", "is its disk mounted?")])
def test_images_are_in_one_folder_of_one_machine(stack, folder, tmp_path, name, change, says):
    """Who would put or delete them elsewhere does not start, until the admin says that this is the place."""
    if change == "machine" and folder["machine"] == 0:
        pytest.skip("this machine has no id")
    service = next(s for s in services.PROGRAMS if s.name == name)
    (tmp_path / "credentials").symlink_to(stack.at.credentials / service.database)
    if change == "machine":
        stack.sql("UPDATE stores SET machine = machine - 1 WHERE store = 'directory'")
    elif change != "no mark":
        mark(stack).write_text(str(uuid.uuid4()) + "\n" if change == "id" else "what a disk that breaks has left\n")
    else:
        mark(stack).unlink()
    code, why = start(service, tmp_path, with_setting(stack.at.conf.read_text(), "metrics_dir", ""))
    assert code == 78 and says in why and "store adopt" in why
    assert stack.admin("store", "check", "--dir", str(stack.at.credentials)).returncode == 1
    done = stack.admin("store", "adopt", "--dir", str(stack.at.credentials))
    assert done.returncode == 0, done.stderr
    after, = stack.sql("SELECT folder_id, machine FROM stores WHERE store = 'directory'")
    assert str(uuid.UUID(bytes=after["folder_id"])) == mark(stack).read_text().strip() and after["machine"] == folder["machine"]
    logged = len(stack.log("worker-media"))
    stack.restart("worker-media")
    assert not events(stack.log("worker-media")[logged:], "cannot_start")
