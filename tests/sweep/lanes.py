"""Several stacks side by side: each in a process of its own, which takes the next task when it is done with one. A run waits
more than it computes."""

import multiprocessing
import queue
import signal
import sys
import traceback

ALIVE_EVERY_SEC = 5


def leave(*_):
    for signo in (signal.SIGINT, signal.SIGTERM):  # once is enough
        signal.signal(signo, signal.SIG_IGN)
    sys.exit(1)


def lane(work, tasks, answers):
    """In the child: work is a context manager that gives what does a task."""
    for signo in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signo, leave)
    try:
        with work() as do:
            for task in iter(tasks.get, None):
                answers.put(("done", do(task)))
        answers.put(("ended", None))
    except BaseException:  # whatever it is: the parent waits for word
        answers.put(("broken", traceback.format_exc()))


class Lanes:
    """with Lanes(n, work) as lanes: for answer in lanes.deal(tasks): ... in the order in which they are done."""

    def __init__(self, n, work):
        context = multiprocessing.get_context("fork")
        self.tasks, self.answers = context.Queue(), context.Queue()
        self.processes = [context.Process(target=lane, args=(work, self.tasks, self.answers)) for _ in range(n)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def answer(self, expected):
        while True:
            try:
                how, what = self.answers.get(timeout=ALIVE_EVERY_SEC)
            except queue.Empty:
                assert all(p.exitcode in (None, 0) for p in self.processes), "a lane has died"
                continue
            assert how == expected, f"{how}:\n{what}"
            return what

    def deal(self, tasks):
        for task in tasks:
            self.tasks.put(task)
        for _ in tasks:
            yield self.answer("done")

    def __exit__(self, kind, *_):
        """The stacks end, which also looks at their logs."""
        for _ in self.processes:
            self.tasks.put(None)
        try:
            if kind is None:
                for _ in self.processes:
                    self.answer("ended")
        finally:
            for process in self.processes:
                if kind is not None:
                    process.terminate()
                process.join(90)
