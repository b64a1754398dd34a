"""The footprint: what our engine must remember of levels it took, replayed from its fills and the market alone.

Written apart from `adapters.simulated.consumption`, by its documented rule: a level that we took from has that much
less as long as it shows the same size.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from daemon.core.events import BookDelta, BookSnapshot, Side
from daemon.core.units import ZERO, add, subtract
from tests.differential.compare import Difference
from tests.differential.reading import Fills, is_worse
from tests.differential.trace import Step
from tests.differential.view import Levels

Taken = dict[Decimal, tuple[Decimal, Decimal]]
"""By price of the level: the size it showed, and what we took of it."""


def walk(
    levels: Levels,
    side: Side,
    qty: Decimal,
    limit: Decimal | None,
    taken: Mapping[Decimal, Decimal],
    *,
    inclusive: bool,
) -> Fills:
    """What an order of a side and quantity meets, best first; `taken` is gone already."""
    fills: Fills = []
    for price in sorted(levels, reverse=side is Side.SELL):
        if limit is not None and (is_worse(side, price, limit) or (price == limit and not inclusive)):
            break
        part = min(qty, subtract(levels[price], taken.get(price, ZERO)))
        if part > 0:
            fills.append((price.normalize(), part.normalize()))
            qty = subtract(qty, part)
    return fills


def footprint(difference: Difference) -> dict[Decimal, Decimal]:
    """What our engine took, before the difference, of the levels that the order meets, by price."""
    side, orders = difference.side, difference.scenario.orders()
    taken: Taken = {}
    fills = [one for one in _before(difference) if orders[one[0]].side is side]
    for place in range(difference.place + 1):
        levels = difference.view.at(place).opposite(side)
        taken = {price: entry for price, entry in taken.items() if levels.get(price) == entry[0]}
        for _, step in fills:
            if step.at == place:
                _take(taken, levels, step, difference, place)
    return {price: qty for price, (_, qty) in taken.items()}


def _before(difference: Difference) -> list[tuple[str, Step]]:
    """Our fills until the order's own first one at the place; our own orders that met took nothing of the book."""
    fills = []
    for order_id, step in difference.our_trace.fills:
        if step.at > difference.place or (step.at == difference.place and order_id == difference.request.order_id):
            break
        fills.append((order_id, step))
    return fills


def _take(taken: Taken, levels: Levels, step: Step, difference: Difference, place: int) -> None:
    if step.maker:
        if not isinstance(difference.view.happening(place), BookSnapshot | BookDelta):
            return
        parts = walk(
            levels,
            difference.side,
            step.qty,
            step.price,
            {price: qty for price, (_, qty) in taken.items()},
            inclusive=True,
        )
    else:
        parts = [(step.price, step.qty)]
    for price, qty in parts:
        if price in levels:
            taken[price] = (levels[price], add(taken.get(price, (ZERO, ZERO))[1], qty))
