"""What a run may lose, and what it must: the answer to a call that works only once, when whoever has it dies before it is written down.
Nothing else, and nothing after any other fault: who must end while the database is away leaves what it has to the next one. It is read from the steps that the programs have counted (lib/base/fault.h): which
process did them, in which transaction, and whether they were done.

    at_risk(INIT, steps, kind, at)    how many of the results are lost: (at least, at most)

These differ only when a step was under way in another thread of the process as it died: nobody knows whether it was done."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Result:
    """Of calls to a provider that must not be repeated, or whose answer cannot be had twice."""
    call: str  # in the step's name
    promised: str | None  # the statement by which a call is written down before it is made: from its COMMIT on nobody else may make it
    kept: str  # the statement that writes down what has come of it
    is_doubtful: bool  # whether a call that fails once it is under way counts as made

    def is_call(self, step):
        return step.what.startswith(("https://", "smtp://", "smtps://")) and self.call in step.what


INIT = Result("/content/init/", "INSERT INTO post_attempts", "UPDATE post_attempts SET state = ?", True)
TOKENS = Result("/oauth/token/", None, "UPDATE accounts FORCE INDEX (PRIMARY) SET access_token = COALESCE(?", False)
MAIL = Result("smtp", None, "UPDATE mail_outbox SET state = ?", False)


@dataclasses.dataclass
class Count:
    """Of what has happened: surely, and perhaps."""
    least: int = 0
    most: int = 0

    def add(self, n, is_sure):
        self.least += n * is_sure
        self.most += n


def not_begun(steps, kind, at):
    """The step that met a fault before it was begun. Any other that was not done may have been."""
    return steps[at - 1] if kind in ("kill before", "error", "away") else None


def committed(steps, statement, undone=None):
    """How many rows of the statement."""
    count, of_thread = Count(), {}
    for step in steps:
        if step.what == "START TRANSACTION":
            of_thread[step.thread] = 0
        elif step.what.startswith(statement):
            of_thread[step.thread] = of_thread.get(step.thread, 0) + step.n * (step is not undone)
        elif step.what == "COMMIT" and step is not undone:
            count.add(of_thread.pop(step.thread, 0), step.done)
    return count


def made(result, steps, undone=None):
    """How many calls: those that were answered surely were."""
    count = Count()
    for step in steps:
        if result.is_call(step) and step is not undone:
            count.add(1, step.done)
    return count


def at_risk(result, steps, kind, at):
    if kind is None:
        return 0, 0
    met = steps[at - 1]
    if not kind.startswith("kill"):
        lost = result.is_call(met) and (kind == "lost" or (kind in ("error", "away") and result.is_doubtful))
        return int(lost), int(lost)
    its, undone = [step for step in steps if step.process == met.process], not_begun(steps, kind, at)
    begun = committed(its, result.promised, undone) if result.promised else made(result, its, undone)
    kept = committed(its, result.kept, undone)
    return max(begun.least - kept.most, 0), max(begun.most - kept.least, 0)
