"""Answers that are true and old, or plainly wrong: what a lagging replica or a failing service tells.

A list's rows younger than some age are missing; a list is empty; positions look flat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

FLAT: dict[str, object] = {
    "side": "",
    "size": "0",
    "avgPrice": "0",
    "positionValue": "",
    "unrealisedPnl": "",
    "liqPrice": "",
    "positionIM": "0",
    "positionMM": "0",
}
STAMPS = ("updatedTime", "execTime", "createdTime", "transactionTime")


def hide_young(result: Mapping[str, object], before_ms: int) -> Mapping[str, object]:
    """The result without the rows of its list that were stamped after a market time, milliseconds UTC."""
    rows = result.get("list")
    if not isinstance(rows, list):
        return result
    return {**result, "list": [row for row in rows if _stamp(row) <= before_ms]}


def lie(result: Mapping[str, object], kind: Literal["", "empty", "flat"]) -> Mapping[str, object]:
    """The result with an empty list, or with flat positions."""
    rows = result.get("list")
    if not kind or not isinstance(rows, list):
        return result
    if kind == "empty":
        return {**result, "list": []}
    return {**result, "list": [{**row, **{name: FLAT[name] for name in FLAT if name in row}} for row in rows]}


def _stamp(row: object) -> int:
    """When a row was last changed; a row without a stamp is as old as can be."""
    if not isinstance(row, dict):
        return 0
    text = next((row[name] for name in STAMPS if row.get(name)), "0")
    return int(text) if str(text).isdigit() else 0
