"""The results as text: medians with their spread, against what is wanted."""

import statistics


class Table:
    def __init__(self):
        self.lines, self.details = [], []

    def ratio(self, what, values, wanted=None, unit="", digits=2):
        """wanted: ">= 0.5", "<= 2", or None for what is only told."""
        middle = statistics.median(values)
        holds = ""
        if wanted:
            sign, number = wanted.split()
            holds = "yes" if (middle >= float(number)) == (sign == ">=") or middle == float(number) else "NO"
        self.lines.append((what, show(middle, digits, unit), spread(values, digits), wanted or "", holds))

    def detail(self, *cells):
        self.details.append(cells)

    def text(self):
        head = ("", "median", "lowest .. highest", "wanted", "holds")
        parts = [columns([head, *self.lines])]
        for name in dict.fromkeys(cells[0] for cells in self.details):
            parts.append(f"{name}\n" + columns([cells[1:] for cells in self.details if cells[0] == name]))
        return "\n\n".join(parts) + "\n"


def show(number, digits=2, unit=""):
    return f"{number:.{digits}f}{unit}"


def spread(values, digits=2):
    return f"{min(values):.{digits}f} .. {max(values):.{digits}f}" if len(values) > 1 else ""


def columns(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, rest = str(row[0]).ljust(widths[0]), [str(cell).rjust(w) for cell, w in zip(row[1:], widths[1:])]
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
