"""Standing jobs, which each worker has: housekeeping of jobs_publish, sweep, usage and check of jobs_media, tidy and expiring of jobs_mail."""

import time
import uuid

from conftest import PATIENCE_SEC

LONG_DUE_US = 1_000_000


def hurry(stack, table, kind):
    """The job begins anew. Not the run that is under way, if one is: it may have looked already at what a test has changed."""
    idle = f"{table} WHERE kind = '{kind}' AND lease_token IS NULL"
    stack.wait(lambda: stack.sql(f"SELECT 1 FROM {idle}"), f"nobody is at {kind}", 3 * PATIENCE_SEC)  # a killed worker's lease is two minutes
    stack.sql(f"UPDATE {table} SET run_at_us = {LONG_DUE_US} WHERE kind = '{kind}' AND lease_token IS NULL")


def run(stack, table, kind):
    """It has run, from its beginning to its end."""
    hurry(stack, table, kind)
    stack.wait(lambda: stack.sql(f"SELECT 1 FROM {table} WHERE kind = '{kind}' AND lease_token IS NULL AND run_at_us > {LONG_DUE_US}"),
               f"{kind} has run")


def look(stack, store, **state):
    """The daily look at that store, now; state: columns of its row before (lib/model/upload/upload_check.h)."""
    state = {"part": None, "place": None, "missing": 0, "strays": 0, "strays_before": None, **state, "looked_at_us": 0}
    stack.wait(lambda: stack.sql("SELECT 1 FROM stores WHERE store = %s AND looked_at_us > 0", store), "the worker has looked by itself")
    stack.sql(f"UPDATE stores SET {', '.join(f'{name} = %s' for name in state)} WHERE store = %s", *state.values(), store)
    hurry(stack, "jobs_media", "check")
    return stack.wait(lambda: stack.sql("SELECT * FROM stores WHERE store = %s AND looked_at_us > 0", store), f"{store} was looked at")[0]


def old_id():
    """Such a UUIDv7 as was made two days ago."""
    made = bytearray(uuid.uuid4().bytes)
    made[:6] = (int(time.time() * 1000) - 2 * 86400 * 1000).to_bytes(6, "big")
    made[6] = 0x70 | made[6] & 15
    return str(uuid.UUID(bytes=bytes(made)))
