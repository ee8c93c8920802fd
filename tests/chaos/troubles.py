"""What is done to the programs while people post. A new trouble is a row of TROUBLES."""

import contextlib
import os
import signal
import threading
import time

import pymysql

from world import LEASE_SEC  # of tests/sweep, which bad_tiktok has found

SECOND_AWAY_SEC = 1.0  # at most, from its death to the next
INIT_SOON_SEC = 3  # how long to wait for an init to be under way
WEIGHT = 200  # rows: InnoDB gives up the transaction that has changed less
ANSWER_SEC = 3  # how long a worker that lives takes at most, from TikTok's answer to the lock it waits for
LOOK_SEC = 0.15  # InnoDB makes these tables of information_schema anew only for who has not read them for 0.1 s


class Troubles:
    def __init__(self, world, history, tiktok, rng):
        self.world, self.stack, self.history, self.tiktok, self.rng = world, world.stack, history, tiktok, rng
        self.deck = []

    def next(self):
        """All of them in a drawn order, and then again."""
        if not self.deck:
            self.deck = [name for name, row in TROUBLES.items() for _ in range(row[1])]
            self.rng.shuffle(self.deck)
        name = self.deck.pop()
        self.history.note("trouble", name=name)
        TROUBLES[name][0](self)

    # The workers

    def kill(self, worker):
        """SIGKILL, at once. The stack's supervisor starts the first again, and we the second."""
        if worker == "second":
            assert self.world.second.poll() is None, f"the second worker ended by itself: {self.world.second.returncode}"
            pid = self.world.second.pid
        else:
            pid = self.stack.wait(lambda: self.stack.pid("worker-publish"), "the first worker runs")
        self.history.note("killed", worker=worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if worker == "second":
            self.world.second.wait()
            self.world.second = None
        else:
            self.stack.wait(lambda: self.stack.pid("worker-publish") != pid, "the first worker is dead")

    def start_second(self):
        self.world.start_second_worker("worker-publish")

    def kill_one(self):
        worker = self.rng.choice(("first", "second"))
        self.kill(worker)
        if worker == "second":
            time.sleep(self.rng.uniform(0, SECOND_AWAY_SEC))
            self.start_second()

    def kill_both(self):
        """While an init is under way; then nobody works until all leases are over."""
        self.stack.wait(lambda: self.stack.pid("worker-publish"), "the first worker runs")  # held from here on, it would not come
        end = time.monotonic() + INIT_SOON_SEC
        while self.tiktok.open_inits == 0 and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(self.rng.uniform(0, 0.1))
        (self.stack.at.hold / "worker-publish").touch()
        for worker in self.rng.sample(("first", "second"), 2):
            self.kill(worker)
        self.time_passes()

    def stop_both(self):
        """As for an update of the programs; and it takes a while."""
        self.world.hold("worker-publish")
        self.world.end_second_worker()
        self.time_passes()

    def time_passes(self):
        """No worker runs: none may find that its lease has ended under its hands, because no machine's clock does that."""
        self.stack.move_clock(LEASE_SEC + 10)
        self.history.note("later", seconds=LEASE_SEC + 10)
        self.world.let_go("worker-publish")
        self.start_second()

    # The rest

    def freeze_database(self):
        pid = self.stack.kill("mariadb", signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 3))
        os.kill(pid, signal.SIGCONT)

    def kill_database(self):
        self.stack.kill("mariadb")
        self.stack.wait(self.stack.database_answers, "MariaDB answers again")

    def restart_nginx(self):
        self.stack.restart("nginx")

    def restart_posts(self):
        self.stack.restart("posts")

    def kill_posts(self):
        self.stack.kill("posts")

    def lose_tiktok(self):
        self.tiktok.refuse_connections(self.rng.randrange(1, 8))


