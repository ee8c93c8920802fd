"""Users with a plan, and what it comes to."""

import contextlib
import datetime
import uuid

from helpers import expect


def grant(user, plan, *more):
    done = user.stack.admin("billing", "grant", user.id, plan, *more)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def revoke(user):
    done = user.stack.admin("billing", "revoke-grant", user.id)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def billing(user):
    return expect(user.web.get("/api/v1/billing"), 200)["data"]


def limits(user):
    """{name: (limit, used)}"""
    return {row["name"]: (row["limit"], row["used"]) for row in billing(user)["limits"]}


def counted(user):
    rows = user.stack.sql("SELECT posts FROM plan_counters WHERE user_id = %s", uuid.UUID(user.id).bytes)
    return rows[0]["posts"] if rows else 0


def at_limit(answer, name, limit, used, plan, allowed_by):
    """The 402 that says all this."""
    error = expect(answer, 402, "plan_limit_reached")["error"]
    (detail,) = error["details"]
    assert (error["type"], error["retryable"], error["param"]) == ("plan", False, name), error
    told = {k: detail.get(k) for k in ("code", "param", "limit", "used", "plan", "allowed_by_plan")}
    assert told == {"code": "plan_limit_reached", "param": name, "limit": limit, "used": used, "plan": plan,
                    "allowed_by_plan": allowed_by}, detail
    assert str(limit) in error["message"] and (allowed_by or "No plan") in error["message"], error
    return error


def now(stack):
    clock = stack.at.test / "clock"
    moved = int(clock.read_text()) if clock.exists() else 0
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(microseconds=moved)


def in_days(stack, days):
    return (now(stack) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def to_next_month(stack):
    """A minute after it began."""
    day = now(stack)
    first = (day.replace(day=1, hour=0, minute=1, second=0, microsecond=0) + datetime.timedelta(days=32)).replace(day=1)
    stack.move_clock((first - day).total_seconds())


def far_from_the_months_end(stack):
    """So that it does not end in the middle of a test."""
    if (now(stack) + datetime.timedelta(hours=1)).month != now(stack).month:
        to_next_month(stack)


@contextlib.contextmanager
def subscribed(user, **columns):
    """A row as worker@billing will write it, with what it comes to; tests of Stripe have more."""
    values = {"user_id": uuid.UUID(user.id).bytes, "customer_id": f"cus_{user.number}", "subscription_id": f"sub_{user.number}",
              "created_at_us": 1, "updated_at_us": 1, **columns}
    user.stack.sql(f"REPLACE INTO subscriptions ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", *values.values())
    try:
        yield
    finally:
        user.stack.sql("DELETE FROM subscriptions WHERE user_id = %s", values["user_id"])
