"""Standing jobs, which each worker has: housekeeping of jobs_publish, sweep and usage of jobs_media, tidy and expiring of jobs_mail."""

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
