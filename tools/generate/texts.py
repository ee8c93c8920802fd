#!/usr/bin/python3
"""The files of worker/mail/templates/ as rows of a C array: {"verify_email", "..."}, so that a program holds them itself.

    texts.py FILE... >ROWS
"""

import json
import pathlib
import sys

for name in sys.argv[1:]:
    path = pathlib.Path(name)
    lines = "".join(f"\n     {json.dumps(line)}" for line in path.read_text().splitlines(keepends=True))
    print(f'    {{"{path.stem}",{lines}}},')
