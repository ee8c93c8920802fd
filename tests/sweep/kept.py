"""A world as a flow wants it at its start: made once through the API, and then put back before each run, rows, files and
time. Nothing of the run before is left."""

import os
import subprocess
import tempfile

from world import WORKERS

from helpers import Client  # isort: skip
from conftest import User

EPOCH_BYTES = 16
LAST = ("sandbox_publishes", *WORKERS.values())  # put back last: the simulator and the workers that run begin with them


def clients_of(state):
    for value in vars(state).values():
        if isinstance(value, Client):
            yield value
        if isinstance(value, User):
            yield value.web


def clear(world):
    """No rows, no files and nothing at Stripe; the tables that are empty are left alone."""
    if world.stripe is not None:
        world.stripe.clear()
    sql = world.stack.sql
    sql("SET FOREIGN_KEY_CHECKS = 0")
    for row in sql(" UNION ALL ".join(f"(SELECT '{t}' AS name FROM {t} LIMIT 1)" for t in world.tables)):
        sql(f"DELETE FROM {row['name']}")
    if world.files():
        subprocess.run(["find", world.stack.at.store, "-mindepth", "1", "!", "-name", ".*", "-delete"], check=True)
    sql("UPDATE stores SET part = NULL, place = NULL, missing = 0, strays = 0, strays_before = NULL, looked_at_us = %s", world.now_us())


def let_end(world):
    """Workers that run have no more jobs, and are at none: nothing is taken from under them."""
    for table in WORKERS.values():
        world.stack.sql(f"DELETE FROM {table}")
    at = [world.metrics_of(worker) for worker in WORKERS if not world.is_held(worker)]
    world.stack.wait(lambda: all(world.open_runs(path) == 0 for path in at), "no worker is at a job", 60)


class Kept:
    def __init__(self, world, state):
        self.at_us, self.state = world.now_us(), dict(vars(state))
        self.held = {w for w in WORKERS if world.is_held(w)}
        tables = sorted(world.tables, key=lambda t: t in LAST)
        self.rows = {t: rows for t in tables if (rows := world.stack.sql(f"SELECT * FROM {t}"))}
        self.cookies = [(c, c.cookies.copy()) for c in clients_of(state)]
        self.files = tempfile.TemporaryDirectory(prefix="mcli-kept-") if world.files() else None
        if self.files is not None:
            subprocess.run(["cp", "-a", f"{world.stack.at.store}{os.sep}.", self.files.name], check=True)

    def put_back(self, world):
        """Returns the state, as it was."""
        for worker in WORKERS:
            (world.hold if worker in self.held else world.let_go)(worker)
        world.set_time(self.at_us)
        let_end(world)
        clear(world)
        if self.files is not None:
            subprocess.run(["cp", "-a", f"{self.files.name}{os.sep}.", world.stack.at.store], check=True)
        for table, rows in self.rows.items():
            names = ", ".join(f"`{name}`" for name in rows[0])
            places = ", ".join(["%s"] * len(rows[0]))
            for row in rows:
                world.stack.sql(f"REPLACE INTO {table} ({names}) VALUES ({places})", *row.values())
        for client, cookies in self.cookies:
            client.cookies = cookies.copy()
        # The programs know the same key from the run before: a look at its row is a step of this one, too (lib/base/epoch.h).
        (world.stack.at.run / "keys.epoch").write_bytes(os.urandom(EPOCH_BYTES))
        return self.state
