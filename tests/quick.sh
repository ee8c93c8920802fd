#!/bin/sh
# The loop of somebody who edits, in seconds: tests/quick.sh up|restart|unit|FILE... (tests/runner/quick.py)
exec /usr/bin/python3 "$(dirname "$0")/runner/quick.py" "$@"
