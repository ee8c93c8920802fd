"""Versions of the privacy policy: publishing them, and taking back what a test has published, so that other tests find none."""

import datetime

from mailing import clock_of

ADMIN = ("policy", "publish")


def day(stack, days=0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(microseconds=clock_of(stack), days=days)
    return now.strftime("%Y-%m-%d")


def publish(stack, version, *options, days=0, conf=None, **env):
    """The finished process of marketingcli-admin."""
    return stack.admin(*ADMIN, "--version", version, "--effective", day(stack, days), *options, conf=conf, **env)


def published(stack, version, *options, **more):
    done = publish(stack, version, *options, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def take_back(stack):
    for table in ("policy_notices", "policy_versions"):
        stack.sql(f"DELETE FROM {table}")
    stack.sql("DELETE FROM jobs_mail WHERE kind = 'policy_notice'")
    for path in stack.at.policy.iterdir():
        path.unlink()
