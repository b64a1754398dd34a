from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.top_book import TopBook

LEVELS = st.dictionaries(st.integers(1, 40), st.integers(0, 5), max_size=20)


@given(start=LEVELS, updates=st.lists(LEVELS, max_size=20), depth=st.integers(1, 8))
def test_changes_carry_a_reader_from_shown_book_to_shown_book_without_unknown_deletes(
    start: dict[int, int], updates: list[dict[int, int]], depth: int
) -> None:
    book = TopBook(depth)
    book.reset(start, {})
    full = {ticks: lots for ticks, lots in start.items() if lots}
    shown = dict(book.take_changes(everything=True)[0])
    for update in updates:
        book.change(update, {})
        full = {ticks: lots for ticks, lots in (full | update).items() if lots}
        for ticks, lots in book.take_changes(everything=False)[0]:
            if lots:
                shown[ticks] = lots
            else:
                del shown[ticks]
        assert shown == {ticks: full[ticks] for ticks in sorted(full, reverse=True)[:depth]}


def test_bids_come_highest_first_and_asks_lowest_first() -> None:
    book = TopBook(2)
    book.reset({1: 1, 2: 1, 3: 1}, {5: 1, 4: 1, 6: 1})
    assert book.take_changes(everything=True) == ([(3, 1), (2, 1)], [(4, 1), (5, 1)])
    book.change({3: 0}, {})
    assert book.take_changes(everything=False) == ([(3, 0), (1, 1)], [])
