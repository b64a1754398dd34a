"""Protection: the requests by which the exchange itself closes a position at a profit, at a loss or behind the market.

Its one job: what those orders look like; when they are put up, moved and cleared away is decided elsewhere.
Source: Bybit v5 docs, "Set Trading Stop", "Place Order", "Enums Definitions" (createType, stopOrderType); help centre,
"Introduction to Take Profit and Stop Loss (Perpetual and Futures Contracts)".

Assumptions:
- A whole position has at most one take-profit, one stop-loss and one trailing stop, which are market orders over all
  of it; setting one replaces the one before, setting it to zero removes it. They belong to the position, so to no
  strategy.
- Partial ones are added, each over its own quantity, as market or limit orders; they are cancelled one by one, not set
  to zero. The take-profit and the stop-loss that were asked for together are siblings: when one goes off, the other
  ends.
- All of them only reduce, and other orders make room for their margin (closeOnTrigger).
- A take-profit waits for the price to move on in the position's favour, stop-loss and trailing stop for it to turn.

Known limits: Bybit draws the partial protections of one order together as it fills; here each fill makes its own pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from adapters.simulated.trailing import TrailingStop
from adapters.simulated.working import Working
from daemon.core.events import Side
from daemon.core.orders import (
    Amendment,
    OrderRequest,
    PositionIdx,
    Protection,
    TradingStop,
    TriggerDirection,
)
from daemon.core.records import CreateType, OrderType, StopOrderType, TimeInForce, TriggerBy

PARTIAL = frozenset({StopOrderType.PARTIAL_TAKE_PROFIT, StopOrderType.PARTIAL_STOP_LOSS})

_CREATE_TYPES = {
    StopOrderType.TAKE_PROFIT: CreateType.TAKE_PROFIT,
    StopOrderType.STOP_LOSS: CreateType.STOP_LOSS,
    StopOrderType.PARTIAL_TAKE_PROFIT: CreateType.PARTIAL_TAKE_PROFIT,
    StopOrderType.PARTIAL_STOP_LOSS: CreateType.PARTIAL_STOP_LOSS,
    StopOrderType.TRAILING_STOP: CreateType.TRAILING_STOP,
}


def order_children(parent: Working, qty: Decimal, n: int) -> list[OrderRequest]:
    """The partial protections of a part of an order that filled, take-profit first.

    qty: what filled, base units.  n: which part of the order it is; the ids are `<parent>-tp<n>` and `<parent>-sl<n>`.
    Empty unless the order carries a partial protection; `whole_stop` is for the others.
    """
    request = parent.request
    protection = request.protection
    if protection is None or not protection.partial:
        return []
    stop = TradingStop(request.symbol, protection, request.decision, request.strategy, request.position_idx)
    held = qty if request.side is Side.BUY else qty.copy_negate()
    made = ((_take_profit(stop, held), f"-tp{n}"), (_stop_loss(stop, held), f"-sl{n}"))
    parent_id = request.order_id
    return [
        replace(child, order_id=parent_id + ending, parent=parent_id) for child, ending in made if child is not None
    ]


def whole_stop(parent: Working) -> TradingStop | None:
    """The protection that an order's fill sets on the whole position; None unless it carries one of that kind."""
    request = parent.request
    protection = request.protection
    if protection is None or protection.partial:
        return None
    return TradingStop(request.symbol, protection, request.decision, request.strategy, request.position_idx)


def partial_orders(stop: TradingStop, held: Decimal, stem: str) -> list[OrderRequest]:
    """The partial protections that a trading stop adds, take-profit first.

    held: the position, signed base units.  They are of the quantity asked for, or of the whole position.
    stem: what makes their ids unique, `<stem>-tp` and `<stem>-sl`.
    """
    asked = stop.protection.qty
    if asked is not None:
        held = asked.copy_sign(held)
    return _named(stem, _take_profit(stop, held), _stop_loss(stop, held))


def position_orders(stop: TradingStop, held: Decimal, stem: str) -> list[OrderRequest]:
    """The take-profit and stop-loss that a trading stop sets on a whole position; none for what is None or zero.

    held: the position, signed base units.  stem: what makes their ids unique, `<stem>-tp` and `<stem>-sl`.
    """
    whole = replace(stop, strategy="")
    return _named(stem, _take_profit(whole, held), _stop_loss(whole, held))


