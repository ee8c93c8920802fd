"""pytest plugin: several processes with the same tests share them by files.

A process takes the next file that nobody has, by making a file of that name in $MARKETINGCLI_SHARES. So each file runs
once, with its fixtures of module scope, and who is quick does more.
"""

import itertools
import os
import pathlib

import pytest


def taken(items):
    """The items of the files that this process takes, file by file."""
    folder = pathlib.Path(os.environ["MARKETINGCLI_SHARES"])
    for path, own in itertools.groupby(items, key=lambda item: item.path):
        try:
            (folder / f"{path.stem}.taken").touch(exist_ok=False)
        except FileExistsError:
            continue
        yield from own


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """pytest's own loop, over the items that come. It must know the next one to tell which fixtures are over."""
    if session.testsfailed:
        raise session.Interrupted("errors during collection")
    items = taken(session.items)
    item = next(items, None)
    while item is not None:
        following = next(items, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            raise session.Interrupted(session.shouldfail or session.shouldstop)
        item = following
    return True
