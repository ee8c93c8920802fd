"""Answers that stream (lib/http/reply.h): flat memory, slow readers, clients that leave, failures in the middle.

tests/fixtures holds the program; a table of a million rows, on the stack's MariaDB, what it streams.
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pymysql
import pytest

from conftest import CHECKOUT
from fastcgi import KEEP_CONNECTION, Answer, Connection, parameters, request
from test_metrics import Shown

sys.path.insert(0, str(CHECKOUT / "tests/stack"))

import sanitizers  # noqa: E402
from ready import free_port  # noqa: E402

ROWS, FEW, MANY = 1_000_000, 10_000, 200_000
GROWTH_MAX_KB = 4096  # of a program that streams ROWS instead of FEW: the answer is 60 MB longer
UNREAD_MAX = 2 << 20  # what the sockets, libfcgi and a chunk of rows hold back, in bytes
GRACE_SEC = 5  # of a stop for answers that are being streamed (lib/fcgi/serve.c)
CONNECTIONS = "information_schema.processlist WHERE user = 'marketingcli_fixture'"
PASSWORD = "fixture, and no secret"


def body_of(rows):
    return "".join(["id,text\n", *(f"{i},{i:.>60}\n" for i in range(1, rows + 1))]).encode()


@pytest.fixture(scope="module")
def table(stack):
    stack.sql("CREATE TABLE fixture_rows (id BIGINT UNSIGNED PRIMARY KEY, text VARCHAR(60) NOT NULL)")
    stack.sql("INSERT INTO fixture_rows SELECT seq, LPAD(seq, 60, '.') FROM seq_1_to_%s", ROWS)
    stack.sql("CREATE USER marketingcli_fixture@localhost IDENTIFIED BY %s", PASSWORD)
    for name in ("fixture_rows", "schema_migrations"):
        stack.sql(f"GRANT SELECT ON {name} TO marketingcli_fixture@localhost")
    yield
    stack.sql("DROP USER marketingcli_fixture@localhost")
    stack.sql("DROP TABLE fixture_rows")


class Program:
    def __init__(self, stack, folder):
        self.stack, self.log = stack, stack.at.log / "fixture.log"
        (folder / "db-password").write_text(PASSWORD)
        path = stack.at.run / "fixture.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener, self.log.open("ab") as log:
            listener.bind(str(path))
            listener.listen(64)
            # What is freed is free: AddressSanitizer would keep it for a while.
            asan = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
            self.process = subprocess.Popen(
                [pathlib.Path(os.environ["MARKETINGCLI_BUILD"]) / "tests/fixtures/marketingcli-fixture"], stdin=listener,
                stdout=log, stderr=log, cwd="/", env={
                    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **sanitizers.OPTIONS, "ASAN_OPTIONS": asan,
                    "MARKETINGCLI_CONF": str(stack.at.conf), "MARKETINGCLI_TEST_DIR": str(stack.at.test),
                    "CREDENTIALS_DIRECTORY": str(folder)})
        stack.wait(lambda: '"event":"started"' in self.log.read_text(), "the program runs")

    @contextlib.contextmanager
    def asked(self, path, method="GET", flags=0, **more):
        """An answer of which no more than the head has been read."""
        path, _, query = path.partition("?")
        with Connection(self.stack, "fixture") as connection:
            connection.settimeout(60)
            connection.give(request(parameters(method, path, QUERY_STRING=query, **more), flags=flags)[0])
            yield Answer(connection)

    def peak_kb(self):
        """The most memory it had since the last call."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def streaming(self):
        return Shown(self.stack, "fixture")("threads_streaming")

    def requests(self, status):
        return Shown(self.stack, "fixture")("requests_total", route="GET /rows", status=status)

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if '"event":"request"' in line]

    def last_line(self, before):
        """The one line that came after those of before."""
        self.stack.wait(lambda: len(self.lines()) > len(before), "the request is logged")
        assert len(self.lines()) == len(before) + 1
        return self.lines()[-1]

    def waits_for_its_reader(self):
        """The answer is being streamed, and the program does not ask the database for the next rows."""
        state = self.stack.sql(f"SELECT command, time_ms FROM {CONNECTIONS}")
        return self.streaming() == 1 and any(s["command"] == "Sleep" and s["time_ms"] > 200 for s in state)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(GRACE_SEC + 20) == 0


