"""`python -m benchmarks`: measure, print, write `benchmarks/latest.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.catalogue import ROWS
from benchmarks.check import fallen, pin, read_pinned
from benchmarks.docs import against, met, number, write_page
from benchmarks.row import Row
from benchmarks.size import FULL, SHORT, Size

LATEST = Path(__file__).with_name("latest.json")
results = Console(width=None if sys.stdout.isatty() else 160)
talk = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns the exit code: 1 when a ratio fell, 0 otherwise."""
    options = _parse(arguments)
    chosen = options.only or list(ROWS)
    rows = [_measure(name, SHORT if options.short else FULL) for name in chosen]
    if not options.only:
        LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    if options.json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
    else:
        results.print(_table(rows))
    if options.pin:
        pin(rows)
    if options.docs:
        write_page(rows)
    return _report(rows) if options.check else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of everything: for CI, two minutes or so")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead of a table")
    parser.add_argument("--only", action="append", choices=list(ROWS), metavar="NAME", help="only this row; repeatable")
    parser.add_argument(
        "--check", action="store_true", help="exit 1 when a ratio fell by a third against baseline.json"
    )
    parser.add_argument("--pin", action="store_true", help="write the ratios into baseline.json")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/performance.md")
    return parser.parse_args(arguments)


def _measure(name: str, size: Size) -> Row:
    talk.print(f"measuring {name} ...", highlight=False)
    return ROWS[name](size)


def _table(rows: Sequence[Row]) -> Table:
    table = Table("name", box=None)
    for title in ("value", "unit", "floor", "ratio", "asked", "met"):
        table.add_column(title, justify="left" if title == "unit" else "right")
    table.add_column("against")
    for row in rows:
        asked = "-" if row.bound == "none" else f"{row.ratio_floor:g}"
        figures = (number(row.value), row.unit, number(row.floor), f"{row.ratio:.2f}")
        table.add_row(row.name, *figures, asked, met(row), against(row))
    return table


def _report(rows: Sequence[Row]) -> int:
    problems = fallen(rows, read_pinned())
    for problem in problems:
        talk.print(f"slower: {problem}", highlight=False)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
