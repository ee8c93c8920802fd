"""marketingcli-admin migrate: files applied once and in order, interruptions, mistakes, and the MariaDB users' grants."""

import concurrent.futures
import itertools
import os
import secrets
import shutil

import pymysql
import pytest
from conftest import CHECKOUT

numbers = itertools.count(1)


class Case:
    """A folder of schema files and a database of its own."""

    def __init__(self, stack, folder):
        self.stack, self.sql = stack, folder
        self.database = f"migrate_{os.getpid()}_{next(numbers)}"
        shutil.copy(CHECKOUT / "sql/0000_schema_migrations.sql", folder)

    def put(self, name, text):
        (self.sql / name).write_text(text)

    def run(self, *more):
        return self.stack.admin("migrate", "--sql", str(self.sql), "--database", self.database, *more)

    def works(self, *more):
        done = self.run(*more)
        assert done.returncode == 0 and done.stderr == "", done.stderr
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

    def state(self):
        return {r["version"]: (r["state"], r["statements_done"]) for r in self.query("SELECT * FROM DB.schema_migrations")}


@pytest.fixture
def case(stack, tmp_path):
    made = Case(stack, tmp_path)
    yield made
    stack.sql(f"DROP DATABASE IF EXISTS `{made.database}`")


def test_files_are_applied_once_and_in_order(case):
    case.put("0002_b.sql", "ALTER TABLE a ADD COLUMN x INT; -- done")
    case.put("0001_a.sql", "-- it's; one\nCREATE TABLE a (id INT COMMENT 'a; ''b''');\n")
    out = case.works()
    assert out.index("0001_a.sql") < out.index("0002_b.sql")
    assert case.state() == {1: ("applied", 1), 2: ("applied", 1)}
    assert case.works() == "the schema is up to date\n"
    case.put("0003_c.sql", "CREATE TABLE c (id INT);")
    assert "0003_c.sql" in case.works() and case.tables() == {"a", "c"}


def test_our_own_schema(case):
    shutil.copytree(CHECKOUT / "sql", case.sql, dirs_exist_ok=True)
    case.works()
    assert {"users", "posts", "jobs_publish"} <= case.tables()
    (row,) = case.query("SELECT default_collation_name c FROM information_schema.schemata WHERE schema_name = %s", case.database)
    assert row["c"] == "utf8mb4_nopad_bin"


def test_changed_missing_misplaced_and_misnamed_files(case):
    case.put("0001_a.sql", "CREATE TABLE a (id INT);")
    case.put("0003_c.sql", "CREATE TABLE c (id INT);")
    case.works()
    case.put("0001_a.sql", "CREATE TABLE a (id BIGINT);")
    case.fails("0001_a.sql", "changed")
    case.put("0001_a.sql", "CREATE TABLE a (id INT);")
    case.put("0002_b.sql", "CREATE TABLE b (id INT);")
    case.fails("0002_b.sql", "higher number")
    (case.sql / "0002_b.sql").rename(case.sql / "0003_b.sql")
    case.fails("same number")
    (case.sql / "0003_b.sql").rename(case.sql / "4_b.sql")
    case.fails("4_b.sql", "NNNN_name.sql")
    (case.sql / "4_b.sql").unlink()
    (case.sql / "0003_c.sql").unlink()
    case.fails("0003_c.sql", "older than the database")
    assert case.tables() == {"a", "c"}


def test_a_file_that_does_not_end_changes_nothing(case):
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT COMMENT 'x);\n")
    case.fails("0001_a.sql:2")
    assert case.tables() == set() and case.state() == {}


def test_a_statement_that_fails_is_corrected_and_the_rest_goes_on(case):
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABL b (id INT);\nCREATE TABLE c (id INT);")
    case.fails("0001_a.sql:2", "statement 2", "1064")
    assert case.state() == {1: ("applying", 1)} and case.tables() == {"a"}
    case.put("0001_a.sql", "CREATE TABLE a (id BIGINT);\nCREATE TABLE b (id INT);\nCREATE TABLE c (id INT);")
    case.fails("changed")  # the first statement is in force as it was
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\nCREATE TABLE c (id INT);")
    assert "finished 0001_a.sql" in case.works()
    assert case.state() == {1: ("applied", 3)} and case.tables() == {"a", "b", "c"}


def test_a_run_that_died_is_finished_by_the_next(case):
    """Also when a statement had been run and not yet counted."""
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABL b (id INT);")
    case.fails("statement 2")
    case.query("CREATE TABLE DB.b (id INT)")
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT);\nCREATE TABLE c (id INT);")
    case.works()
    assert case.state() == {1: ("applied", 3)} and case.tables() == {"a", "b", "c"}


def test_what_is_there_is_an_error_otherwise(case):
    case.put("0001_a.sql", "CREATE TABLE a (id INT);\nCREATE TABLE a (id INT);")
    case.fails("statement 2", "1050")


def test_two_runs_at_once(case):
    for i in range(1, 6):
        case.put(f"{i:04}_t.sql", "".join(f"CREATE TABLE t{i}_{j} (id INT);\n" for j in range(4)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: case.run(), range(4)))
    assert [r.returncode for r in runs] == [0] * 4, [r.stderr for r in runs]
    assert sum(r.stdout.count("applied") for r in runs) == 5 and len(case.tables()) == 20


# --- users and grants


@pytest.fixture
def granted(case, tmp_path_factory):
    """A user of its own: names are the server's, so the services' users are left alone."""
    case.user = f"t{secrets.token_hex(4)}"
    case.credentials = tmp_path_factory.mktemp("credentials")
    (case.credentials / case.user).mkdir()
    case.password = secrets.token_urlsafe(24)
    case.put("0001_a.sql", "CREATE TABLE a (id INT, secret INT);\nCREATE TABLE b (id INT);")

    def grants(*lines):
        (case.credentials / case.user / "db-password").write_text(case.password + "\n")
        case.put("grants.sql", "\n".join(["-- every user", "GRANT SELECT ON {db}.schema_migrations TO {user};", "",
                                          f"-- user {case.user}", *lines, ""]))
        return case.works("--credentials", str(case.credentials))

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


def test_what_no_line_says_any_more_is_revoked(granted):
    granted.grants("GRANT SELECT, DELETE ON {db}.a TO {user};", "GRANT UPDATE (id, secret) ON {db}.a TO {user};")
    user = f"marketingcli_{granted.user}@localhost"
    granted.query(f"GRANT INSERT ON DB.b TO {user}")  # by hand
    out = granted.grants("GRANT SELECT ON {db}.a TO {user};", "GRANT UPDATE (id) ON {db}.a TO {user};")
    assert "DELETE on a" in out and "INSERT on b" in out
    assert granted.may("SELECT secret FROM a") and granted.may("UPDATE a SET id = 1")
    for no in ("DELETE FROM a", "UPDATE a SET secret = 1", "INSERT INTO b VALUES (1)"):
        assert not granted.may(no), no
    granted.query(f"GRANT ALL ON DB.* TO {user}")
    assert "more than single tables" in granted.grants("GRANT SELECT ON {db}.a TO {user};")
    assert granted.may("SELECT id FROM a") and not granted.may("DELETE FROM b")


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


def test_wrong_use(stack):
    assert stack.admin().returncode == 2 and stack.admin("nonsense").returncode == 2
    assert stack.admin("migrate", "--nonsense", "x").returncode == 2 and stack.admin("migrate", "--sql").returncode == 2
    assert stack.admin("help").returncode == 0
    assert "[database]" in stack.admin("config").stdout
