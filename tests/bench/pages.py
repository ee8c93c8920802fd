"""The row about the dashboard, in Debian's Chromium: what each page costs when it is opened for the first time, and a list of 100 000 posts."""

import os
import pathlib
import statistics
import sys

import exporting
import posting  # finds tests/api
from table import show

BROWSER = pathlib.Path(__file__).resolve().parent.parent / "browser"
POSTS, QUICK_POSTS = 100_000, 5000
ROWS_MAX, HEAP_MAX_MB = 3000, 100
FIRST_VIEW_BYTES = 60_000


def driven(bench, stack, name, **asks):
    """What the measurement of that name has told: [{what, ...}]"""
    sys.path.insert(0, str(BROWSER))
    import asks as told_by  # noqa: PLC0415
    import driver  # noqa: PLC0415
    os.environ["MARKETINGCLI_BUILD"] = str(bench.stack.build)
    told = []
    told_by.ASKS.update(asks, told=lambda _, **values: told.append(values))
    with driver.Browser(stack) as browser:
        browser.run("views.measure.mjs", name)
    return told


def pages(bench):
    stack = posting.conftest.Stack(bench.stack.folder)
    views = {}
    for view in driven(bench, stack, "first views", times=lambda _: 1 if bench.rounds == 1 else 5):
        views.setdefault(view["path"], []).append(view)
    what = "First views, from an empty cache"
    bench.table.detail(what, "", "kB", "with what comes after", "requests", "first content, ms", "shift")
    for path, all_of in views.items():
        middle = lambda name: statistics.median(v[name] for v in all_of)  # noqa: B023, E731
        bench.table.detail(what, path, show(middle("bytes") / 1000, 1), show(middle("all_bytes") / 1000, 1), show(middle("requests"), 0), show(middle("content_ms"), 0), show(middle("shift"), 3))
    for path, all_of in views.items():
        bench.table.ratio(f"first view of {path}, kB", [v["bytes"] / 1000 for v in all_of], f"<= {FIRST_VIEW_BYTES // 1000}", digits=1)
    bench.table.ratio("layout shift of any page", [max(v["shift"] for all_of in views.values() for v in all_of)], "<= 0.001", digits=3)

    n_posts = QUICK_POSTS if bench.rounds == 1 else POSTS
    owner = posting.posters(bench, 1)[0]
    exporting.fill(bench, owner, n_posts, 1)
    many = {"id": owner.id, "email": owner.email, "password": owner.password, "most": n_posts}
    with stack.configured("posts", rates_read=600_000):  # 120 pages a minute are as many as one may ask for, and fewer than a wheel turns
        [scrolled] = driven(bench, stack, "a long list", owner_of_many=lambda _: many)
    if scrolled["came"] < n_posts:
        raise RuntimeError(f"the list has ended after {scrolled['came']} posts")
    what = f"list of {n_posts} posts, scrolled to its end"
    bench.table.ratio(f"{what}, posts a second", [scrolled["came"] / scrolled["seconds"]], digits=0)
    bench.table.ratio("the same: 99 of 100 frames within, ms", [scrolled["p99_ms"]], digits=0)
    bench.table.ratio("the same: longest frame, ms", [scrolled["longest_ms"]], digits=0)
    bench.table.ratio("the same: rows that are drawn at its end", [scrolled["rows"]], f"<= {ROWS_MAX}", digits=0)
    bench.table.ratio("the same: memory of the page's objects, MB", [scrolled["heap_mb"]], f"<= {HEAP_MAX_MB}", digits=0)
    bench.table.ratio("the same: memory of the page's process, MB", [scrolled["process_mb"]], digits=0)
