"""Matching: which displayed levels an order meets, and how much of each. Pure functions; they remember nothing.

Assumptions:
- An order meets the displayed levels of the other side, best first, each at the level's own price for a taker.
- Of a level there is what it displays less what we took of it before, see `adapters.simulated.consumption`, cut down to
  the quantity step.
- A resting order is met by the same walk, up to its limit: strictly better levels only, or those at it too, which its
  queue model decides. It is executed at its own limit.

Known limits:
- Hidden and iceberg quantity is not there; what is displayed is all there is until the next update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from adapters.simulated.consumption import Consumption
from daemon.core.book import Book, Level
from daemon.core.events import Side
from daemon.core.units import ZERO, add, floor_qty, subtract, to_decimal

Execution = tuple[Decimal, Decimal]
NEAREST = 8


def walk(
    book: Book,
    side: Side,
    qty: Decimal,
    limit: Decimal | None,
    *,
    step: Decimal,
    consumption: Consumption,
    inclusive: bool = True,
) -> list[Execution]:
    """Executions (price, quantity) of an order of `side` against the displayed levels, best first.

    None is worse than `limit`, nor at it unless `inclusive`; together they are at most `qty`, base units. A book that
    is not valid has no levels. Nothing is remembered: who executes them says so to `Consumption.take`.
    """
    executions: list[Execution] = []
    for level_price, displayed in _levels(book, side):
        price = to_decimal(level_price)
        if limit is not None and (is_worse(side, price, limit) or (price == limit and not inclusive)):
            break
        part = min(qty, floor_qty(consumption.available(side, level_price, displayed), step))
        if part > ZERO:
            executions.append((price, part))
            qty = subtract(qty, part)
        if not qty:
            break
    return executions


def _levels(book: Book, side: Side) -> Iterator[Level]:
    """The other side's levels, best first; the further the order gets, the more of the side is put in order.

    The book knows its best, and few orders need more; a search for `NEAREST` costs half of sorting 1,000 levels.
    """
    buys = side is Side.BUY
    best = book.ask if buys else book.bid
    if best <= 0.0 or not book.valid:
        return
    levels = book.asks if buys else book.bids
    yield best, levels[best]
    yield from (book.top_asks(NEAREST) if buys else book.top_bids(NEAREST))[1:]
    if len(levels) > NEAREST:
        yield from sorted(levels.items(), reverse=not buys)[NEAREST:]


def total(executions: Iterable[Execution]) -> Decimal:
    """Quantity of all executions together, base units."""
    qty = ZERO
    for _, part in executions:
        qty = add(qty, part)
    return qty


def is_worse(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether executing at `price` would break the limit."""
    return price > limit if side is Side.BUY else price < limit
