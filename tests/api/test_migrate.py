"""marketingcli-admin migrate: files applied once and in order, interruptions, mistakes, databases of an
older release, and the MariaDB users' grants."""

import concurrent.futures
import hashlib
import itertools
import os
import re
import secrets
import shutil
import signal
import uuid

import pymysql
import pytest
from conftest import CHECKOUT

numbers = itertools.count(1)
OLD_FILES = sorted((CHECKOUT / "tests/api/schema_3").glob("*.sql"))  # of a release with many statements in a file


# A stack's MariaDB writes plainly; tests/api/test_database.py has one that does not.
PLAIN = re.compile(r"warning: MariaDB does not encrypt [^\n]+\n")


class Case:
    """A folder of schema files and a database of its own."""

    def __init__(self, stack, folder):
        self.stack, self.sql = stack, folder
        self.database = f"migrate_{os.getpid()}_{next(numbers)}"
        shutil.copy(CHECKOUT / "sql/0000_schema_migrations.sql", folder)

    def put(self, name, text):
        (self.sql / name).write_text(text)

    def run(self, *more, conf=None):
        return self.stack.admin("migrate", "--sql", str(self.sql), "--database", self.database, *more, conf=conf)

    def works(self, *more):
        done = self.run(*more)
        assert done.returncode == 0 and PLAIN.fullmatch(done.stderr), done.stderr
        return done.stdout

    def fails(self, *words):
        done = self.run()
        assert done.returncode == 1 and all(w in done.stderr for w in words), done.stderr
        return done.stderr

    def query(self, text, *args):
        return self.stack.sql(text.replace("DB.", f"`{self.database}`."), *args)

    def tables(self):
        rows = self.query("SELECT table_name t FROM information_schema.tables WHERE table_schema = %s", self.database)
        return {r["t"] for r in rows} - {"schema_migrations"}

    def applied(self):
        """The versions, without those that only a database of an old release has."""
        return [r["version"] for r in self.query("SELECT version FROM DB.schema_migrations WHERE version > 3 ORDER BY version")]

    def takes_our_files(self):
        """Returns their numbers."""
        files = [f for f in (CHECKOUT / "sql").glob("*.sql") if f.name != "grants.sql"]
        for file in files:
            shutil.copy(file, self.sql)
        return sorted(int(f.name[:4]) for f in files if not f.name.startswith("0000"))

    def is_of_the_old_release(self, statements):
        """Makes the database as `migrate` of that release left it when it was interrupted after so many statements. Its files
        are in the folder, too: an update of the programs leaves them there."""
        self.query(f"CREATE DATABASE `{self.database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
        with pymysql.connect(unix_socket=str(self.stack.at.mariadb_sock), user="root", database=self.database,
                             autocommit=True) as db, db.cursor() as cursor:
            cursor.execute((CHECKOUT / "sql/0000_schema_migrations.sql").read_text())
            for version, file in enumerate(OLD_FILES, 1):
                shutil.copy(file, self.sql)
                text = re.sub(r"^--.*$", "", file.read_text(), flags=re.MULTILINE)
                whole = [s for s in text.split(";\n") if s.strip()]
                run = whole[:statements]
                statements -= len(run)
                for statement in run:
                    cursor.execute(statement)
                if run:
                    cursor.execute("INSERT INTO schema_migrations VALUES (%s, %s, %s, %s, %s, 1, NULL)",
                                   (version, file.name, hashlib.sha256(file.read_bytes()).digest(),
                                    "applied" if run == whole else "applying", len(run)))

    def schema(self):
        """{table or view: its CREATE statement, without comments}."""
        def made(name):
            row = self.query(f"SHOW CREATE TABLE DB.{name}")[0]
            return row.get("Create Table") or row["Create View"].replace(self.database, "DB")
        return {t: re.sub(r" COMMENT[ =]'(?:[^']|'')*'", "", made(t)) for t in self.tables() | {"schema_migrations"}}


@pytest.fixture
def cases(stack, tmp_path):
    """A function that makes a Case."""
    made = []

    def one_more():
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Case(stack, folder))
        return made[-1]

    yield one_more
    for each in made:
        stack.sql(f"DROP DATABASE IF EXISTS `{each.database}`")