@pytest.fixture
def program(stack, table, tmp_path):
    made = Program(stack, tmp_path)
    yield made
    if made.process.poll() is None:
        made.end()
    made.log.rename(made.log.with_name(f"fixture.{made.process.pid}.log"))  # read for defects at the end of all tests


def read_whole(answer):
    digest, n = hashlib.sha256(), 0
    for piece in answer.pieces():
        digest.update(piece)
        n += len(piece)
    assert answer.ended
    return n, digest.hexdigest()


def expected(rows):
    body = body_of(rows)
    return len(body), hashlib.sha256(body).hexdigest()


def headers(answer):
    return dict(line.split(": ", 1) for line in answer.head.decode().split("\r\n"))


def test_a_million_rows_in_flat_memory(program):
    with program.asked(f"/rows?rows={FEW}") as answer:
        assert read_whole(answer) == expected(FEW)
    few_kb, before = program.peak_kb(), program.lines()
    with program.asked(f"/rows?rows={ROWS}") as answer:
        assert headers(answer) == {"Status": "200 OK", "Content-Type": "text/csv", "X-Standing": "1",
                                   "Content-Disposition": "attachment"}
        n, digest = read_whole(answer)
        assert (n, digest) == expected(ROWS)
    assert program.peak_kb() - few_kb < GROWTH_MAX_KB
    line = program.last_line(before)
    assert (line["level"], line["status"], line["sent_bytes"], line["route"]) == ("info", 200, n, "/rows")
    assert "sent" not in line and "code" not in line
    assert program.requests("2xx") == 2 and program.streaming() == 0


def test_an_answer_keeps_its_connection(program):
    """A streamed answer is whole, so the next request comes on the same connection."""
    with Connection(program.stack, "fixture") as connection:
        for rows in (0, 3, FEW):
            connection.give(request(parameters(path="/rows", QUERY_STRING=f"rows={rows}"), flags=KEEP_CONNECTION)[0])
            assert read_whole(Answer(connection)) == expected(rows)


def test_head_sends_the_head_alone(program):
    before = program.lines()
    with program.asked(f"/rows?rows={ROWS}", "HEAD") as answer:
        assert headers(answer)["Content-Type"] == "text/csv"
        assert b"".join(answer.pieces()) == b"" and answer.ended
    assert program.last_line(before)["sent_bytes"] == 0


def test_standing_headers_stay(program):
    with program.asked("/error") as answer:
        assert headers(answer)["Status"] == "409 Conflict"
        assert headers(answer)["X-Standing"] == "1" and "Content-Disposition" not in headers(answer)


# Failures


def test_a_failure_at_the_start_is_an_answer(program):
    """What was put is so little that nothing of it has been sent."""
    with program.asked(f"/rows?rows={ROWS}&fail_at=20") as answer:
        body = json.loads(b"".join(answer.pieces()))
        assert headers(answer)["Status"] == "500 Internal Server Error" and body["error"]["code"] == "internal_error" and answer.ended
        assert headers(answer)["X-Standing"] == "1" and "Content-Disposition" not in headers(answer)
    assert program.requests("5xx") == 1