# The method, and how often it comes while all come once.
TROUBLES = {
    "one worker is killed": (Troubles.kill_one, 3),
    "both workers are killed": (Troubles.kill_both, 2),
    "both workers are stopped": (Troubles.stop_both, 1),
    "the database stands still": (Troubles.freeze_database, 1),
    "the database is killed": (Troubles.kill_database, 1),
    "nginx is restarted": (Troubles.restart_nginx, 1),
    "posts is restarted": (Troubles.restart_posts, 1),
    "posts is killed": (Troubles.kill_posts, 1),
    "TikTok cannot be reached": (Troubles.lose_tiktok, 1),
}

# The turn whose run has sent this post, and the post.
TURN = ("SELECT j.id AS job, p.id AS post FROM posts p JOIN jobs_publish j ON j.kind = 'turn' AND j.subject_id = p.account_id"
        " WHERE p.description = %s")
# Transactions of the worker that have changed something and wait for a lock of ours.
WAITING = ("SELECT COUNT(*) AS n FROM information_schema.INNODB_LOCK_WAITS w"
           " JOIN information_schema.INNODB_TRX us ON us.trx_id = w.blocking_trx_id"
           " JOIN information_schema.INNODB_TRX them ON them.trx_id = w.requesting_trx_id"
           " JOIN information_schema.PROCESSLIST p ON p.id = them.trx_mysql_thread_id"
           " WHERE us.trx_mysql_thread_id = CONNECTION_ID() AND them.trx_rows_modified > 0 AND p.user = 'marketingcli_worker_publish'")


class Conflicts:
    """Somebody who takes the locks of a turn in the other order: its job, and then its post. TikTok holds its answer until the job is
    ours. The worker, which writes that answer down, has the post by then and wants the job, and loses. It must write it all the same."""

    def __init__(self, stack, history, tiktok, pause_sec):
        self.stack, self.history, self.tiktok, self.pause_sec = stack, history, tiktok, pause_sec
        self.stop = threading.Event()
        stack.sql("CREATE DATABASE IF NOT EXISTS chaos")
        stack.sql("CREATE TABLE IF NOT EXISTS chaos.weight (n INT PRIMARY KEY) ENGINE=InnoDB")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def end(self):
        self.stop.set()
        self.thread.join()

    def run(self):
        while not self.stop.wait(self.pause_sec):
            with contextlib.suppress(pymysql.MySQLError):  # the database is away now and then
                while not self.stop.is_set() and not self.meet():
                    pass

    def meet(self):
        """With the next init. True once there was a deadlock."""
        try:
            description = self.tiktok.hold_init(self.stop)
            if description is None:
                return False
            with pymysql.connect(unix_socket=str(self.stack.at.mariadb_sock), user="root", database="marketingcli",
                                 cursorclass=pymysql.cursors.DictCursor, read_timeout=5) as connection, connection.cursor() as cursor:
                return self.close_the_circle(cursor, description)
        finally:
            self.tiktok.release()

    def close_the_circle(self, cursor, description):
        before = self.deadlocks(cursor)
        cursor.executemany("INSERT INTO chaos.weight VALUES (%s)", [(n,) for n in range(WEIGHT)])
        cursor.execute(TURN, description)
        turn = cursor.fetchone()
        if turn is None:
            return False  # it took so long to come here that the worker has given up
        cursor.execute("SELECT id FROM jobs_publish WHERE id = %s FOR UPDATE", turn["job"])
        self.tiktok.release()
        if not self.is_waited_for(cursor):
            return False  # the worker has died
        try:
            cursor.execute("SELECT id FROM posts WHERE id = %s FOR UPDATE", turn["post"])
            lost_by = "programs"
        except pymysql.OperationalError as e:
            if e.args[0] != 1213:
                raise
            lost_by = "us"
        met = self.deadlocks(cursor) > before
        if met:
            self.history.note("conflict", lost_by=lost_by)
        return met

    def is_waited_for(self, cursor):
        end = time.monotonic() + ANSWER_SEC
        while time.monotonic() < end:
            cursor.execute(WAITING)
            if cursor.fetchone()["n"] > 0:
                return True
            time.sleep(LOOK_SEC)
        return False

    def deadlocks(self, cursor):
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
        return int(cursor.fetchone()["Value"])