@pytest.fixture
def case(cases):
    return cases()


def test_files_are_applied_once_and_in_order(case):
    case.put("0005_b.sql", "ALTER TABLE a ADD COLUMN x INT;")
    case.put("0004_a.sql", "-- it's; one\nCREATE TABLE a (id INT COMMENT 'a; ''b''') -- x;\n ; \n")
    assert case.works() == "applied 0004_a.sql\napplied 0005_b.sql\n"
    assert case.applied() == [4, 5]
    assert case.works() == "the schema is up to date\n"
    case.put("0006_c.sql", "CREATE TABLE c (id INT);")
    assert case.works() == "applied 0006_c.sql\n" and case.tables() == {"a", "c"}


def test_our_own_schema(case):
    versions = case.takes_our_files()
    case.works()
    assert case.applied() == versions and {"users", "posts", "jobs_publish"} <= case.tables()
    (row,) = case.query("SELECT default_collation_name c FROM information_schema.schemata WHERE schema_name = %s", case.database)
    assert row["c"] == "utf8mb4_nopad_bin"


def test_changed_missing_misplaced_and_misnamed_files(case):
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    case.put("0006_c.sql", "CREATE TABLE c (id INT);")
    case.works()
    case.put("0004_a.sql", "CREATE TABLE a (id BIGINT);")
    case.fails("0004_a.sql", "changed")
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    case.put("0005_b.sql", "CREATE TABLE b (id INT);")
    case.fails("0005_b.sql", "higher number")
    (case.sql / "0005_b.sql").rename(case.sql / "0006_b.sql")
    case.fails("same number")
    (case.sql / "0006_b.sql").rename(case.sql / "7_b.sql")
    case.fails("7_b.sql", "NNNN_name.sql")
    (case.sql / "7_b.sql").unlink()
    (case.sql / "0006_c.sql").unlink()
    case.fails("0006_c.sql", "older than the database")
    assert case.tables() == {"a", "c"}


@pytest.mark.parametrize("text", [
    "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\n",
    "CREATE TABLE a (id INT); -- and\nCREATE TABLE b (id INT)\n;",
    "CREATE TABLE a (id INT COMMENT 'x);\n",
    "CREATE TABLE a (id INT) /* ;",
    "CREATE TABLE a (id INT)",
    "CREATE TABLE a (id INT); -- done",
    ";",
    "",
])
def test_a_file_that_is_not_one_whole_statement_changes_nothing(case, text):
    case.put("0004_a.sql", text)
    case.fails("0004_a.sql", "statement")
    assert case.tables() == set()
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    assert case.works() == "applied 0004_a.sql\n" and case.tables() == {"a"}


def test_a_statement_that_fails_is_corrected_and_the_rest_goes_on(case):
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    case.put("0005_b.sql", "CREATE TABL b (id INT);")
    case.put("0006_c.sql", "CREATE TABLE c (id INT);")
    case.fails("0005_b.sql", "1064")
    assert case.applied() == [4] and case.tables() == {"a"}
    case.put("0005_b.sql", "CREATE TABLE b (id INT);")
    assert case.works() == "applied 0005_b.sql\napplied 0006_c.sql\n"
    assert case.applied() == [4, 5, 6] and case.tables() == {"a", "b", "c"}


@pytest.mark.parametrize("error, works", [(1213, True), (1205, True), (1146, False)])
def test_a_statement_that_loses_against_a_service_is_repeated(case, error, works):
    """As an ALTER does now and then under load: MariaDB chooses it to end a deadlock, and nothing has changed."""
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    case.put("0005_b.sql", "BEGIN NOT ATOMIC INSERT INTO a VALUES (1); IF (SELECT COUNT(*) FROM a) < 3 THEN"
                           f" SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {error}; END IF; END;")
    if works:
        assert case.works().endswith("applied 0005_b.sql\n")
    else:
        case.fails("0005_b.sql", str(error))
    assert case.query("SELECT COUNT(*) n FROM DB.a")[0]["n"] == (3 if works else 1)


