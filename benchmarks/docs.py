"""Writes the table of docs/performance.md, so that the figures there are those that were measured last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import Row

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN = "<!-- figures: written by python -m benchmarks --docs -->"
END = "<!-- end of figures -->"
HEAD = ["| row | value | floor | met | ratio | against |", "|---|---|---|---|---|---|"]


def number(value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def against(row: Row) -> str:
    """What the ratio is a ratio to."""
    return "floor" if row.baseline in (None, "yardstick") else f"{row.baseline}"


def met(row: Row) -> str:
    """Whether a row is within what is asked of it; a dash where nothing is asked."""
    return "-" if row.bound == "none" else "yes" if row.met else "no"


def write_page(rows: Sequence[Row], page: Path = PAGE) -> None:
    """Replace the table on the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join([*HEAD, *map(_line, rows)])
    notes = "\n".join(f"- `{row.name}`: {row.note}{_detail(row)}." for row in rows if row.note)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{notes}\n\n{END}{after}", encoding="utf-8")


def _line(row: Row) -> str:
    floor = "-" if row.bound == "none" else f"{row.bound} {number(row.floor)}"
    return (
        f"| `{row.name}` | {number(row.value)} {row.unit} | {floor} | {met(row)} | {row.ratio:.2f} | {against(row)} |"
    )


def _detail(row: Row) -> str:
    parts = [f"{name} {number(value)}" for name, value in row.detail.items() if not name.endswith("_ms")]
    return f"; {', '.join(parts)}" if parts else ""
