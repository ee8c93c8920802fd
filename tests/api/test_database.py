"""How the programs reach a MariaDB on another machine: by TLS, which is verified, or not at all; and what its files hold as it is shipped. The
servers are real, and of their own: one test each."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import pymysql
import pytest
from conftest import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "stack"))

from layout import AS_ROOT  # noqa: E402
from render import find_program, openssl  # noqa: E402

SMALL = ["--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M", "--innodb-flush-method=nosync", "--performance-schema=0",
         "--skip-grant-tables"]
NOBODY = ["--user=nobody"] if AS_ROOT else []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def mariadb(folder, *options, first="--no-defaults"):
    """A server in a folder of its own, where everybody is let in. Its socket; what it said is in the folder's log."""
    data, sock = folder / "data", folder / "s"
    data.mkdir(exist_ok=True)
    if AS_ROOT:
        for path in (folder, data):
            shutil.chown(path, "nobody")
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(["/usr/sbin/mariadbd", first, f"--datadir={data}", f"--socket={sock}", f"--pid-file={folder}/pid", f"--tmpdir={data}",
                                   f"--port={free_port()}", *SMALL, *NOBODY, *options], stdout=log, stderr=log)
    try:
        def answers():
            assert server.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(pymysql.MySQLError):
                return pymysql.connect(unix_socket=str(sock), user="root")
        wait_for(answers, "MariaDB answers").close()
        yield sock
    finally:
        server.terminate()
        server.wait(60)


def new_folder(prefix):
    """Where MariaDB's user may come, unlike pytest's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def folder():
    made = new_folder("mcli-database-")
    yield made
    shutil.rmtree(made, ignore_errors=True)


# --- TLS


@pytest.fixture(scope="module")
def tls():
    """A CA, another one, and a certificate of the first for localhost alone."""
    folder = new_folder("mcli-tls-")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for ca in ("ca", "other"):
        openssl("req", "-x509", *key, "-days", 2, "-subj", f"/CN={ca}", "-keyout", folder / f"{ca}.key", "-out", folder / f"{ca}.crt")
    (folder / "ext").write_text("subjectAltName=DNS:localhost\n")
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", folder / "leaf.key", "-out", folder / "leaf.csr")
    openssl("x509", "-req", "-in", folder / "leaf.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", 2,
            "-extfile", folder / "ext", "-out", folder / "leaf.crt")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def reaches(folder, port, host, ca):
    """What the admin tool says, which looks first whether the database fits."""
    conf = folder / "conf"
    conf.write_text(f"[service]\nurl = https://localhost\n[database]\nhost = {host}\nport = {port}\nca_file = {ca}\n")
    done = subprocess.run([find_program(os.environ["MARKETINGCLI_BUILD"], "marketingcli-admin"), "user", "list", "--database", "test"],
                          env={**os.environ, "MARKETINGCLI_CONF": str(conf)}, capture_output=True, text=True)
    assert done.returncode == 1, done
    return done.stderr


MET = "the database schema is older"  # it came so far as to look


def test_a_database_elsewhere_is_reached_by_tls_that_is_verified(folder, tls):
    port = free_port()
    with mariadb(folder, f"--port={port}", "--bind-address=127.0.0.1", f"--ssl-cert={tls}/leaf.crt", f"--ssl-key={tls}/leaf.key",
                 f"--ssl-ca={tls}/ca.crt") as sock:
        with pymysql.connect(unix_socket=str(sock), user="root", autocommit=True) as db:
            db.cursor().execute("CREATE DATABASE test")
        assert MET in reaches(folder, port, "localhost", tls / "ca.crt")
        for host, ca in (("localhost", tls / "other.crt"), ("127.0.0.1", tls / "ca.crt"), ("localhost", ""), ("localhost", tls / "none.crt")):
            said = reaches(folder, port, host, ca)
            assert MET not in said and re.search("SSL|TLS|certificate", said), (host, ca, said)
    with mariadb(folder, f"--port={port}", "--bind-address=127.0.0.1", "--skip-ssl"):
        said = reaches(folder, port, "localhost", tls / "ca.crt")
        assert MET not in said and re.search("SSL|TLS", said), said


# --- encryption at rest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
SHIPPED = CHECKOUT / "sql/mariadb-encryption.cnf"
MARKER = b"This is the title of ada, which nobody may read on the disk"


@pytest.fixture(scope="module")
def plugin():
    """The folder with MariaDB's plugin, which is in Debian's mariadb-server; of that the tests need nothing else."""
    own = pathlib.Path("/usr/lib/mysql/plugin")
    if (own / "file_key_management.so").exists():
        yield own
        return
    folder = new_folder("mcli-plugin-")
    for argv in (["apt-get", "download", "mariadb-server"], ["sh", "-c", "dpkg-deb -x mariadb-server_*.deb ."]):
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"install mariadb-server: {done.stderr}"
    yield folder / "usr/lib/mysql/plugin"
    shutil.rmtree(folder)


def written(folder, *options, first="--no-defaults"):
    """Which of the server's files hold what was written to a table, as all of ours are (tests/lint/schema)."""
    with mariadb(folder, "--log-bin=binlog", "--server-id=1", "--innodb-fast-shutdown=0", *options, first=first) as sock:
        with pymysql.connect(unix_socket=str(sock), user="root", autocommit=True) as db, db.cursor() as cursor:
            cursor.execute("CREATE DATABASE test")
            cursor.execute("CREATE TABLE test.table_of_ours (id INT PRIMARY KEY, title VARCHAR(100), big LONGTEXT, KEY (title)) ENGINE=InnoDB")
            for id in range(50):
                cursor.execute("INSERT INTO test.table_of_ours VALUES (%s, %s, %s)", (id, MARKER.decode(), MARKER.decode() * 400))
    held = {path.name for path in (folder / "data").rglob("*") if path.is_file() and MARKER in path.read_bytes()}
    return {next((kind for kind in ("table_of_ours", "ib_logfile", "binlog") if kind in name), name) for name in held}


def test_the_files_as_they_are_shipped_hold_nothing_that_can_be_read(folder, plugin):
    plain, sealed = folder / "plain", folder / "sealed"
    plain.mkdir()
    sealed.mkdir()
    # So the search finds it where it is.
    assert written(plain) >= {"table_of_ours", "ib_logfile", "binlog"}
    key = sealed / "keys"
    subprocess.run([CHECKOUT / "tools/generate/database-key.sh", key], check=True, capture_output=True)
    assert re.fullmatch(r"1;[0-9a-f]{64}\n", key.read_text()) and key.stat().st_mode & 0o007 == 0
    made = key.read_bytes()
    subprocess.run([CHECKOUT / "tools/generate/database-key.sh", key], check=True)
    assert key.read_bytes() == made  # another key would open nothing
    key.chmod(0o644)
    conf = sealed / "my.cnf"
    text, n = re.subn(r"(?m)^file_key_management_filename = \S+$", f"file_key_management_filename = {key}", SHIPPED.read_text())
    assert n == 1
    conf.write_text(text)
    assert written(sealed, f"--plugin-dir={plugin}", first=f"--defaults-file={conf}") == set()
    with pytest.raises(AssertionError):  # nor does anybody work with them who has no key
        key.unlink()
        with mariadb(sealed, f"--plugin-dir={plugin}", first=f"--defaults-file={conf}"):
            pass
