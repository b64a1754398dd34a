"""The protector: take-profits, stop-losses and trailing stops of positions, put up, moved and cleared away.

Its one job: which protections exist. Their requests are made in `protection`, triggers go off in `matcher`.
Source: Bybit v5 docs, "Set Trading Stop" and "Place Order"; help centre, "Take Profit/Stop Loss", "Trailing Stop".

Assumptions:
- Protections of a whole position replace those before and have its quantity when they go off; partial ones are added
  for each fill of their order, in pairs of which one cancels the other.
- All of a position's protections end with it (CancelByTpSlTsClear), its reduce-only orders too (CancelByReduceOnly);
  when it shrinks, reduce-only orders are cut to it.
- A protection whose trigger is reached already when it is put up goes off at once.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from adapters.simulated.account import Account
from adapters.simulated.contract import Contract
from adapters.simulated.life import BY_USER, Life
from adapters.simulated.protection import (
    order_children,
    partial_orders,
    position_orders,
    replaced,
    siblings,
    trailing_order,
    whole_stop,
)
from adapters.simulated.protection_constraints import protection_refusal
from adapters.simulated.trailing import TrailingStop
from adapters.simulated.wire import Wire
from adapters.simulated.working import Working
from daemon.core.events import Side
from daemon.core.orders import OrderRequest, PositionIdx, Protection, TradingStop
from daemon.core.records import StopOrderType, TriggerBy
from daemon.core.venue import AmendReport, RefusalReport

PROTECTIONS = frozenset(StopOrderType) - {StopOrderType.NONE, StopOrderType.STOP}


class Protector:
    """Keeps the protections of every position."""

    def __init__(self, life: Life, account: Account, wire: Wire) -> None:
        self._life = life
        self._account = account
        self._wire = wire
        self._made = 0

    # Asked for

    def protect(self, stop: TradingStop, contract: Contract, now: int) -> None:
        """Set the protection of a position, or refuse to."""
        held = self._account.held(stop.symbol, stop.position_idx)
        refused = protection_refusal(
            stop.protection,
            contract.market,
            held=held,
            partial=len(contract.partial(stop.position_idx)),
            current=current(contract, stop.position_idx),
        )
        if refused is not None:
            self._wire.tell(now, RefusalReport("trading stop", "", stop.symbol, refused, stop.decision))
        elif stop.protection.partial:
            self._place(partial_orders(stop, held, self._stem(stop)), contract, now)
        else:
            self._set_whole(stop, contract, held, now)

    def _set_whole(self, stop: TradingStop, contract: Contract, held: Decimal, now: int) -> None:
        wanted = {made.stop_order_type: made for made in position_orders(stop, held, self._stem(stop))}
        for kind in replaced(stop.protection):
            before = contract.full.get((stop.position_idx, kind))
            made = wanted.pop(kind, None)
            if before is not None and made is not None:
                self._move(before, made, contract, now)
            elif before is not None:
                self._life.end(before, contract, now, BY_USER)
            elif made is not None:
                contract.full[stop.position_idx, kind] = self._life.place(made, contract, now)
        if stop.protection.trailing_stop is not None:
            self._set_trailing(stop, contract, held, now)

    def _move(self, order: Working, made: OrderRequest, contract: Contract, now: int) -> None:
        """Give a protection that stands another trigger."""
        moved = replace(
            order.request,
            qty=made.qty,
            trigger_price=made.trigger_price,
            trigger_by=made.trigger_by,
            trigger_direction=made.trigger_direction,
        )
        if moved == order.request:
            return
        contract.triggers.remove(order)
        order.request, order.remaining = moved, moved.qty
        contract.triggers.add(order)
        self._wire.tell(now, AmendReport(moved))

    def _set_trailing(self, stop: TradingStop, contract: Contract, held: Decimal, now: int) -> None:
        before = contract.trailing.get(stop.position_idx)
        if before is not None:
            self._life.end(before[1], contract, now, BY_USER)
        distance, instrument = stop.protection.trailing_stop, contract.market.instrument
        if not distance or instrument is None:
            return
        trailing = TrailingStop(
            leg=stop.position_idx,
            side=Side.BUY if held > 0 else Side.SELL,
            distance=distance,
            tick=instrument.tick,
            active_price=stop.protection.active_price,
        )
        trailing.follow(contract.market.last)
        order = self._life.place(trailing_order(stop, trailing, held, self._stem(stop)), contract, now)
        contract.trailing[stop.position_idx] = (trailing, order)

    # After a fill

    def after_fill(self, order: Working, contract: Contract, qty: Decimal, before: Decimal, now: int) -> None:
        """Put up, cut or clear away what hangs on a position that an execution changed.

        qty: what was filled.  before: what was held, signed base units.
        """
        held = self._account.held(contract.symbol, order.leg)
        if before and (not held or (held > 0) != (before > 0)):
            self._clear(contract, order.leg, now)
        elif contract.reducing:
            self._cut_reducing(contract, order.leg, now)
        if order.request.protection is not None and held and (held > 0) == (order.side is Side.BUY):
            self._attach(order, contract, qty, held, now)

    def _attach(self, order: Working, contract: Contract, qty: Decimal, held: Decimal, now: int) -> None:
        stop = whole_stop(order)
        if stop is not None:
            self._set_whole(stop, contract, held, now)
        else:
            self._place(order_children(order, qty, order.fills), contract, now)

    def _clear(self, contract: Contract, leg: PositionIdx, now: int) -> None:
        for order in list(contract.untriggered.values()):
            request = order.request
            if request.stop_order_type in PROTECTIONS and order.leg is leg and order.id in contract.untriggered:
                self._life.end(order, contract, now, "CancelByTpSlTsClear")
        for order in list(contract.reducing.values()):
            if order.leg is leg and order.id in contract.active:
                self._life.end(order, contract, now, "CancelByReduceOnly")

    def _cut_reducing(self, contract: Contract, leg: PositionIdx, now: int) -> None:
        for order in list(contract.reducing.values()):
            if order.leg is leg and not self._life.cut(order):
                self._life.end(order, contract, now, "CancelByReduceOnly")

    # Trailing

    def trailing_hits(self, contract: Contract, last: float, now: int) -> list[Working]:
        """Trailing stops that a last price hits, taken off; the others follow it."""
        hits: list[Working] = []
        for leg, (trailing, order) in list(contract.trailing.items()):
            if trailing.hit(last):
                del contract.trailing[leg]
                self._show(trailing, order, now)
                hits.append(order)
            else:
                trailing.follow(last)
        return hits

    def nearest_stop(self, contract: Contract, here: float, end: float) -> float | None:
        """The first trailing stop on a straight way of the last price."""
        reached = [trailing.reached(here, end) for trailing, _ in contract.trailing.values()]
        return min((price for price in reached if price is not None), key=lambda price: abs(price - here), default=None)

    def _show(self, trailing: TrailingStop, order: Working, now: int) -> None:
        """Tell where a trailing stop stood when it went off."""
        if order.request.trigger_price != trailing.trigger:
            order.request = replace(order.request, trigger_price=trailing.trigger)
            self._wire.tell(now, AmendReport(order.request, "it trailed the price"))

    # Details

    def _place(self, requests: list[OrderRequest], contract: Contract, now: int) -> None:
        for request in requests:
            self._life.place(request, contract, now)
        contract.siblings.update(siblings(requests))

    def _stem(self, stop: TradingStop) -> str:
        self._made += 1
        return f"{stop.symbol}-{int(stop.position_idx)}-{self._made}"


def current(contract: Contract, leg: PositionIdx) -> Protection:
    """What protects the whole of a position now."""
    profit = contract.full.get((leg, StopOrderType.TAKE_PROFIT))
    loss = contract.full.get((leg, StopOrderType.STOP_LOSS))
    trailing = contract.trailing.get(leg)
    return Protection(
        take_profit=None if profit is None else profit.request.trigger_price,
        stop_loss=None if loss is None else loss.request.trigger_price,
        take_profit_by=TriggerBy.LAST if profit is None else profit.request.trigger_by,
        stop_loss_by=TriggerBy.LAST if loss is None else loss.request.trigger_by,
        trailing_stop=None if trailing is None else trailing[0].distance,
        active_price=None if trailing is None else trailing[0].active_price,
    )
