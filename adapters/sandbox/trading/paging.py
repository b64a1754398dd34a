"""Paging: pages, cursors and time windows of Bybit's lists. Lists are newest first.

A cursor is the letter p and the serial number of the last item shown, in hexadecimal: URL-safe however often it is
percent-encoded, and right however many items come in between. Sources: Bybit v5 docs, "Get Order History", "Get Trade
History", "Get Transaction Log".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from adapters.sandbox.trading.codes import bad
from adapters.sandbox.trading.parameters import Parameters

T = TypeVar("T")

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

_CURSOR = re.compile(r"p[0-9a-f]{1,15}")


def page(
    items: Iterable[T], parameters: Parameters, *, serial: Callable[[T], int], default: int, most: int
) -> tuple[list[T], str]:
    """A page of items given newest first, and the cursor of the next one, empty at the end.

    serial: of an item, falling along the list.  default, most: the limit of a page.
    """
    limit = parameters.integer("limit", default, 1, most)
    before = _before(parameters.text("cursor"))
    shown: list[T] = []
    for item in items:
        if before is not None and serial(item) >= before:
            continue
        if len(shown) == limit:
            return shown, f"p{serial(shown[-1]):x}"
        shown.append(item)
    return shown, ""


def window(parameters: Parameters, now_ms: int, default_ms: int = WEEK_MS) -> tuple[int, int]:
    """First and last millisecond asked for: at most seven days, or `default_ms` back from now without bounds."""
    start = parameters.integer("startTime", 0, 0, 1 << 53)
    end = parameters.integer("endTime", 0, 0, 1 << 53)
    if start and end:
        if not start <= end <= start + WEEK_MS:
            raise bad("the time range from startTime to endTime must be of up to 7 days:")
        return start, end
    if start:
        return start, start + WEEK_MS
    return (end - WEEK_MS, end) if end else (now_ms - default_ms, now_ms)


def _before(cursor: str) -> int | None:
    if not cursor:
        return None
    if not _CURSOR.fullmatch(cursor):
        raise bad("cursor", cursor)
    return int(cursor[1:], 16)
