"""What a wish would lead to, in the numbers that guards compare. Pure."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Side
from daemon.core.guards import Intent
from daemon.core.lane import Runner
from daemon.core.units import ZERO, add, subtract
from daemon.core.wishes import Amending, Placing


def of_order(runner: Runner, wish: Placing, now: int) -> Intent:
    """A new order: all of it is added to what may be held."""
    market, sized, condition = runner.market, wish.sized, wish.condition
    anchor = market.mark if condition is None else float(condition.price)
    if sized.price is not None:
        price = float(sized.price)
    elif condition is not None:
        price = 0.0  # it will hit the touch of that time
    else:
        price = market.ask if sized.side is Side.BUY else market.bid
    return _intent(
        runner, now, sized.side, added=sized.qty, total=sized.qty, price=price, anchor=anchor, is_exit=wish.is_exit
    )


def of_amendment(runner: Runner, wish: Amending, now: int) -> Intent:
    """An amendment: of its quantity only what is new is added, but the order is judged by all of it.

    It may open risk, unlike an exit, when its order may and it asks for more, or for a price nearer to the market: a
    bid far below the market opens nothing, until it is amended to one that is taken at once.
    """
    request = wish.order.request
    added = max(ZERO, subtract(wish.qty, request.qty))
    nearer = request.price is None or (
        wish.price > request.price if request.side is Side.BUY else wish.price < request.price
    )
    is_exit = request.reduce_only or not (added or nearer)
    mark = runner.market.mark
    return _intent(
        runner, now, request.side, added=added, total=wish.qty, price=float(wish.price), anchor=mark, is_exit=is_exit
    )


def _intent(
    runner: Runner,
    now: int,
    side: Side,
    *,
    added: Decimal,
    total: Decimal,
    price: float,
    anchor: float,
    is_exit: bool,
) -> Intent:
    lane, market, symbol = runner.lane, runner.market, runner.symbol
    lowest, highest = lane.bounds(symbol)
    after = float(add(highest, added) if side is Side.BUY else subtract(lowest, added))
    other = float(lowest if side is Side.BUY else highest)
    worth = max(market.mark, anchor)
    equity = lane.equity()
    return Intent(
        is_exit=is_exit,
        price=price,
        anchor=anchor,
        order_notional=float(total) * worth,
        position_notional_after=after * worth,
        gross_notional_after=lane.gross_notional(without=symbol) + max(abs(after), abs(other)) * worth,
        equity=equity,
        day_loss=(lane.day_equity or 0.0) - equity,
        orders_last_minute=lane.orders_last_minute(now),
        data_age=now - min(market.ts, market.ts_exchange),
        stale_topics=len(market.stale_topics),
        halted=lane.is_halted(symbol),
    )
