"""Reading a difference: what an order still wanted, what each engine filled at the place, who else rested there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from daemon.core.events import Side
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import TimeInForce
from daemon.core.units import ZERO, add, subtract
from tests.differential.compare import Difference, essential
from tests.differential.trace import Step, Trace, What

Fills = list[tuple[Decimal, Decimal]]
"""(price, quantity) of executions, best first."""


def opposite(side: Side) -> Side:
    """The other side."""
    return Side.SELL if side is Side.BUY else Side.BUY


def is_worse(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether a price lies beyond what a limit allows."""
    return price > limit if side is Side.BUY else price < limit


def reaches(side: Side, price: Decimal, limit: Decimal, *, inclusive: bool) -> bool:
    """Whether a market price is better than a limit, or at it too."""
    return inclusive if price == limit else not is_worse(side, price, limit)


def rested(step: Step | None) -> bool:
    """Whether a step is a fill of a resting order."""
    return step is not None and step.what is What.FILL and step.maker


def is_fill(step: Step | None) -> bool:
    """Whether a step is a fill."""
    return step is not None and step.what is What.FILL


def is_end(step: Step | None) -> bool:
    """Whether a step is an end without a fill."""
    return step is not None and step.what is What.END


def here(step: Step | None, difference: Difference) -> Step | None:
    """The step if it happened at the place of the difference."""
    return step if step is not None and step.at == difference.place else None


def life(trace: Trace, difference: Difference) -> list[Step]:
    """The essential steps of the order in a trace."""
    return essential(trace.steps.get(difference.request.order_id, []), difference.request)


def fills_here(trace: Trace, difference: Difference) -> Fills:
    """What the order filled in a trace at the place of the difference."""
    steps = life(trace, difference)
    return [(step.price, step.qty) for step in steps if step.what is What.FILL and step.at == difference.place]


def ends_here(trace: Trace, difference: Difference) -> bool:
    """Whether the order ended in a trace at the place of the difference."""
    return any(step.what is What.END and step.at == difference.place for step in life(trace, difference))


def quantity(fills: Fills) -> Decimal:
    """Sum of quantities."""
    return sum((qty for _, qty in fills), ZERO)


def position(trace: Trace, difference: Difference, *, after: bool = False) -> Decimal:
    """Signed position before the order's own step at the place of the difference, or after the place; base units."""
    orders, held = difference.scenario.orders(), ZERO
    for order_id, step in trace.fills:
        own = order_id == difference.request.order_id and not after
        if step.at > difference.place or (step.at == difference.place and own):
            break
        held = add(held, step.qty if orders[order_id].side is Side.BUY else -step.qty)
    return held


def reducible(trace: Trace, difference: Difference) -> Decimal:
    """What of the position an order of the side may reduce before its step, base units."""
    held = position(trace, difference)
    return max(ZERO, -held if difference.side is Side.BUY else held)


def wanted(difference: Difference) -> Decimal:
    """What the order had left when the place of the difference came, amendments at it included."""
    total = difference.request.qty
    for step in life(difference.our_trace, difference):
        if step.what is What.AMENDED and step.at <= difference.place:
            total = step.qty
    earlier = [step for step in difference.before if step.what is What.FILL and step.at < difference.place]
    left = subtract(total, sum((step.qty for step in earlier), ZERO))
    return min(left, reducible(difference.our_trace, difference)) if difference.request.reduce_only else left


def comes_here(difference: Difference) -> bool:
    """Whether the order meets the market for the first time, or anew after an amendment or its trigger."""
    happening, request = difference.view.happening(difference.place), difference.request
    if request.is_conditional and request.price is not None:
        return any(step.what is What.TRIGGERED and step.at == difference.place for step in difference.before)
    if request.is_conditional:
        return not difference.before
    if isinstance(happening, OrderRequest | Amendment):
        return happening.order_id == request.order_id
    return False


def immediate(request: OrderRequest) -> bool:
    """Whether what does not fill at once is cancelled."""
    return request.price is None or request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)


def resting(trace: Trace, difference: Difference, side: Side) -> Iterator[tuple[OrderRequest, Decimal]]:
    """Orders of a side that rested just before the difference, with their limits."""
    for order_id, request in difference.scenario.orders().items():
        steps = [step for step in trace.steps.get(order_id, []) if step.at < difference.place]
        waits = request.is_conditional and all(step.what is not What.TRIGGERED for step in steps)
        if steps and request.side is side and request.price is not None and not waits and is_open(steps, request):
            amended = [step.price for step in steps if step.what is What.AMENDED]
            yield request, amended[-1] if amended else request.price


def open_quantity(trace: Trace, request: OrderRequest, place: int) -> Decimal:
    """What an order had left before a place, base units."""
    steps = [step for step in trace.steps[request.order_id] if step.at < place]
    total = next((step.qty for step in reversed(steps) if step.what is What.AMENDED), request.qty)
    return subtract(total, sum((step.qty for step in steps if step.what is What.FILL), ZERO))


def is_open(steps: list[Step], request: OrderRequest) -> bool:
    """Whether an order with these steps may still fill."""
    total, filled = request.qty, ZERO
    for step in steps:
        if step.what is What.END:
            return False
        if step.what is What.AMENDED:
            total = step.qty
        if step.what is What.FILL:
            filled = add(filled, step.qty)
    return filled < total


def as_expected(step: Step | None, difference: Difference, met: Fills, *, at: int | None = None) -> bool:
    """Whether the step is the next one of an order that meets this much at a place, by its time in force.

    at: the place where the order comes to the market, None for the place of the difference.
    """
    place = difference.place if at is None else at
    told = sum((before.at == place or at is not None) and is_fill(before) for before in difference.before)
    fills, ends = outcome(difference, met, comes=at is not None or comes_here(difference))
    step = step if step is not None and step.at == place else None
    if told < len(fills):
        return step is not None and is_fill(step) and (step.price, step.qty) == fills[told]
    return is_end(step) if ends else step is None


def outcome(difference: Difference, met: Fills, *, comes: bool) -> tuple[Fills, bool]:
    """What an order that meets this much fills, and whether it ends without having filled wholly."""
    force, left = difference.request.time_in_force, subtract(wanted(difference), quantity(met))
    if not comes:
        return met, False
    if (force is TimeInForce.POST_ONLY and met) or (force is TimeInForce.FOK and left):
        return [], True
    return met, bool(left) and (difference.price is None or force is TimeInForce.IOC)
