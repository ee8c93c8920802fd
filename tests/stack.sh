#!/bin/sh
# A private MariaDB, nginx and all programs for people who develop: tests/stack.sh up|down|status|logs [NAME]|shell
exec /usr/bin/python3 "$(dirname "$0")/stack/stack.py" "$@"