def dies(case, point):
    """migrate is killed at the point. False: it has never come there, and is done."""
    armed = case.stack.arm(point)
    done = case.run()
    came = not armed.exists()
    armed.unlink(missing_ok=True)
    assert done.returncode == (-signal.SIGKILL if came else 0), done.stderr
    return came


@pytest.mark.parametrize("old_statements", [None, 999])
def test_a_run_that_is_killed_again_and_again_arrives(case, old_statements):
    """Killed after every statement, once before its row and once after it; from nothing, and from what an old release left."""
    if old_statements is not None:
        case.is_of_the_old_release(old_statements)
    versions, deaths = case.takes_our_files(), 0
    while dies(case, "migrate.statement_run"):
        assert case.applied() == versions[:deaths]
        assert dies(case, "migrate.noted")
        deaths += 1
    assert deaths == len(versions) and case.applied() == versions
    assert case.works() == "the schema is up to date\n"


@pytest.mark.parametrize("old_statements", [0, 1, 14, 16, 999])
def test_a_database_of_the_old_release_gets_the_schema_of_a_new_one(cases, old_statements):
    """Also one that its `migrate` had not finished."""
    old, new = cases(), cases()
    old.is_of_the_old_release(old_statements)
    for case in (old, new):
        case.takes_our_files()
        case.works()
    assert old.schema() == new.schema()


def test_a_database_of_the_old_release_keeps_what_it_holds(case):
    case.is_of_the_old_release(999)
    case.query("INSERT INTO DB.users VALUES (REPEAT('u', 16), 'a@b', 'a@b', NULL, 'x', 'active', 1, 1)")
    rows, old = case.query("SELECT * FROM DB.users"), case.query("SELECT * FROM DB.schema_migrations")
    assert len(rows) == 1 and [r["state"] for r in old] == ["applied"] * 3
    versions = case.takes_our_files()
    case.works()
    now = case.query("SELECT * FROM DB.users")
    assert [{name: row[name] for name in rows[0]} for row in now] == rows and case.applied() == versions
    assert case.query("SELECT * FROM DB.schema_migrations WHERE version <= 3") == [row | {"oldest": None} for row in old]
    # what a program of the old release asks at its start
    assert case.query("SELECT MAX(version) v FROM DB.schema_migrations WHERE state = 'applied'")[0]["v"] >= 3


@pytest.mark.parametrize("old_statements", [None, 999])
def test_two_runs_at_once(case, old_statements):
    if old_statements is not None:
        case.is_of_the_old_release(old_statements)
    versions = case.takes_our_files()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: case.run(), range(4)))
    assert [r.returncode for r in runs] == [0] * 4, [r.stderr for r in runs]
    assert sum(r.stdout.count("applied 0") for r in runs) == len(versions) and case.applied() == versions