def test_a_failure_in_the_middle_breaks_the_answer_off(program):
    before = program.lines()
    with program.asked(f"/rows?rows={ROWS}&fail_at={FEW}", flags=KEEP_CONNECTION) as answer:
        assert headers(answer)["Status"] == "200 OK"
        got = b"".join(answer.pieces())
        assert not answer.ended and body_of(FEW - 1).startswith(got) and len(got) > 100_000
    line = program.last_line(before)
    assert (line["level"], line["status"], line["code"], line["sent"]) == ("error", 200, "io", "in part")
    assert len(got) <= line["sent_bytes"] == len(body_of(FEW - 1))
    assert program.requests("5xx") == 1 and program.requests("2xx") == 0


def test_a_lost_connection_to_the_database_is_made_again(program):
    with program.asked(f"/rows?rows={MANY}") as answer:
        program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
        for row in program.stack.sql(f"SELECT id FROM {CONNECTIONS}"):
            program.stack.sql("KILL %s", row["id"])
        assert read_whole(answer) == expected(MANY)


def test_a_database_that_goes_away_breaks_the_answer_off(program):
    before = program.lines()
    with program.asked(f"/rows?rows={ROWS}") as answer:
        program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
        with program.stack.stopped("mariadb"):
            n = sum(map(len, answer.pieces()))
            assert not answer.ended and 0 < n < UNREAD_MAX
            line = program.last_line(before)
    assert (line["level"], line["code"], line["sent"]) == ("error", "database_unavailable", "in part")
    assert line["db_errno"] > 0 and line["db_error"]


# Slow readers, and those who leave


def test_a_slow_reader_holds_nothing(program):
    stack = program.stack
    with program.asked(f"/rows?rows={MANY}") as answer:
        stack.wait(program.waits_for_its_reader, "the program waits for its reader")
        with pymysql.connect(unix_socket=str(stack.at.mariadb_sock), user="root", database="marketingcli",
                             autocommit=True) as db, db.cursor() as cursor:
            cursor.execute("SET lock_wait_timeout = 2, innodb_lock_wait_timeout = 2")
            cursor.execute("UPDATE fixture_rows SET text = LPAD(id, 60, '.') WHERE id IN (1, 500, 200000)")
            cursor.execute("LOCK TABLES fixture_rows WRITE")
            cursor.execute("UNLOCK TABLES")
            cursor.execute("ALTER TABLE fixture_rows ADD COLUMN later INT")
            cursor.execute("ALTER TABLE fixture_rows DROP COLUMN later")
            cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id IN "
                           f"(SELECT id FROM {CONNECTIONS})")
            assert cursor.fetchone() == (0,)
        assert program.streaming() == 1
        assert read_whole(answer) == expected(MANY)


def test_who_leaves_ends_it(program):
    before = program.lines()
    with program.asked(f"/rows?rows={ROWS}"):
        program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
    line = program.last_line(before)
    assert (line["level"], line["status"], line["code"], line["sent"]) == ("info", 200, "client_gone", "in part")
    assert line["sent_bytes"] < UNREAD_MAX
    assert program.streaming() == 0 and program.requests("2xx") == 1


def test_who_leaves_ends_what_writes_nothing(program):
    """Then it is not the writing that fails: sink_flush looks."""
    before = program.lines()
    with Connection(program.stack, "fixture") as connection:
        connection.give(request(parameters(path="/quiet", QUERY_STRING=f"rows={ROWS}"))[0])
        program.stack.wait(lambda: program.streaming() == 1, "it has begun")
    line = program.last_line(before)
    assert (line["level"], line["code"], line["sent_bytes"]) == ("info", "client_gone", 0)
    with program.asked(f"/quiet?rows={FEW}") as answer:
        assert b"".join(answer.pieces()) == b"" and answer.ended and headers(answer)["Status"] == "200 OK"


# The stop


def test_a_stop_lets_a_reader_finish(program):
    with program.asked(f"/rows?rows={MANY}") as answer:
        program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
        program.process.send_signal(signal.SIGTERM)
        assert read_whole(answer) == expected(MANY)
    assert program.process.wait(GRACE_SEC + 20) == 0


