"""What a decision means at the exchange: an order, a cancel, an amendment or a protection, on the instrument's grid.

Pure. Where nothing can be asked for, the answer is the reason in words, and the decision becomes a hold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias, assert_never

from msgspec import Struct

from daemon.core.events import Instrument, Side
from daemon.core.lane import Runner
from daemon.core.market import Market
from daemon.core.orders import OrderState, Protection, TriggerDirection
from daemon.core.records import Action, CreateType, OrderType, Terms, TriggerBy
from daemon.core.sizing import Sized, limit_price, size
from daemon.core.strategy import Decision
from daemon.core.units import floor_qty, price_down, price_up, to_decimal


class Condition(Struct, frozen=True):
    """What a conditional order waits for; `price` USDT on the tick grid."""

    price: Decimal
    by: TriggerBy
    direction: TriggerDirection


class Placing(Struct, frozen=True):
    """A new order. is_exit: it may only bring the position closer to zero, and is sent reduce-only."""

    sized: Sized
    condition: Condition | None
    protection: Protection | None
    is_exit: bool


class Cancelling(Struct, frozen=True):
    """Orders to cancel, in the order in which they were placed."""

    orders: tuple[OrderState, ...]


class Amending(Struct, frozen=True):
    """A change of an order to a total `qty`, base units, and a limit `price`, USDT; either may be what it is now."""

    order: OrderState
    qty: Decimal
    price: Decimal


class Protecting(Struct, frozen=True):
    """A change of the position's protection."""

    protection: Protection


Wish: TypeAlias = Placing | Cancelling | Amending | Protecting


def interpret(runner: Runner, decision: Decision) -> Wish | str:
    """What to ask the exchange for, or why nothing can be.

    Args:
        runner: whose decision it is.
        decision: not a hold; its numbers are finite.
    """
    if decision.action is Action.CANCEL:
        return _cancelling(runner)
    if runner.evaluation <= runner.strategy.warmup:
        return f"warming up, {runner.evaluation} of {runner.strategy.warmup}"
    instrument = runner.market.instrument
    if instrument is None:
        return "the instrument is not known yet"
    if decision.action is Action.AMEND:
        return _amending(runner, decision, instrument)
    if decision.action is Action.PROTECT:
        return _protecting(runner, decision, instrument.tick)
    return _placing(runner, decision, instrument)


def terms(wish: Wish, decision: Decision) -> Terms | None:
    """What stands in the decision line besides the quantity; None when there is nothing."""
    match wish:
        case Cancelling():
            return Terms(orders=tuple([order.request.order_id for order in wish.orders]))
        case Amending():
            return Terms(price=wish.price, orders=(wish.order.request.order_id,))
        case Protecting():
            set_to = wish.protection
            return Terms(take_profit=set_to.take_profit, stop_loss=set_to.stop_loss, trailing_stop=set_to.trailing_stop)
        case Placing():
            return _terms_of_order(wish) if decision.price is not None or wish.condition or wish.protection else None


def _terms_of_order(wish: Placing) -> Terms:
    condition, protection = wish.condition, wish.protection
    return Terms(
        wish.sized.price,
        None if condition is None else condition.price,
        None if condition is None else condition.by,
        None if protection is None else protection.take_profit,
        None if protection is None else protection.stop_loss,
    )


# Orders


def _placing(runner: Runner, decision: Decision, instrument: Instrument) -> Placing | str:
    market = runner.market
    condition = _condition(decision, market, instrument.tick)
    if isinstance(condition, str):
        return condition
    closes = decision.action is Action.CLOSE
    held = runner.unclosed(resting=decision.price is not None) if closes else runner.held()
    worth = to_decimal(market.mark) if condition is None else condition.price
    sized = size(decision, instrument=instrument, worth=worth, held=held)
    if isinstance(sized, str):
        return sized
    if decision.reduce_only or _leaves(runner, sized):
        return Placing(sized, condition, None, is_exit=True)
    if decision.trailing_stop is not None:
        return "a trailing stop belongs to a position, not to an order: decide to protect"
    protection = _protection(decision, sized.side, instrument.tick, removes=False)
    return protection if isinstance(protection, str) else Placing(sized, condition, protection, is_exit=False)


def _leaves(runner: Runner, sized: Sized) -> bool:
    """Whether an order brings the strategy's position and the account's closer to zero without crossing it."""
    change = sized.qty if sized.side is Side.BUY else sized.qty.copy_negate()
    account = runner.lane.ledger.position(runner.symbol).qty
    return _reduces(runner.position.qty, change) and _reduces(account, change)


