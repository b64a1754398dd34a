"""Differences where there are quotes and trades but no book: each is computed from the touch that an engine sees."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Quote, Side, Trade
from daemon.core.records import TimeInForce
from daemon.core.units import add, subtract, to_decimal
from daemon.core.venue import FillData, QueueModel
from tests.differential.compare import Difference
from tests.differential.reading import (
    Fills,
    as_expected,
    comes_here,
    fills_here,
    here,
    is_worse,
    quantity,
    reaches,
    rested,
    wanted,
)


def size_of_touch(difference: Difference) -> bool:
    """Ours takes all at the touch and leaves the cost of size to its slippage model; there, the touch has its size."""
    return _comes(difference) and _touches(difference)[0] == _touches(difference)[1] and _took(difference)


def trade_is_touch(difference: Difference) -> bool:
    """There, a trade is the touch of both sides until the next quote; ours keeps the quote's."""
    return _comes(difference) and _touches(difference)[0] != _touches(difference)[1] and _took(difference)


def touched_limit(difference: Difference) -> bool:
    """A quote at exactly the limit fills what it shows there; ours waits for a better one unless it stands first."""
    if difference.scenario.data is not FillData.TRADES or difference.price is None:
        return False
    if not isinstance(difference.view.happening(difference.place), Quote):
        return False
    touch, size = difference.view.at(difference.place).their_touch(difference.side)
    wholly = [(difference.price.normalize(), wanted(difference))]
    part = [(difference.price.normalize(), min(size, wanted(difference)).normalize())]
    first = difference.scenario.queue is QueueModel.FRONT
    return (
        touch == difference.price
        and as_expected(difference.theirs, difference, part)
        and as_expected(difference.ours, difference, wholly if first else [])
    )


def trade_fills(difference: Difference) -> bool:
    """A trade fills ours with no more than its quantity, by the queue; there it is a touch, and beyond it all fills."""
    happening, limit = difference.view.happening(difference.place), difference.price
    if difference.scenario.data is not FillData.TRADES or not isinstance(happening, Trade) or limit is None:
        return False
    price, qty = to_decimal(happening.price), to_decimal(happening.qty)
    ours = quantity(fills_here(difference.our_trace, difference))
    left = wanted(difference)
    theirs = min(left, qty) if price == limit else left
    if not reaches(difference.side, price, limit, inclusive=True) or ours > min(left, qty):
        return False
    return rested(here(difference.theirs, difference)) and as_expected(
        difference.theirs, difference, [(limit.normalize(), theirs.normalize())]
    )


def _comes(difference: Difference) -> bool:
    return difference.scenario.data is FillData.TRADES and comes_here(difference)


def _touches(difference: Difference) -> tuple[Decimal, Decimal]:
    shown = difference.view.at(difference.place)
    return shown.touch(difference.side), shown.their_touch(difference.side)[0]


def _took(difference: Difference) -> bool:
    """Whether each engine did what its touch and its own rule say."""
    return as_expected(difference.ours, difference, _ours(difference)) and as_expected(
        difference.theirs, difference, their_taking(difference, difference.place)
    )


def _ours(difference: Difference) -> Fills:
    touch, limit = _touches(difference)[0], difference.price
    if limit is not None and is_worse(difference.side, touch, limit):
        return []
    return [(touch.normalize(), wanted(difference).normalize())]


def their_taking(difference: Difference, place: int) -> Fills:
    """What an order takes there at a touch: its size, and the rest a tick worse, unless it has to stop."""
    touch, size = difference.view.at(place).their_touch(difference.side)
    limit, left = difference.price, wanted(difference)
    if limit is not None and is_worse(difference.side, touch, limit):
        return []
    fills = [(touch.normalize(), min(size, left).normalize())]
    at_limit = limit is not None and touch == limit
    stops = limit is not None and difference.request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    if left > size and not stops and not at_limit:
        tick = difference.scenario.instrument.tick
        next_price = add(touch, tick) if difference.side is Side.BUY else subtract(touch, tick)
        fills.append((next_price.normalize(), subtract(left, size).normalize()))
    return fills
