"""Whether something became slower, without believing any time: ratios against those pinned in `baseline.json`.

A ratio compares two things that were measured in turns in the same process, so a slower machine changes both. It fails
when it fell by a third or more.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from benchmarks.row import Row

PINNED = Path(__file__).with_name("baseline.json")
KEPT = 2 / 3


def read_pinned(path: Path = PINNED) -> dict[str, float]:
    """Pinned ratios by name of the row."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, float])


def pin(rows: Iterable[Row], path: Path = PINNED) -> None:
    """Write the ratios of these rows over the pinned ones; other rows keep theirs."""
    pinned = read_pinned(path) if path.exists() else {}
    pinned |= {row.name: float(f"{row.relative:.4g}") for row in rows if row.relative is not None}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(dict(sorted(pinned.items()))), indent=2) + b"\n")


def fallen(rows: Iterable[Row], pinned: dict[str, float]) -> list[str]:
    """One sentence for each row whose ratio fell by a third or more, or that has nothing to be compared with."""
    found: list[str] = []
    for row in rows:
        if row.relative is None:
            continue
        before = pinned.get(row.name)
        if before is None:
            found.append(f"{row.name}: nothing is pinned for it; pin it with --short --pin")
        elif row.relative <= before * KEPT:
            found.append(f"{row.name}: {row.relative:.4g} of {row.baseline}, pinned is {before:.4g}")
    return found
