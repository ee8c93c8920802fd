"""Makes of the dashboard's sentences, which are one file for each language, a module for each page, so that a page loads those that it
shows: words.py EN.JS FOLDER. What stands before the first line "\t// pages/…" is common.js, which exports words; each entry after it is
a module by its name, which exports say."""

import pathlib
import re
import shutil
import sys

ENTRY = re.compile(r"^\t(\w+): ")
PAGES = "\t// pages/"


def parts(lines):
    """{name: its lines}, those of what is common under ""."""
    found, name, is_common = {"": []}, "", True
    for line in lines:
        if line.startswith(PAGES):
            is_common = False
            continue
        if (entry := ENTRY.match(line)) and not is_common:
            name = entry[1]
            assert name not in found, f"there are two of {name}"
            line = line[entry.end():]
        found.setdefault(name, []).append(line)
    return found


def module(name, lines):
    if name == "":
        return "export const words = {\n" + "\n".join(line.removeprefix("\t") for line in lines) + "\n};\n"
    body = "\n".join(line.removeprefix("\t\t") if n else line for n, line in enumerate(lines))
    return f"export const say = {body.rstrip().removesuffix(',').removesuffix('}').rstrip()}\n}};\n"


def main(source, folder):
    lines = pathlib.Path(source).read_text().splitlines()
    begin = lines.index("export const words = {")
    folder = pathlib.Path(folder) / "words" / pathlib.Path(source).stem
    shutil.rmtree(folder.parent, ignore_errors=True)  # what an older file made; and the folder's time says that it is new
    folder.mkdir(parents=True)
    for name, of in parts(lines[begin + 1:lines.index("};")]).items():
        (folder / f"{name or 'common'}.js").write_text(module(name, of))


if __name__ == "__main__":
    main(*sys.argv[1:])
