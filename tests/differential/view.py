"""What the market of a scenario showed at each place, kept apart from both engines."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from daemon.core.events import Bar, BookDelta, BookSnapshot, Quote, Side, Trade
from daemon.core.units import ZERO, divide, to_decimal
from tests.differential.scenario import Happening, Scenario

Levels = dict[Decimal, Decimal]


class Shown(Struct, frozen=True):
    """The market after a place. Levels by price; last: price of the last trade, zero before the first.

    traded: what the last trade or bar shows on both sides while no quote came after it; the other engine, which has no
    book then, takes it for the touch.
    """

    bids: Levels
    asks: Levels
    last: Decimal = ZERO
    bar: Bar | None = None
    traded: Levels | None = None

    def opposite(self, side: Side) -> Levels:
        """Levels that an order of a side meets."""
        return self.asks if side is Side.BUY else self.bids

    def touch(self, side: Side) -> Decimal:
        """Best price that an order of a side meets, zero when there is none."""
        levels = self.opposite(side)
        if not levels:
            return ZERO
        return min(levels) if side is Side.BUY else max(levels)

    def their_touch(self, side: Side) -> tuple[Decimal, Decimal]:
        """Price and size that an order of a side meets in the other engine where there is no book, or zeros."""
        levels = self.opposite(side) if self.traded is None else self.traded
        if not levels:
            return ZERO, ZERO
        price = min(levels) if side is Side.BUY else max(levels)
        return price, levels[price]


class View:
    """The market of a scenario, place by place."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    @cached_property
    def _shown(self) -> list[Shown]:
        states = accumulate(self._scenario.happenings, _after, initial=Shown({}, {}))
        return list(states)[1:]

    def at(self, place: int) -> Shown:
        """The market after what happened at a place."""
        return self._shown[place]

    def happening(self, place: int) -> Happening:
        """What happened at a place."""
        return self._scenario.happenings[place]

    def unchanged(self, side: Side, price: Decimal, since: int, until: int) -> bool:
        """Whether the level that an order of `side` meets at a price showed one size all the time."""
        sizes = {self._shown[place].opposite(side).get(price) for place in range(since, until + 1)}
        return len(sizes) == 1 and None not in sizes


def _after(shown: Shown, happening: Happening) -> Shown:
    match happening:
        case BookSnapshot():
            return Shown(_levels(happening.bids), _levels(happening.asks), shown.last)
        case BookDelta():
            return Shown(_changed(shown.bids, happening.bids), _changed(shown.asks, happening.asks), shown.last)
        case Quote():
            bids = _levels([(happening.bid, happening.bid_qty)])
            return Shown(bids, _levels([(happening.ask, happening.ask_qty)]), shown.last)
        case Trade():
            traded = _levels([(happening.price, happening.qty)])
            return replace(shown, last=to_decimal(happening.price), traded=traded)
        case Bar():
            return _after_bar(happening)
        case _:
            return shown


def _after_bar(bar: Bar) -> Shown:
    """The other engine spreads a bar's volume evenly over its four prices."""
    close = to_decimal(bar.close)
    return Shown({}, {}, close, bar, {close: divide(to_decimal(bar.volume), Decimal(4))})


def _levels(levels: list[tuple[float, float]]) -> Levels:
    return {to_decimal(price): to_decimal(size) for price, size in levels if size}


def _changed(levels: Levels, changes: list[tuple[float, float]]) -> Levels:
    changed = levels | {to_decimal(price): to_decimal(size) for price, size in changes}
    return {price: size for price, size in changed.items() if size}
