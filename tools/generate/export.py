"""Makes the statements of an export, and what their columns are, from lib/model/privacy/held.def and export.def: as C, on stdout.

The columns are those of held.def that are data: a secret one cannot come in, and a new one comes in by itself."""

import re
import sys

SHOWN = {"DATA", "FLAG", "LIST", "JSON", "DAY", "MONTH"}
FORMS = SHOWN | {"TIME", "UUIDS"}
HIDDEN = {"SECRET", "COPY"}


def rows(text, name, pattern):
    """The rows of a macro; one that cannot be read is a mistake."""
    found = re.findall(rf"^{name}\({pattern}\)$", text, re.M)
    assert len(found) == len(re.findall(rf"^{name}\(", text, re.M)), f"{name}: a row cannot be read"
    return found


TEXT = r'"((?:[^"\\]|\\.)*)"'


def read(held, more):
    """{table: {...}} of those that are exported, in the order of held.def."""
    macros = dict(re.findall(rf"^#define (\w+) {TEXT}$", held, re.M))
    tables = {}
    for table, name, whose_text, whose, file in rows(held, "TABLE", rf'(\w+), "(\w+)", \w+, (?:{TEXT}|(\w+)), "(\w+)", \w+'):
        tables[table] = {"name": name, "file": file, "whose": macros[whose] if whose else whose_text, "parent": None, "keys": [],
                         "order": None, "columns": []}
    columns = rows(held, "COLUMN", r'(\w+), (\w+), (\w+), "[^"]+"')
    instead = {(t, c): e for t, c, e in rows(more, "INSTEAD", rf"(\w+), (\w+), {TEXT}")}
    for table, parent, keys, order in rows(more, "ROWS", rf"(\w+), (\w+), {TEXT}, {TEXT}"):
        t = tables[table]
        t["keys"] = re.split(r", (?![^(]*\))", keys)
        t["order"], t["parent"] = order, None if parent == "NONE" else parent
        if t["parent"]:
            t["inherited"] = len(tables[parent]["keys"])
            assert len(t["keys"]) >= t["inherited"] and tables[parent]["file"] == t["file"], f"{table}: it is not below {parent}"
    for table, column, kind in columns:
        assert kind in SHOWN | HIDDEN, f"{table}.{column}: {kind}"
        if table in tables and kind in SHOWN:
            t = tables[table]
            expression = instead.pop((table, column), None)
            if column in [named(k) for k in t["keys"]]:
                t.setdefault("forms", {})[column] = kind
            else:
                t["columns"].append((column, kind, expression or column))
    assert not instead, f"INSTEAD of no column: {instead}"
    for table, kind, name, expression in rows(more, "MORE", rf"(\w+), (\w+), (\w+), {TEXT}"):
        assert kind in FORMS, f"{table}.{name}: {kind}"
        tables[table]["columns"].append((name, kind, expression))
    secret = {(t, c) for t, c, k in columns if k in HIDDEN}
    for table, t in tables.items():
        words = {w for part in t["keys"] + [e for _, _, e in t["columns"]] for w in re.findall(r"\w+", part)}
        bad = {c for s, c in secret if s == table and c in words}
        assert not bad, f"{table}: {bad} is secret, or a copy"
    assert all(t["keys"] or t["columns"] for t in tables.values()), [k for k, t in tables.items() if not t["keys"] and not t["columns"]]
    return tables


def named(key):
    return key.rsplit(" AS ", 1)[-1]


def form(column, kind):
    """Its name for people, and how it is shown."""
    if kind == "DATA" and column.endswith("_us"):
        return column[:-3], "TIME"
    return column, kind


def quoted(text):
    return '"' + text + '"'


def made(tables):
    out = ['#include "model/privacy/export_private.h"', "", f"_Static_assert({len(tables)} <= EXPORT_TABLES_MAX, \"EXPORT_TABLES_MAX\");", ""]
    index = {table: i for i, table in enumerate(tables)}
    for table, t in tables.items():
        shown = [form(named(k), t.get("forms", {}).get(named(k), "DATA")) for k in t["keys"]]
        shown += [form(c, k) for c, k, _ in t["columns"]]
        assert len({n for n, _ in shown}) == len(shown), f"{table}: two columns have one name"
        out.append(f"static const struct export_column export_of_{table}[] = {{")
        out += [f'    {{.name = "{name}", .form = EXPORT_{kind}}},' for name, kind in shown]
        out += ["};", ""]
    out.append("const struct export_table export_tables[] = {")
    for table, t in tables.items():
        picked = t["keys"] + [e if e == c else f"{e} AS {c}" for c, _, e in t["columns"]]
        text = f"SELECT {', '.join(picked)} FROM {table} WHERE {t['whose']}" + (f" ORDER BY {t['order']}" if t["order"] else "")
        out.append(f"    {{.name = \"{t['name']}\", .file = \"{t['file']}\", .parent = {index[t['parent']] if t['parent'] else -1}, "
                   f".keys = {len(t['keys'])}, .inherited = {t.get('inherited', 0)},")
        out.append(f"     .columns = export_of_{table}, .columns_n = {len(picked)}, .sql = {{.text = {quoted(text)}, .in = \"u\"}}}},")
    out += ["};", f"const size_t export_tables_n = {len(tables)};"]
    return "\n".join(out)


if __name__ == "__main__":
    print(made(read(open(sys.argv[1]).read(), open(sys.argv[2]).read())))
