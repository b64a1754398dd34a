"""Matching: at what prices, and how much of, an order fills. Pure functions; they remember nothing.

Assumptions, conservative on purpose:
- A taker walks the displayed book from the touch; without a book it pays the touch worsened by `slippage_ticks`;
  with trades only, the next trade's price so worsened; with bars only, the next bar's open so worsened.
- A resting limit order that is only touched is not filled: price has to go through it. It fills at its own price, with
  at most the quantity seen beyond it (the trade's size, or the book's sizes beyond the limit).
- With bars only, a limit order that the next open would fill at once is a taker at that open; later it is judged on
  low (buy) or high (sell) of each bar. Quantity of a bar does not bound the fill.

Known limits: no queue position, no impact, our own consumption of a level is not remembered; the next version of this
module has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from daemon.core.events import Bar, Side
from daemon.core.market import Market
from daemon.core.units import ZERO, add, floor_qty, multiply, price_down, price_up, subtract, to_decimal

Execution = tuple[Decimal, Decimal]


def walk_book(market: Market, side: Side, qty: Decimal, limit: Decimal | None, step: Decimal) -> list[Execution]:
    """Executions (price, quantity) of a taker against the displayed levels, best first, none worse than `limit`."""
    book = market.book
    levels = book.top_asks(len(book.asks)) if side is Side.BUY else book.top_bids(len(book.bids))
    return _take(levels, side, qty, limit, step)


def _take(
    levels: Iterable[tuple[float, float]], side: Side, qty: Decimal, limit: Decimal | None, step: Decimal
) -> list[Execution]:
    executions: list[Execution] = []
    for level_price, level_size in levels:
        price = to_decimal(level_price)
        if limit is not None and is_worse(side, price, limit):
            break
        part = min(qty, floor_qty(to_decimal(level_size), step))
        if part > 0:
            executions.append((price, part))
            qty = subtract(qty, part)
        if qty == ZERO:
            break
    return executions


def total(executions: Iterable[Execution]) -> Decimal:
    """Quantity of all executions together, base units."""
    qty = ZERO
    for _, part in executions:
        qty = add(qty, part)
    return qty


def slipped(side: Side, price: float, tick: Decimal, slippage_ticks: int) -> Decimal:
    """`price` on the tick grid, worsened for a taker by `slippage_ticks`, but never below one tick."""
    worse = multiply(tick, Decimal(slippage_ticks))
    if side is Side.BUY:
        return add(price_up(to_decimal(price), tick), worse)
    return max(tick, subtract(price_down(to_decimal(price), tick), worse))


def is_worse(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether executing at `price` would break the limit."""
    return price > limit if side is Side.BUY else price < limit


def trades_through(side: Side, limit: Decimal, price: float) -> bool:
    """Whether a price lies strictly beyond a resting limit, so that the limit must have been reached and passed."""
    return price < float(limit) if side is Side.BUY else price > float(limit)


def quantity_beyond(market: Market, side: Side, limit: Decimal, step: Decimal) -> Decimal:
    """Displayed opposite quantity strictly better than a resting limit, base units on the step grid."""
    bound = float(limit)
    book = market.book
    if side is Side.BUY:
        sizes = [size for price, size in book.asks.items() if price < bound]
    else:
        sizes = [size for price, size in book.bids.items() if price > bound]
    beyond = ZERO
    for size in sizes:
        beyond = add(beyond, to_decimal(size))
    return floor_qty(beyond, step)


def bar_goes_through(side: Side, limit: Decimal, bar: Bar) -> bool:
    """Whether the path of a bar went strictly beyond a resting limit."""
    return trades_through(side, limit, bar.low if side is Side.BUY else bar.high)