def test_a_restore_that_begins_while_it_waits(case):
    """It looks for one under the lock: whoever waits for it does not make whole what a restore has left half-way."""
    case.put("0004_a.sql", "CREATE TABLE a (id INT);")
    case.query(f"SELECT GET_LOCK('migrate.{case.database}', 0)")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            run = pool.submit(case.run)
            case.stack.wait(lambda: case.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE state = 'User lock'"), "it waits")
            case.query(f"CREATE DATABASE `{case.database}`")
            case.query("CREATE TABLE DB.restore_unfinished (id INT)")
        finally:
            case.query(f"SELECT RELEASE_LOCK('migrate.{case.database}')")
        done = run.result()
    assert done.returncode == 1 and "has not come to its end" in done.stderr, done
    assert case.tables() == {"restore_unfinished"}


# --- the release before, and older ones


def oldest():
    text = (CHECKOUT / "lib/db/schema.h").read_text()
    return int(re.search(r"^#define SCHEMA_OLDEST (\d+)$", text, re.M)[1])


def is_of(case, version):
    """The folder is that of a release with that schema."""
    for file in case.sql.glob("0*.sql"):
        if int(file.name[:4]) > version:
            file.unlink()


def test_the_release_before_works_on_this_schema(case, granted):
    """`migrate` leaves the schema as it is and makes the grants, which an update may have revoked."""
    for file in case.sql.glob("000[45]_*"):
        file.unlink()
    versions = case.takes_our_files()
    granted.grants("GRANT SELECT (id) ON {db}.users TO {user};")
    is_of(case, oldest())
    out = granted.grants("GRANT SELECT (id, email) ON {db}.users TO {user};")
    assert "the programs of their release run on it" in out and case.applied() == versions
    assert granted.may("SELECT email FROM users")


def test_an_older_release_does_not_work_on_this_schema(case):
    versions = case.takes_our_files()
    case.works()
    is_of(case, oldest() - 1)
    case.fails("older than the database")
    assert case.applied() == versions


def test_a_schema_says_who_can_work_on_it_only_when_it_is_whole(case):
    """Until then the programs of before are all there are; and a folder that is not this program's says nothing of this kind."""
    versions = case.takes_our_files()
    newest = case.sql / next(f.name for f in case.sql.glob(f"{versions[-1]:04}_*.sql"))
    text = newest.read_text()
    newest.write_text("SELECT nothing;")
    case.fails(newest.name)
    newest.write_text(text)
    said = "SELECT COUNT(oldest) n FROM DB.schema_migrations"
    if "oldest" not in text:
        assert case.query(said) == [{"n": 0}]
    case.works()
    assert case.query("SELECT MAX(oldest) n FROM DB.schema_migrations") == [{"n": oldest()}]


# --- users and grants


@pytest.fixture
def granted(case, tmp_path_factory):
    """A user of its own: names are the server's, so the services' users are left alone."""
    case.user = f"t{secrets.token_hex(4)}"
    case.credentials = tmp_path_factory.mktemp("credentials")
    (case.credentials / case.user).mkdir()
    case.password = secrets.token_urlsafe(24)
    case.put("0004_a.sql", "CREATE TABLE a (id INT, secret INT);")
    case.put("0005_b.sql", "CREATE TABLE b (id INT);")

    def grants(*lines, more=()):
        (case.credentials / case.user / "db-password").write_text(case.password + "\n")
        case.put("grants.sql", "\n".join(["-- every user", "GRANT SELECT ON {db}.schema_migrations TO {user};", "",
                                          f"-- user {case.user}", *lines, ""]))
        return case.works("--credentials", str(case.credentials), *more)

    def may(text):
        with pymysql.connect(unix_socket=str(case.stack.at.mariadb_sock), user=f"marketingcli_{case.user}",
                             password=case.password, database=case.database) as db, db.cursor() as cursor:
            try:
                cursor.execute(text)
            except pymysql.err.OperationalError as e:
                assert e.args[0] in (1142, 1143), e
                return False
            return True

    case.grants, case.may = grants, may
    yield case
    case.stack.sql(f"DROP USER IF EXISTS marketingcli_{case.user}@localhost")


def test_a_user_may_what_its_lines_say(granted):
    granted.grants("GRANT SELECT (id), INSERT ON {db}.a TO {user};", "GRANT UPDATE (id) ON {db}.a TO {user};")
    assert granted.may("SELECT id FROM a") and granted.may("INSERT INTO a VALUES (1, 2)")
    assert granted.may("UPDATE a SET id = 2") and granted.may("SELECT version FROM schema_migrations")
    for no in ("SELECT secret FROM a", "DELETE FROM a", "UPDATE a SET secret = 1", "SELECT * FROM b", "DROP TABLE a"):
        assert not granted.may(no), no


def test_what_no_line_says_any_more_is_revoked_when_that_is_asked_for(granted):
    """Not before: programs of the release before run meanwhile, and may need it."""
    granted.grants("GRANT SELECT, DELETE ON {db}.a TO {user};", "GRANT UPDATE (id, secret) ON {db}.a TO {user};")
    user = f"marketingcli_{granted.user}@localhost"
    granted.query(f"GRANT INSERT ON DB.b TO {user}")  # by hand
    lines = ("GRANT SELECT ON {db}.a TO {user};", "GRANT UPDATE (id) ON {db}.a TO {user};")
    out = granted.grants(*lines)
    assert "left: 3 rights" in out and "revoked" not in out
    for yes in ("DELETE FROM a", "UPDATE a SET secret = 1", "INSERT INTO b VALUES (1)"):
        assert granted.may(yes), yes
    out = granted.grants(*lines, more=["--revoke"])
    assert "DELETE on a" in out and "INSERT on b" in out and "left:" not in out
    assert granted.may("SELECT secret FROM a") and granted.may("UPDATE a SET id = 1")
    for no in ("DELETE FROM a", "UPDATE a SET secret = 1", "INSERT INTO b VALUES (1)"):
        assert not granted.may(no), no
    assert "left:" not in granted.grants(*lines)


@pytest.mark.parametrize("level", ["DB.*", "*.*"])
def test_rights_on_more_than_tables_are_revoked_and_those_on_tables_stay(granted, level):
    lines = ("GRANT SELECT ON {db}.a TO {user};",)
    granted.grants(*lines)
    granted.query(f"GRANT SELECT, DELETE ON {level} TO marketingcli_{granted.user}@localhost WITH GRANT OPTION")
    assert "left: " in granted.grants(*lines) and granted.may("DELETE FROM b")
    assert "more than single tables" in granted.grants(*lines, more=["--revoke"])
    assert granted.may("SELECT id FROM a") and not granted.may("DELETE FROM b")


def test_a_user_of_a_service_that_is_gone_has_no_right_any_more(granted):
    lines = ("GRANT SELECT ON {db}.a TO {user};",)
    granted.grants(*lines)
    granted.put("grants.sql", "-- user nobody_at_all\nGRANT SELECT ON {db}.a TO {user};\n")
    of_others = granted.query("SELECT COUNT(*) n FROM information_schema.TABLE_PRIVILEGES WHERE table_schema = 'marketingcli'")
    assert "left: 2 rights" in granted.works("--credentials", str(granted.credentials)) and granted.may("SELECT id FROM a")
    granted.works("--credentials", str(granted.credentials), "--revoke")
    assert granted.query("SELECT COUNT(*) n FROM information_schema.TABLE_PRIVILEGES WHERE grantee LIKE %s",
                         f"'marketingcli_{granted.user}'%") == [{"n": 0}]
    assert granted.query("SELECT COUNT(*) n FROM information_schema.TABLE_PRIVILEGES WHERE table_schema = 'marketingcli'") == of_others


def test_a_system_user_that_a_restore_has_locked_is_let_in(granted):
    """One that was given up; as the services' users are."""
    granted.put("grants.sql", f"-- system user {granted.user}\nGRANT SELECT ON {{db}}.a TO {{user}};\n")
    granted.works("--credentials", str(granted.credentials))
    granted.query(f"ALTER USER marketingcli_{granted.user}@localhost ACCOUNT LOCK")
    locked = "SELECT JSON_VALUE(Priv, '$.account_locked') l FROM mysql.global_priv WHERE User = %s"
    assert granted.query(locked, f"marketingcli_{granted.user}") == [{"l": "1"}]
    granted.works("--credentials", str(granted.credentials))
    assert granted.query(locked, f"marketingcli_{granted.user}") != [{"l": "1"}]


def test_a_user_of_another_database_clients_is_dropped(granted):
    """Who could sign in from elsewhere must not any more; but not one who is somebody else's: whose name only begins alike, who has rights on
    another database on the same server, or none here, as another installation makes them."""
    name, ours, others, fresh = f"marketingcli_{granted.user}", "10.0.0.0/255.255.255.0", "10.0.1.0/255.255.255.0", "10.0.2.%"
    granted.grants("GRANT SELECT ON {db}.a TO {user};")
    made = [(name, ours), (name, others), (name, fresh), (f"{name}2", "10.0.0.9")]
    for user, host in made:
        granted.query(f"CREATE USER {user}@'{host}' IDENTIFIED BY 'x'")
    for host in (ours, others):
        granted.query(f"GRANT SELECT ON DB.a TO {name}@'{host}'")
    granted.query(f"GRANT SELECT ON marketingcli.users TO {name}@'{others}'")
    try:
        said = granted.works("--credentials", str(granted.credentials), "--revoke")
        assert f"dropped '{name}'@'{ours}'" in said and f"kept '{name}'@'{others}'" in said and f"kept '{name}'@'{fresh}'" in said
        rows = granted.query("SELECT user u, host h FROM mysql.user WHERE user LIKE %s", f"{name}%")
        assert {(r["u"], r["h"]) for r in rows} == {(name, "localhost"), *made[1:]}
        has = "SELECT table_schema s FROM information_schema.TABLE_PRIVILEGES WHERE grantee = %s"
        assert granted.query(has, f"'{name}'@'{others}'") == [{"s": "marketingcli"}], "and it has no right here any more"
        assert granted.may("SELECT id FROM a")
    finally:
        for user, host in made:
            granted.query(f"DROP USER IF EXISTS {user}@'{host}'")


def test_a_new_password_counts(granted):
    granted.grants("GRANT SELECT ON {db}.a TO {user};")
    granted.password = secrets.token_urlsafe(24)
    granted.grants("GRANT SELECT ON {db}.a TO {user};")
    assert granted.may("SELECT * FROM a")


@pytest.mark.parametrize("password", ["short", "with a quote ' in it, long", "x" * 201])
def test_passwords_that_will_not_do(granted, password):
    granted.grants()
    (granted.credentials / granted.user / "db-password").write_text(password)
    done = granted.run("--credentials", str(granted.credentials))
    assert done.returncode == 1 and "db-password" in done.stderr and password not in done.stderr


def test_a_user_without_a_password_is_left_out(granted):
    granted.grants()
    granted.put("grants.sql", "-- user nobody_at_all\nGRANT SELECT ON {db}.a TO {user};\n")
    assert "left out marketingcli_nobody_at_all" in granted.works("--credentials", str(granted.credentials))


def test_lines_that_are_no_grants(granted):
    granted.grants()
    for line in ("GRANT ALL ON *.* TO {user};", "DROP TABLE a;", "GRANT SELECT ON {db}.a TO root@localhost;"):
        granted.put("grants.sql", f"-- user {granted.user}\n{line}\n")
        done = granted.run("--credentials", str(granted.credentials))
        assert done.returncode == 1 and "grants.sql" in done.stderr


def test_too_few_connections_are_said(case, tmp_path):
    """The stack's MariaDB takes 300; eight apps with 64 threads each hold more."""
    conf = tmp_path / "conf"
    conf.write_text(case.stack.at.conf.read_text().replace("[service]\n", "[service]\nthreads = 64\n"))
    case.takes_our_files()
    done = case.run(conf=conf)
    assert done.returncode == 0 and "hold up to 621 connections, and MariaDB's max_connections is 300" in done.stderr


@pytest.mark.parametrize("program", ["keys", "worker-media"])
def test_a_program_that_starts_says_it_too(stack, program):
    before = len(stack.log(program))
    with stack.configured(program, service_threads="64"):
        said = stack.wait(lambda: [line for line in stack.log(program)[before:].splitlines() if "max_connections_too_low" in line], "it says so")
        assert '"needed":621,"allowed":300' in said[0]
    with stack.configured(program):
        stack.wait(lambda: '"event":"started"' in stack.log(program)[before:].split("max_connections_too_low")[1], "it has started again")
        assert stack.log(program)[before:].count("max_connections_too_low") == 1


def test_wrong_use(stack):
    assert stack.admin().returncode == 2 and stack.admin("nonsense").returncode == 2
    assert stack.admin("migrate", "--nonsense", "x").returncode == 2 and stack.admin("migrate", "--sql").returncode == 2
    assert stack.admin("mail").returncode == 2 and stack.admin("mail", "nonsense").returncode == 2
    assert stack.admin("mail", "show").returncode == 2 and stack.admin("mail", "show", "--user", "root").returncode == 2
    assert stack.admin("mail", "show", "nonsense").returncode == 2 and stack.admin("mail", "list", "--state", "x").returncode == 2
    assert stack.admin("mail", "show", str(uuid.uuid4())).returncode == 1, "there is no such mail"
    assert stack.admin("help").returncode == 0
    assert "[database]" in stack.admin("config").stdout