def test_a_stop_does_not_wait_for_a_slow_reader(program):
    before = program.lines()
    with program.asked(f"/rows?rows={ROWS}") as answer:
        program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
        program.end()
        n = sum(map(len, answer.pieces()))
        assert not answer.ended and n < UNREAD_MAX
    line = program.last_line(before)
    assert (line["level"], line["code"], line["sent"]) == ("error", "unavailable", "in part")


# Through nginx

NGINX = """
daemon off;
worker_processes 1;
user {user};
pid {at}/pid;
error_log stderr;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {at}/body;
	proxy_temp_path {at}/proxy;
	fastcgi_temp_path {at}/fastcgi;
	uwsgi_temp_path {at}/uwsgi;
	scgi_temp_path {at}/scgi;
	map $uri $mcli_request_id {{ default $request_id; }}
	map $uri $mcli_path {{ default $uri; }}
	map $uri $mcli_query {{ default $args; }}
	server {{
		listen 127.0.0.1:{port};
		listen 127.0.0.1:{port2} http2;
		location / {{
			include {snippets}/fastcgi.conf;
			fastcgi_max_temp_file_size 0;
			fastcgi_pass unix:{socket};
		}}
	}}
}}
"""


class Nginx:
    def __init__(self, stack, at):
        self.port, self.at = free_port(), at
        self.port2 = free_port(self.port)
        conf, self.log = at / "nginx.conf", at / "log"
        conf.write_text(NGINX.format(user="root" if os.geteuid() == 0 else "nobody", at=at, port=self.port, port2=self.port2,
                                     snippets=stack.at.nginx / "snippets", socket=stack.at.run / "fixture.sock"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", f"{at}/", "-e", "stderr", "-c", conf], stdout=log,
                                            stderr=log)
        stack.wait(self.listens, "nginx listens")

    def listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        return connection.getresponse()

    def curl(self, path):
        """(exit code, bytes) over HTTP/2."""
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", f"http://127.0.0.1:{self.port2}{path}"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return done.returncode, len(done.stdout)

    def spooled(self):
        """Files of answers on its disk, those without a name too."""
        workers = [p for p in pathlib.Path("/proc").glob("[0-9]*") if parent_of(p) == self.process.pid]
        assert workers
        opened = [os.readlink(fd) for worker in workers for fd in (worker / "fd").iterdir()]
        return [name for name in opened if str(self.at / "fastcgi") in name] + list((self.at / "fastcgi").glob("*"))


def parent_of(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.fixture
def nginx(program, tmp_path):
    folder = tmp_path / "nginx"
    folder.mkdir()
    made = Nginx(program.stack, folder)
    yield made
    made.process.terminate()
    assert made.process.wait(10) == 0


def test_through_nginx(program, nginx):
    answer = nginx.get(f"/rows?rows={MANY}")
    assert answer.status == 200 and hashlib.sha256(answer.read()).hexdigest() == expected(MANY)[1]
    assert nginx.curl(f"/rows?rows={MANY}") == (0, expected(MANY)[0])


def test_through_nginx_a_broken_answer_looks_broken(program, nginx):
    with pytest.raises(http.client.IncompleteRead):
        nginx.get(f"/rows?rows={ROWS}&fail_at={FEW}").read()
    code, n = nginx.curl(f"/rows?rows={ROWS}&fail_at={FEW}")
    assert code != 0 and n < len(body_of(FEW))


def test_through_nginx_a_slow_reader_fills_no_disk(program, nginx):
    answer = nginx.get(f"/rows?rows={MANY}")
    program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
    assert nginx.spooled() == []
    assert hashlib.sha256(answer.read()).hexdigest() == expected(MANY)[1]


def test_through_nginx_who_leaves_ends_it(program, nginx):
    before = program.lines()
    answer = nginx.get(f"/rows?rows={ROWS}")
    program.stack.wait(program.waits_for_its_reader, "the program waits for its reader")
    answer.close()
    assert program.last_line(before)["code"] == "client_gone"
