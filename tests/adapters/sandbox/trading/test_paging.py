from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.paging import DAY_MS, WEEK_MS, page, window
from adapters.sandbox.trading.parameters import Parameters


@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_together_are_the_list(count: int, limit: int) -> None:
    items, seen, cursor = list(range(count, 0, -1)), list[int](), ""
    while True:
        parameters = Parameters({"limit": str(limit), "cursor": cursor})
        rows, cursor = page(items, parameters, serial=lambda n: n, default=20, most=50)
        assert len(rows) <= limit
        seen += rows
        assert quote(quote(cursor, safe=""), safe="") == cursor
        if not cursor:
            break
    assert seen == items


def test_what_comes_in_between_does_not_move_the_pages() -> None:
    items = [5, 4, 3, 2, 1]
    rows, cursor = page(items, Parameters({"limit": "2"}), serial=lambda n: n, default=20, most=50)
    later, end = page([7, 6, *items], Parameters({"cursor": cursor}), serial=lambda n: n, default=20, most=50)
    assert (rows, later, end) == ([5, 4], [3, 2, 1], "")


@pytest.mark.parametrize("cursor", ["x", "p", "pzz", "p-1", "p1%2C", "P1"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(Refused):
        page([1], Parameters({"cursor": cursor}), serial=lambda n: n, default=20, most=50)


def test_windows_are_as_the_docs_say() -> None:
    now = 100 * DAY_MS
    assert window(Parameters({}), now) == (now - WEEK_MS, now)
    assert window(Parameters({}), now, DAY_MS) == (now - DAY_MS, now)
    assert window(Parameters({"startTime": "5"}), now) == (5, 5 + WEEK_MS)
    assert window(Parameters({"endTime": str(now)}), now) == (now - WEEK_MS, now)
    assert window(Parameters({"startTime": "5", "endTime": "6"}), now) == (5, 6)
    with pytest.raises(Refused):
        window(Parameters({"startTime": "5", "endTime": str(6 + WEEK_MS)}), now)