def _reduces(held: Decimal, change: Decimal) -> bool:
    return bool(held) and (held > 0) != (change > 0) and change.copy_abs() <= held.copy_abs()


def _condition(decision: Decision, market: Market, tick: Decimal) -> Condition | str | None:
    """The trigger, rounded to the side that is reached earlier."""
    if decision.trigger_price is None:
        return None
    by = decision.trigger_by
    now = _price_of(market, by)
    if now <= 0.0:
        return f"no {by} is known yet"
    wanted = to_decimal(decision.trigger_price)
    current = to_decimal(now)
    rises = wanted > current
    price = price_down(wanted, tick) if rises else price_up(wanted, tick)
    if price <= 0:
        return f"trigger price {decision.trigger_price} is not above zero"
    if price == current or (price > current) is not rises:
        return f"the {by} stands at the trigger price {price} already"
    return Condition(price, by, TriggerDirection.RISES if rises else TriggerDirection.FALLS)


def _price_of(market: Market, by: TriggerBy) -> float:
    """The current price of a kind, 0.0 when unknown."""
    match by:
        case TriggerBy.LAST:
            return market.last
        case TriggerBy.MARK:
            return market.mark
        case TriggerBy.INDEX:
            return market.index
        case _:
            assert_never(by)


# Open orders


def _own(runner: Runner) -> list[OrderState]:
    """Open orders that the strategy asked for, in the order of placing; those that the exchange made are not among."""
    return [
        order
        for order, owner in runner.lane.orders.values()
        if owner is runner and order.request.create_type is CreateType.USER
    ]


def _cancelling(runner: Runner) -> Cancelling | str:
    orders = tuple([order for order in _own(runner) if not order.cancelling])
    return Cancelling(orders) if orders else "no open order to cancel"


def _amending(runner: Runner, decision: Decision, instrument: Instrument) -> Amending | str:
    found = [
        order
        for order in _own(runner)
        if order.request.type is OrderType.LIMIT and not order.request.is_conditional and not order.cancelling
    ]
    if len(found) != 1:
        return f"there are {len(found)} open limit orders, not the one to amend"
    order = found[0]
    if order.asked_qty is not None:
        return "an amendment is under way"
    request = order.request
    qty = request.qty if decision.qty is None else floor_qty(to_decimal(decision.qty), instrument.step)
    wanted = limit_price(decision.price, request.side, instrument.tick)
    price = request.price if wanted is None else wanted
    if price is None or (qty == request.qty and price == request.price):
        return "nothing to amend"
    if qty <= order.filled_qty:
        return f"quantity {qty} is not above the {order.filled_qty} filled already"
    if qty < instrument.min_qty:
        return f"quantity {qty} is below the minimum of {instrument.min_qty}"
    return Amending(order, qty, price)


# Protections


def _protecting(runner: Runner, decision: Decision, tick: Decimal) -> Protecting | str:
    held = runner.position.qty
    if not held:
        return "no position to protect"
    account = runner.lane.ledger.position(runner.symbol).qty
    if not account or (account > 0) != (held > 0):
        return "the account holds nothing on the side of this strategy"
    protection = _protection(decision, Side.BUY if held > 0 else Side.SELL, tick, removes=True)
    if protection is None:
        return "neither take-profit, stop-loss nor trailing stop is given"
    return protection if isinstance(protection, str) else Protecting(protection)


def _protection(decision: Decision, side: Side, tick: Decimal, *, removes: bool) -> Protection | str | None:
    """Protective prices of a position of `side`, rounded to the side that triggers earlier.

    removes: whether a zero is a wish; an order without a protection has nothing to remove.
    """
    if decision.take_profit is None and decision.stop_loss is None and decision.trailing_stop is None:
        return None
    given = (
        ("take-profit", decision.take_profit, side is Side.BUY),
        ("stop-loss", decision.stop_loss, side is Side.SELL),
        ("trailing stop", decision.trailing_stop, True),
    )
    found: list[Decimal | None] = []
    for name, wanted, down in given:
        if wanted is None or (wanted == 0.0 and not removes):
            found.append(None)
            continue
        exact = to_decimal(wanted)
        price = price_down(exact, tick) if down else price_up(exact, tick)
        if price < 0 or (not price and wanted != 0.0):
            return f"{name} {wanted} is not above zero on the tick grid"
        found.append(price)
    if found == [None, None, None]:
        return None
    return Protection(take_profit=found[0], stop_loss=found[1], trailing_stop=found[2])
