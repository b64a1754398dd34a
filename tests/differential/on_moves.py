"""Differences because the other engine's market moves with our fills: a known limit of it.

When a limit order fills, nautilus_trader sets the touch it matches against to that order's limit. It takes it back at
the end of the event if another order is open, otherwise with the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from daemon.core.events import BookDelta, BookSnapshot, Quote, Trade
from tests.differential.compare import Difference
from tests.differential.on_special import arrival, expected_trigger, theirs_is_there, trigger_price
from tests.differential.reading import fills_here, here, is_worse, life
from tests.differential.trace import What


def moved_market(difference: Difference) -> bool:
    """Another order's fill moved the market there: beyond the limit of this one, or a market order pays that price."""
    came = arrival(difference)
    moves = [*_moves(difference, difference.place), *_moves(difference, came)]
    if difference.price is None:
        theirs = here(difference.theirs, difference)
        return theirs is not None and theirs.price in moves
    late = came not in {step.at for step in life(difference.their_trace, difference)} and not difference.before
    if fills_here(difference.their_trace, difference) and not late:
        return False
    return any(is_worse(difference.side, limit, difference.price) for limit in moves)


def moved_trigger(difference: Difference) -> bool:
    """The same for a trigger: it goes off elsewhere than the market's touch says."""
    if not difference.request.is_conditional or any(step.what is What.TRIGGERED for step in difference.before):
        return False
    expected = expected_trigger(difference, theirs_is_there)
    told = None if difference.theirs is None else difference.theirs.at
    return expected != told and any(
        place is not None and trigger_price(difference) != limit
        for place in (expected, told)
        for limit in _moves(difference, place)
    )


def _moves(difference: Difference, place: int | None) -> Iterator[Decimal]:
    """Limits of other orders of the side that filled there since the last fact at or before a place."""
    if place is None:
        return
    orders, since = difference.scenario.orders(), _last_fact(difference, place)
    for order_id, step in difference.their_trace.fills:
        other = orders[order_id]
        if other.side is not difference.side or order_id == difference.request.order_id or other.price is None:
            continue
        if since <= step.at <= place and (step.maker or other.is_conditional):
            yield step.price if step.maker else other.price


def _last_fact(difference: Difference, place: int) -> int:
    while place and not isinstance(difference.view.happening(place), BookSnapshot | BookDelta | Trade | Quote):
        place -= 1
    return place
