"""The life of an order: taken or refused, waiting for its trigger, active, amended, ended; each step is told.

Its one job: statuses, in the venue's order, and the margin that hangs on them. What fills is decided elsewhere.
Source: Bybit v5 docs, "Enums Definitions" (orderStatus, cancelType, rejectReason), "Place Order", "Amend Order".

Assumptions:
- A conditional order that is cancelled before its trigger ends as Deactivated, a plain one as Cancelled.
- A triggered order that finds no margin, or nothing to reduce, is cancelled.
- A reduce-only limit order is cut to the room that those before it leave, a market order goes before them all; of what
  was cut off the daemon hears when the order ends.
- An amended price, or a larger quantity, gives up the place in the queue and may match at once; a smaller quantity
  keeps it.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from adapters.simulated.account import Account
from adapters.simulated.constraints import Standing, amend_refusal, amended_request, price_in_band, reduces, refusal
from adapters.simulated.contract import Contract
from adapters.simulated.pricing import band, hoped_for, protective_price
from adapters.simulated.wire import Wire
from adapters.simulated.working import Working
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import OrderStatus, OrderType, StopOrderType
from daemon.core.units import ZERO, multiply, subtract, to_decimal
from daemon.core.venue import AmendReport, OrderReport, PlacedReport, RefusalReport

NOTHING_TO_REDUCE = "110017: there is no position to reduce"
NO_FUNDS = "110007: available balance is not enough for the order"
BY_USER = "CancelByUser"
UNKNOWN = "110001: the order does not exist, or is finished already"


class Life:
    """Takes orders through their statuses.

    Args:
        account: binds and frees their margin.
        wire: tells of each step.
        move_price_to_limit: whether a price outside the venue's band is moved to it rather than refused.
    """

    def __init__(self, account: Account, wire: Wire, *, move_price_to_limit: bool) -> None:
        self._account = account
        self._wire = wire
        self._move = move_price_to_limit
        self._used: set[str] = set()

    # Coming

    def accept(self, order: Working, contract: Contract, now: int) -> bool:
        """Take an order that arrived, or refuse it; whether it is active and meets the market now."""
        order.arrived = now
        refused = refusal(order.request, contract.market, self._standing(order, contract))
        if refused is not None:
            self._tell_status(order, now, OrderStatus.REJECTED, refused)
            return False
        self._used.add(order.id)
        if order.request.is_conditional:
            self.wait(order, contract)
            self._tell_status(order, now, OrderStatus.UNTRIGGERED)
            return False
        return self.activate(order, contract, now)

    def place(self, request: OrderRequest, contract: Contract, now: int) -> Working:
        """Put up an order of the exchange's own making: conditional ones wait, others are active without margin."""
        order = Working(request, contract.market, request.qty, now, now)
        if request.is_conditional:
            order.status = OrderStatus.UNTRIGGERED
            self.wait(order, contract)
        else:
            order.status = OrderStatus.NEW
            order.reference = hoped_for(contract.market, order.side)
            self._enter(order, contract)
        self._wire.tell(now, PlacedReport(request, order.status))
        return order

    def wait(self, order: Working, contract: Contract) -> None:
        """Let a conditional order wait for its trigger; a trailing stop's moves and is watched by its owner."""
        contract.untriggered[order.id] = order
        if order.request.stop_order_type is not StopOrderType.TRAILING_STOP:
            contract.triggers.add(order)

    def trigger(self, order: Working, contract: Contract, now: int) -> bool:
        """Let a conditional order go off; whether it is active and meets the market now."""
        contract.untriggered.pop(order.id, None)
        order.reference = hoped_for(contract.market, order.side)
        sibling = contract.siblings.pop(order.id, None)
        if sibling is not None:
            self._end_sibling(sibling, contract, now)
        self._cover(order, contract, now)
        self._tell_status(order, now, OrderStatus.TRIGGERED)
        return self.activate(order, contract, now)

    def activate(self, order: Working, contract: Contract, now: int) -> bool:
        """Make an order active if it may reduce what it should, and its margin is there."""
        request = order.request
        if reduces(request) and not self._cut_to_room(order, contract):
            return self._turn_away(order, now, NOTHING_TO_REDUCE, "CancelByReduceOnly")
        outside = self._hold_in_band(order)
        if outside is not None:
            return self._turn_away(order, now, outside, outside)
        if not self._account.reserve(order):
            return self._turn_away(order, now, NO_FUNDS, NO_FUNDS)
        self._enter(order, contract)
        self._tell_status(order, now, OrderStatus.NEW)
        if order.request.price != request.price:
            self._wire.tell(now, AmendReport(order.request, "the price was moved to the venue's limit"))
        return True

    def cut(self, order: Working) -> Decimal:
        """Cut an order to what is held against it; returns what is left of it, base units."""
        request = order.request
        held = self._account.reducible(request.symbol, request.position_idx, request.side)
        order.remaining = min(order.remaining, held)
        return order.remaining

    def _cut_to_room(self, order: Working, contract: Contract) -> Decimal:
        order.remaining = min(order.remaining, self._room(order.request, contract))
        return order.remaining

    def _room(self, request: OrderRequest, contract: Contract) -> Decimal:
        """What an order may reduce beside those before it; a market order, or a close on its trigger, goes first."""
        room = self._account.reducible(request.symbol, request.position_idx, request.side)
        if request.type is OrderType.LIMIT and not request.close_on_trigger:
            for other in contract.reducing.values():
                if other.side is request.side and other.leg is request.position_idx and other.id != request.order_id:
                    room = subtract(room, other.remaining)
        return max(ZERO, room)

    # Changing

    def amend(self, order: Working, amendment: Amendment, contract: Contract, now: int) -> bool:
        """Change an order, or refuse to; whether it has to meet the market anew."""
        before = (order.request, order.remaining, order.price, order.limit)
        standing = self._standing(order, contract)
        refused = amend_refusal(amendment, order, contract.market, standing) or self._change(order, amendment, contract)
        if refused is None and not self._account.reserve(order):
            refused = NO_FUNDS
        if refused is not None:
            order.request, order.remaining, order.price, order.limit = before
            self.refuse("amend", order.id, now, refused, symbol=contract.symbol)
            return False
        self._wire.tell(now, AmendReport(order.request))
        return self._requeue(order, before[0], contract)

    def refuse(self, what: str, order_id: str, now: int, reason: str = UNKNOWN, *, symbol: str = "") -> None:
        """Refuse a request about an order; one that is not open here has no symbol either."""
        self._wire.tell(now, RefusalReport(what, order_id, symbol, reason))

    def _change(self, order: Working, amendment: Amendment, contract: Contract) -> str | None:
        order.request = amended_request(order.request, amendment)
        order.remaining = subtract(order.request.qty, order.filled)
        if order.status is OrderStatus.UNTRIGGERED:
            return None
        if reduces(order.request) and not self._cut_to_room(order, contract):
            return NOTHING_TO_REDUCE
        return self._hold_in_band(order)

    def _requeue(self, order: Working, before: OrderRequest, contract: Contract) -> bool:
        request = order.request
        if order.status is OrderStatus.UNTRIGGERED:
            if request.stop_order_type is not StopOrderType.TRAILING_STOP:
                contract.triggers.remove(order)
                contract.triggers.add(order)
            return False
        if request.price == before.price and request.qty <= before.qty:
            return False
        if order.judged:
            contract.resting.remove(order)
            order.judged = False
        return True

    # Going

    def end(self, order: Working, contract: Contract, now: int, reason: str) -> None:
        """Take an order off that did not fill wholly."""
        waiting = order.status is OrderStatus.UNTRIGGERED
        self.forget(order, contract)
        self._tell_status(order, now, OrderStatus.DEACTIVATED if waiting else OrderStatus.CANCELLED, reason)

    def forget(self, order: Working, contract: Contract) -> None:
        """Take an order out of all lists and free its margin."""
        if contract.untriggered.pop(order.id, None) is not None:
            self._forget_waiting(order, contract)
            return
        name = order.id
        contract.active.pop(name, None)
        contract.waiting.pop(name, None)
        contract.reducing.pop(name, None)
        if order.judged:
            contract.resting.remove(order)
        self._account.release(order)

    def _forget_waiting(self, order: Working, contract: Contract) -> None:
        request = order.request
        sibling = contract.siblings.pop(order.id, None)
        if sibling is not None:
            contract.siblings.pop(sibling, None)
        key = (request.position_idx, request.stop_order_type)
        if contract.full.get(key) is order:
            del contract.full[key]
        if request.stop_order_type is StopOrderType.TRAILING_STOP:
            contract.trailing.pop(request.position_idx, None)
        else:
            contract.triggers.remove(order)

    def _end_sibling(self, sibling: str, contract: Contract, now: int) -> None:
        contract.siblings.pop(sibling, None)
        order = contract.untriggered.get(sibling)
        if order is not None:
            self.end(order, contract, now, "CancelByTpSlTsClear")

    # Details

    def _cover(self, order: Working, contract: Contract, now: int) -> None:
        """Let a protection of the whole position have the position's quantity as it is now."""
        request = order.request
        if request.stop_order_type is not StopOrderType.TRAILING_STOP:
            key = (request.position_idx, request.stop_order_type)
            if contract.full.get(key) is not order:
                return
            del contract.full[key]
        held = self._account.reducible(request.symbol, request.position_idx, request.side)
        if held and held != request.qty:
            order.request = replace(request, qty=held)
            order.remaining = held
            self._wire.tell(now, AmendReport(order.request, "it closes the whole position"))

    def _enter(self, order: Working, contract: Contract) -> None:
        contract.active[order.id] = order
        if reduces(order.request):
            contract.reducing[order.id] = order

    def _turn_away(self, order: Working, now: int, rejected: str, cancelled: str) -> bool:
        if order.status is OrderStatus.TRIGGERED:
            self._tell_status(order, now, OrderStatus.CANCELLED, cancelled)
        else:
            self._tell_status(order, now, OrderStatus.REJECTED, rejected)
        return False

    def _tell_status(self, order: Working, now: int, status: OrderStatus, reason: str = "") -> None:
        order.status = status
        self._wire.tell(now, OrderReport(order.id, status, reason))

    def _hold_in_band(self, order: Working) -> str | None:
        """Move a limit price into the venue's band, or say why it is refused; sets the prices that follow from it."""
        request = order.request
        limits = None if request.price is None else band(order.market)
        if request.price is not None and limits is not None:
            price = price_in_band(request.price, request.side, limits, move=self._move)
            if isinstance(price, str):
                return price
            if price != request.price:
                order.request = replace(request, price=price)
        _set_prices(order)
        return None

    def _standing(self, order: Working, contract: Contract) -> Standing:
        request, account, market = order.request, self._account, contract.market
        leg = account.leg(request.symbol, request.position_idx, market)
        return Standing(
            active_orders=len(contract.active),
            conditional_orders=contract.conditional(),
            partial_protections=len(contract.partial(request.position_idx)),
            hedge=account.hedge,
            leverage=leg.leverage,
            position_value=multiply(leg.side_qty(request.side), leg.mark()),
            known_id=order.id in self._used,
            liquidation_price=None if request.price is None else leg.liquidation_price,
            reducible=self._room(request, contract) if reduces(request) else ZERO,
            band=None if self._move else band(market),
        )


def _set_prices(order: Working) -> None:
    """The bound an order may fill to, and the price its margin is reserved at."""
    request, market = order.request, order.market
    if request.type is OrderType.MARKET:
        order.limit = protective_price(market, request.side, request.tolerance)
        order.price = to_decimal(market.mark) if order.limit is None else order.limit
    else:
        order.limit = request.price
        order.price = ZERO if request.price is None else request.price
