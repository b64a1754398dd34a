"""Differences on a book: each is computed from what the book showed, and from the rule of either engine."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import BookDelta, BookSnapshot, Trade
from daemon.core.records import TimeInForce
from daemon.core.units import to_decimal
from daemon.core.venue import FillData, QueueModel
from tests.differential.compare import Difference
from tests.differential.footprint import footprint, walk
from tests.differential.reading import (
    Fills,
    as_expected,
    comes_here,
    fills_here,
    here,
    is_worse,
    opposite,
    quantity,
    reaches,
    rested,
    resting,
    wanted,
)
from tests.differential.trace import What


def touched_limit(difference: Difference) -> bool:
    """Opposite quantity at exactly the limit fills there; under THROUGH ours waits for a better price."""
    if not _on_book(difference) or comes_here(difference) or _crossed(difference):
        return False
    beyond, touching = (_meets(difference, {}, inclusive=inclusive) for inclusive in (False, True))
    return beyond != touching and _looked(difference)


def remembered(difference: Difference) -> bool:
    """Ours remembers what it took of a level while that shows the same size; there it is whole at each look."""
    return _on_book(difference) and _looked(difference)


def _looked(difference: Difference) -> bool:
    """Whether each engine did what the book and its own rule say, and these differ."""
    inclusive = comes_here(difference) or _crossed(difference)
    ours = _meets(difference, footprint(difference), inclusive=inclusive)
    theirs = _meets(difference, {}, inclusive=True)
    return (
        ours != theirs
        and as_expected(difference.ours, difference, ours)
        and as_expected(difference.theirs, difference, theirs)
    )


def seen_again(difference: Difference) -> bool:
    """A trade lets the other engine look at the book again, where what it took stands as before."""
    if difference.scenario.data is not FillData.BOOK or not rested(here(difference.theirs, difference)):
        return False
    if not isinstance(difference.view.happening(difference.place), Trade):
        return False
    theirs = _meets(difference, {}, inclusive=True)
    return quantity(fills_here(difference.their_trace, difference)) == quantity(theirs)


def public_trade(difference: Difference) -> bool:
    """A trade at or beyond the limit fills ours; there, trades fill nothing where there is a book."""
    happening, limit = difference.view.happening(difference.place), difference.price
    if difference.scenario.data is not FillData.BOOK or not isinstance(happening, Trade) or limit is None:
        return False
    ours, inclusive = fills_here(difference.our_trace, difference), _crossed(difference)
    if not ours or not rested(here(difference.ours, difference)):
        return False
    reached = reaches(difference.side, to_decimal(happening.price), limit, inclusive=inclusive)
    theirs = quantity(fills_here(difference.their_trace, difference))
    return reached and quantity(ours) <= to_decimal(happening.qty) and theirs < quantity(ours)


def own_orders_meet(difference: Difference) -> bool:
    """Two of our own orders cross: ours lets them trade, as Bybit does without prevention; there they do not meet."""
    ours = difference.ours
    if ours is None or (ours.at != difference.place and difference.scenario.data is not FillData.BARS):
        return False
    if ours.what is What.END:
        return difference.request.time_in_force is TimeInForce.POST_ONLY and _own_order_crosses(difference)
    orders = difference.scenario.orders()
    return any(
        (step.at, step.price.normalize(), step.maker) == (ours.at, ours.price, not ours.maker)
        for order_id, step in difference.our_trace.fills
        if orders[order_id].side is opposite(difference.side)
    )


def _own_order_crosses(difference: Difference) -> bool:
    limit = difference.price
    others = resting(difference.our_trace, difference, opposite(difference.side))
    return limit is not None and any(not is_worse(difference.side, price, limit) for _, price in others)


def _on_book(difference: Difference) -> bool:
    """Whether the order looked at a book: it came, or the book changed."""
    if difference.scenario.data is not FillData.BOOK:
        return False
    changed = isinstance(difference.view.happening(difference.place), BookSnapshot | BookDelta)
    return comes_here(difference) or changed


def _crossed(difference: Difference) -> bool:
    return difference.scenario.queue is not QueueModel.THROUGH


def _meets(difference: Difference, taken: dict[Decimal, Decimal], *, inclusive: bool) -> Fills:
    levels = difference.view.at(difference.place).opposite(difference.side)
    fills = walk(levels, difference.side, wanted(difference), difference.price, taken, inclusive=inclusive)
    if comes_here(difference) or not fills or difference.price is None:
        return fills
    return [(difference.price.normalize(), quantity(fills))]
