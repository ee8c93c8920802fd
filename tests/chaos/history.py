"""The record of a chaos run: JSON lines, each with "what" and the programs' time at which it was written ("at_us").

    create     a request for a post: account, user, description, begun_us, how the client was answered (done, nothing, refused,
               unknown), and the id that the answer names
    read       an answer to GET /posts/{id}: id, begun_us, status, code
    init       one that reached TikTok: description, arrived_us, seconds, fault, said and given (what TikTok answered, and what
               went back whole: each a status and a publish_id, or nothing)
    killed     a worker: which
    conflict   two transactions that wanted each other's locks: whose was given up (ours, the programs')
    trouble    what else was done to the programs: name
    later      the programs' clock was moved, while no worker ran: seconds
    post       at the end, what the API says of a post: user, post
    at_tiktok  at the end, a post as the simulator has it: description, status, publish_id
"""

import json
import pathlib
import threading
import time


class History:
    """Writes it, from any thread."""

    def __init__(self, path, stack):
        self.file, self.stack, self.lock = open(path, "w"), stack, threading.Lock()

    def now_us(self):
        """The programs' time, which the run moves."""
        clock = self.stack.at.test / "clock"
        return time.time_ns() // 1000 + (int(clock.read_text()) if clock.exists() else 0)

    def note(self, what, **fields):
        line = json.dumps({"what": what, "at_us": self.now_us(), **fields})
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()

    def close(self):
        self.file.close()


def read(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
