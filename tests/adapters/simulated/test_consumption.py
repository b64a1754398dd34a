from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from adapters.simulated.consumption import Consumption
from adapters.simulated.matching import walk
from daemon.core.book import Book
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from tests.daemon.core.build import delta, snapshot

D = Decimal
STEP = D("0.001")
LEVELS = [(100.0, 5.0), (100.1, 3.0)]


def taken_two() -> tuple[Book, Consumption]:
    """A book with asks of 5 at 100 and 3 at 100.1, of which a buy took 2 at 100."""
    book = Book()
    book.reset([(99.9, 5.0)], LEVELS)
    consumption = Consumption()
    consumption.take(book, Side.BUY, [(D(100), D(2))])
    return book, consumption


def test_what_we_took_of_a_level_is_not_there_again() -> None:
    book, consumption = taken_two()
    assert consumption.available(Side.BUY, 100.0, 5.0) == 3
    consumption.take(book, Side.BUY, [(D(100), D("0.1")), (D("100.1"), D(3))])
    assert consumption.available(Side.BUY, 100.0, 5.0) == D("2.9")
    assert consumption.available(Side.BUY, 100.1, 3.0) == 0
    assert len(consumption) == 2


def test_the_other_side_and_other_levels_are_whole() -> None:
    _, consumption = taken_two()
    assert consumption.available(Side.SELL, 100.0, 5.0) == 5
    assert consumption.available(Side.BUY, 100.1, 3.0) == 3


def test_a_level_that_changes_its_size_is_whole_again_even_when_it_changes_back() -> None:
    _, consumption = taken_two()
    assert consumption.available(Side.BUY, 100.0, 4.0) == 4
    consumption.refresh(delta([], [(100.0, 4.0)]))
    consumption.refresh(delta([], [(100.0, 5.0)]))
    assert consumption.available(Side.BUY, 100.0, 5.0) == 5
    assert len(consumption) == 0


def test_a_delta_that_repeats_the_size_or_concerns_others_keeps_the_memory() -> None:
    _, consumption = taken_two()
    consumption.refresh(delta([(100.0, 1.0)], [(100.0, 5.0), (100.1, 1.0)]))
    assert consumption.available(Side.BUY, 100.0, 5.0) == 3


def test_a_level_that_vanished_is_forgotten() -> None:
    _, consumption = taken_two()
    consumption.refresh(delta([], [(100.0, 0.0)]))
    assert len(consumption) == 0


def test_a_snapshot_keeps_the_memory_of_the_levels_that_it_repeats() -> None:
    book, consumption = taken_two()
    consumption.take(book, Side.BUY, [(D("100.1"), D(1))])
    consumption.take(book, Side.SELL, [(D("99.9"), D(1))])
    consumption.refresh(snapshot([(99.8, 5.0)], [(100.0, 5.0), (100.1, 3.5)]))
    assert consumption.available(Side.BUY, 100.0, 5.0) == 3
    assert consumption.available(Side.BUY, 100.1, 3.5) == D("3.5")
    assert len(consumption) == 1


def test_to_take_more_than_is_displayed_is_impossible() -> None:
    book, consumption = taken_two()
    with pytest.raises(InvariantBroken, match=r"where 5\.0 is displayed"):
        consumption.take(book, Side.BUY, [(D(100), D("3.001"))])
    with pytest.raises(InvariantBroken, match=r"where 0\.0 is displayed"):
        consumption.take(book, Side.BUY, [(D(99), D("0.001"))])


class Take(Struct):
    """Our taker order."""

    side: Side
    qty: Decimal


class Change(Struct):
    """The venue changes the size of the level so many ticks from the middle, on both sides."""

    tick: int
    size: float


TAKES = st.builds(Take, st.sampled_from(list(Side)), st.integers(1, 6000).map(lambda steps: steps * STEP))
CHANGES = st.builds(Change, st.integers(0, 5), st.integers(0, 4000).map(lambda thousandths: thousandths / 1000))


@given(st.lists(TAKES | CHANGES, max_size=30))
def test_between_two_changes_of_a_level_we_never_take_more_than_it_displays(events: list[Take | Change]) -> None:
    book, consumption = Book(), Consumption()
    book.reset([(99.0 - tick, 2.0) for tick in range(6)], [(101.0 + tick, 2.0) for tick in range(6)])
    taken: dict[float, Decimal] = {}
    for event in events:
        before = book.bids | book.asks
        if isinstance(event, Take):
            executions = walk(book, event.side, event.qty, None, step=STEP, consumption=consumption)
            consumption.take(book, event.side, executions)
            for price, qty in executions:
                taken[float(price)] = taken.get(float(price), D(0)) + qty
        else:
            bids, asks = [(99.0 - event.tick, event.size)], [(101.0 + event.tick, event.size)]
            book.apply(bids, asks)
            consumption.refresh(delta(bids, asks))
        shown = book.bids | book.asks
        taken = {price: qty for price, qty in taken.items() if shown.get(price) == before[price]}
        assert all(qty <= D(repr(shown[price])) for price, qty in taken.items())
        assert len(consumption) == len(taken)