def trailing_order(stop: TradingStop, trailing: TrailingStop, held: Decimal, stem: str) -> OrderRequest:
    """The order of a trailing stop as it stands; its trigger price is what is expected while it is not active.

    held: the position, signed base units.  stem: what makes its id unique, `<stem>-ts`.
    """
    kind = StopOrderType.TRAILING_STOP
    request = _closing(replace(stop, strategy=""), kind, held, trigger=trailing.expected)
    return replace(request, order_id=f"{stem}-ts")


def replaced(protection: Protection) -> tuple[StopOrderType, ...]:
    """The kinds of whole-position protections that go, before those that were asked for are put up."""
    kinds = []
    if protection.take_profit is not None and not protection.partial:
        kinds.append(StopOrderType.TAKE_PROFIT)
    if protection.stop_loss is not None and not protection.partial:
        kinds.append(StopOrderType.STOP_LOSS)
    if protection.trailing_stop is not None:
        kinds.append(StopOrderType.TRAILING_STOP)
    return tuple(kinds)


def siblings(requests: Sequence[OrderRequest]) -> dict[str, str]:
    """Of a pair of partial protections the other one, which ends when one goes off, by the id of each; else empty."""
    partial = [request.order_id for request in requests if request.stop_order_type in PARTIAL]
    if len(partial) != 2:
        return {}
    return {partial[0]: partial[1], partial[1]: partial[0]}


def amended(protection: Protection | None, amendment: Amendment) -> Protection | None:
    """An order's protection after an amendment, which may add one; None when nothing is left of it."""
    if amendment.take_profit is None and amendment.stop_loss is None:
        return protection
    after = Protection() if protection is None else protection
    if amendment.take_profit is not None:
        limit = after.take_profit_limit if amendment.take_profit else None
        after = replace(after, take_profit=amendment.take_profit or None, take_profit_limit=limit)
    if amendment.stop_loss is not None:
        limit = after.stop_loss_limit if amendment.stop_loss else None
        after = replace(after, stop_loss=amendment.stop_loss or None, stop_loss_limit=limit)
    return None if after.take_profit is None and after.stop_loss is None else after


def _take_profit(stop: TradingStop, held: Decimal) -> OrderRequest | None:
    asked = stop.protection
    kind = StopOrderType.PARTIAL_TAKE_PROFIT if asked.partial else StopOrderType.TAKE_PROFIT
    if not asked.take_profit:
        return None
    return _closing(stop, kind, held, trigger=asked.take_profit, limit=asked.take_profit_limit, by=asked.take_profit_by)


def _stop_loss(stop: TradingStop, held: Decimal) -> OrderRequest | None:
    asked = stop.protection
    kind = StopOrderType.PARTIAL_STOP_LOSS if asked.partial else StopOrderType.STOP_LOSS
    if not asked.stop_loss:
        return None
    return _closing(stop, kind, held, trigger=asked.stop_loss, limit=asked.stop_loss_limit, by=asked.stop_loss_by)


def _closing(
    stop: TradingStop,
    kind: StopOrderType,
    held: Decimal,
    *,
    trigger: Decimal | None,
    limit: Decimal | None = None,
    by: TriggerBy = TriggerBy.LAST,
) -> OrderRequest:
    """A conditional order against a position of `held` signed base units, without its id."""
    long = held > 0
    favourable = kind in (StopOrderType.TAKE_PROFIT, StopOrderType.PARTIAL_TAKE_PROFIT)
    return OrderRequest(
        order_id="",
        decision=stop.decision,
        strategy=stop.strategy,
        symbol=stop.symbol,
        side=Side.SELL if long else Side.BUY,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if limit is None else TimeInForce.GTC,
        qty=held.copy_abs(),
        price=limit,
        reduce_only=True,
        position_idx=PositionIdx(stop.position_idx),
        trigger_price=trigger,
        trigger_by=by,
        trigger_direction=TriggerDirection.RISES if long is favourable else TriggerDirection.FALLS,
        close_on_trigger=True,
        stop_order_type=kind,
        create_type=_CREATE_TYPES[kind],
    )


def _named(stem: str, take_profit: OrderRequest | None, stop_loss: OrderRequest | None) -> list[OrderRequest]:
    made = ((take_profit, "-tp"), (stop_loss, "-sl"))
    return [replace(request, order_id=stem + ending) for request, ending in made if request is not None]
