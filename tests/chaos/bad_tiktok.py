"""TikTok behind a bad network: a share of the requests to the simulator meets a fault, and what became of each init is noted."""

import contextlib
import json
import pathlib
import queue
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[1:1] = [str(TESTS / name) for name in ("sweep", "fakes")]

from transport import BAD_GATEWAY_PAGE, INTERNAL_ERROR, Transport  # noqa: E402

INIT = "/v2/post/publish/content/init/"
RATE_LIMITED = (429, json.dumps({"data": {}, "error": {"code": "rate_limit_exceeded", "message": "", "log_id": "L"}}))

# The first row that fits. Not of tokens: a pair that is lost ends a connection, and then its posts wait for days.
SHARES = [
    (INIT, {"slow": 0.15, "drop_after": 0.03, "fail_after": 0.02, "cut": 0.02, "drop": 0.02, "hang": 0.01, INTERNAL_ERROR: 0.01,
            BAD_GATEWAY_PAGE: 0.01, RATE_LIMITED: 0.01}),
    ("/v2/post/publish/", {"slow": 0.03, "drop": 0.02, "cut": 0.01, INTERNAL_ERROR: 0.02}),
]
SLOW_SEC = (0.2, 1.5)


def answer_of(answer):
    """Of what TikTok says to an init, what matters."""
    if answer is None:
        return None
    try:
        publish_id = json.loads(answer[1])["data"].get("publish_id")
    except (ValueError, KeyError, AttributeError):
        publish_id = None
    return {"status": answer[0], "publish_id": publish_id}


def description_of(exchange):
    """None when the init's sender died in the middle of it."""
    try:
        return json.loads(exchange.body)["post_info"]["description"]
    except ValueError:
        return None


class BadTiktok(Transport):
    def __init__(self, stack, history, rng):
        super().__init__(stack)
        self.history, self.rng, self.open_inits = history, rng, 0
        self.calm, self.to_hold, self.held = threading.Event(), threading.Event(), queue.SimpleQueue()

    def hold_init(self, stop):
        """The description of the next init that comes: TikTok takes it, and answers after release(). None once stop is set."""
        self.released.clear()
        self.to_hold.set()
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                return self.held.get(timeout=0.1)
        self.to_hold.clear()
        return None

    def next_fault(self, exchange):
        with self.lock:
            drawn, seconds = self.rng.random(), self.rng.uniform(*SLOW_SEC)
            if exchange.path == INIT and self.to_hold.is_set() and description_of(exchange) is not None:
                self.to_hold.clear()
                self.held.put(description_of(exchange))
                return "held", 0
        if not self.calm.is_set():
            for kind, share in next((kinds for prefix, kinds in SHARES if exchange.path.startswith(prefix)), {}).items():
                if drawn < share:
                    return kind, seconds
                drawn -= share
        return None, 0

    def begun(self, exchange):
        exchange.arrived_us = self.history.now_us()
        with self.lock:
            self.open_inits += exchange.path == INIT

    def done(self, exchange):
        if exchange.path != INIT:
            return
        with self.lock:
            self.open_inits -= 1
        description = description_of(exchange)
        if description is None:
            return
        seconds = time.monotonic() - exchange.began
        kind = exchange.kind if exchange.kind is None or isinstance(exchange.kind, str) else f"answers {exchange.kind[0]}"
        self.history.note("init", description=description, arrived_us=exchange.arrived_us, seconds=round(seconds, 3), fault=kind,
                          said=answer_of(exchange.said), given=answer_of(exchange.given))
