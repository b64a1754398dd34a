"""Differences of conditional, reduce-only and amended orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from daemon.core.events import Bar, Side
from daemon.core.orders import Amendment, OrderRequest, TriggerDirection
from daemon.core.records import TimeInForce
from daemon.core.units import ZERO, subtract, to_decimal
from daemon.core.venue import FillData
from tests.differential.compare import Difference
from tests.differential.reading import (
    comes_here,
    here,
    is_end,
    is_fill,
    open_quantity,
    position,
    reducible,
    resting,
)
from tests.differential.scenario import Cancel
from tests.differential.trace import What


def reduces_later(difference: Difference) -> bool:
    """There, a conditional reduce-only order needs its position on arrival; ours when it is triggered."""
    request, theirs = difference.request, here(difference.theirs, difference)
    rejected = theirs is not None and theirs.word.startswith("Rejected REDUCE_ONLY")
    can_reduce = reducible(difference.their_trace, difference) > ZERO
    return request.reduce_only and request.is_conditional and rejected and not can_reduce


def other_position(difference: Difference) -> bool:
    """A reduce-only order meets another position, for other orders have lived other lives."""
    if not difference.request.reduce_only:
        return False
    return position(difference.our_trace, difference) != position(difference.their_trace, difference)


def cut_order_ends(difference: Difference) -> bool:
    """Ours cancels what was cut off a reduce-only order; there, the order has become smaller and is full."""
    ours = here(difference.ours, difference)
    cut = ours is not None and ours.word == "Cancelled CancelByReduceOnly"
    resized = difference.their_trace.steps[difference.request.order_id]
    return cut and any(step.what is What.RESIZED and step.at == difference.place for step in resized)


def reduced_together(difference: Difference) -> bool:
    """Ours counts all open reduce-only orders against the position together; there, each has the whole of it."""
    request = difference.request
    if not request.reduce_only or position(difference.our_trace, difference) != position(
        difference.their_trace, difference
    ):
        return False
    ours = here(difference.ours, difference)
    if ours is None or not comes_here(difference):
        return False
    promised = sum(
        (
            open_quantity(difference.our_trace, other, difference.place)
            for other, _ in resting(difference.our_trace, difference, difference.side)
            if other.reduce_only
        ),
        ZERO,
    )
    room = max(ZERO, subtract(reducible(difference.our_trace, difference), promised))
    if not room:
        return is_end(ours) and ours.word.startswith("Rejected 110017")
    return promised > ZERO and is_fill(ours) and ours.qty <= room < request.qty


def nothing_to_reduce(difference: Difference) -> bool:
    """Ours cancels a resting reduce-only order as soon as its position is gone; there it stays until it would fill."""
    ours = here(difference.ours, difference)
    if ours is None or ours.word != "Cancelled CancelByReduceOnly":
        return False
    held = position(difference.our_trace, difference, after=True)
    return difference.request.reduce_only and (held >= ZERO if difference.side is Side.BUY else held <= ZERO)


def post_only_amended(difference: Difference) -> bool:
    """A post-only order is amended to a price that would take: ours cancels it, there the amendment is refused."""
    ours, theirs = here(difference.ours, difference), here(difference.theirs, difference)
    if ours is None or theirs is None or difference.request.time_in_force is not TimeInForce.POST_ONLY:
        return False
    return ours.what is What.AMENDED and theirs.word.startswith("Modify rejected POST_ONLY")


def other_trigger(difference: Difference) -> bool:
    """Ours triggers by the last price, as asked; there, a stop looks at the opposite touch."""
    if not difference.request.is_conditional or _triggered(difference):
        return False
    happening, place = difference.view.happening(difference.place), difference.place
    if isinstance(happening, Amendment) and happening.order_id == difference.request.order_id:
        moved = happening.trigger_price
        return moved is not None and ours_is_there(difference, place, moved) != theirs_is_there(
            difference, place, moved
        )
    expected = [expected_trigger(difference, is_there) for is_there in (ours_is_there, theirs_is_there)]
    told = [None if step is None else step.at for step in (difference.ours, difference.theirs)]
    return expected[0] != expected[1] and told == expected


IsThere: TypeAlias = Callable[[Difference, int, Decimal], bool]


def expected_trigger(difference: Difference, is_there: IsThere) -> int | None:
    """Where the order's life goes on: it is triggered, refused because it would be, or cancelled; None for nowhere."""
    order_id, trigger = difference.request.order_id, trigger_price(difference)
    since = max((step.at for step in difference.before), default=-1)
    for place in range(since + 1, len(difference.scenario.happenings)):
        happening = difference.view.happening(place)
        if isinstance(happening, Cancel | Amendment) and happening.order_id == order_id:
            return place
        came = isinstance(happening, OrderRequest) and happening.order_id == order_id
        arrived = since >= 0 or place >= arrival(difference)
        if (came or (arrived and not isinstance(happening, OrderRequest | Amendment | Cancel))) and is_there(
            difference, place, trigger
        ):
            return place
    return None


def arrival(difference: Difference) -> int:
    """Place where the order was sent."""
    return next(
        place
        for place, happening in enumerate(difference.scenario.happenings)
        if isinstance(happening, OrderRequest) and happening.order_id == difference.request.order_id
    )


def ours_is_there(difference: Difference, place: int, trigger: Decimal) -> bool:
    """Whether the last price is at a trigger, or was on the way through a bar."""
    return _is_there(difference, place, trigger, difference.view.at(place).last)


def theirs_is_there(difference: Difference, place: int, trigger: Decimal) -> bool:
    """Whether the opposite touch is at a trigger, or was on the way through a bar."""
    shown, with_book = difference.view.at(place), difference.scenario.data is FillData.BOOK
    touch = shown.touch(difference.side) if with_book else shown.their_touch(difference.side)[0]
    return _is_there(difference, place, trigger, touch)


def _is_there(difference: Difference, place: int, trigger: Decimal, price: Decimal) -> bool:
    happening, rises = difference.view.happening(place), difference.request.trigger_direction is TriggerDirection.RISES
    if isinstance(happening, Bar):
        price = to_decimal(happening.high if rises else happening.low)
    return price >= trigger if rises else price <= trigger


def _triggered(difference: Difference) -> bool:
    return any(step.what in (What.TRIGGERED, What.FILL) for step in difference.before)


def trigger_price(difference: Difference) -> Decimal:
    """The trigger with the amendments that both took before."""
    price = difference.request.trigger_price
    for step in difference.before:
        happening = difference.view.happening(step.at)
        if step.what is What.AMENDED and isinstance(happening, Amendment) and happening.trigger_price is not None:
            price = happening.trigger_price
    assert price is not None, "only a conditional order has a trigger"
    return price


def amended_after_trigger(difference: Difference) -> bool:
    """The trigger of an order that was triggered cannot be changed in ours; there it can, to no effect."""
    happening, ours = difference.view.happening(difference.place), here(difference.ours, difference)
    asked = isinstance(happening, Amendment) and happening.trigger_price is not None
    return asked and _triggered(difference) and ours is not None and ours.what is What.REFUSED


def filled_at_trigger(difference: Difference) -> bool:
    """There, a triggered order pays the trigger price for its first level, and a limit order may count as a maker."""
    theirs, request = here(difference.theirs, difference), difference.request
    if theirs is None or theirs.what is not What.FILL or not request.is_conditional:
        return False
    if request.price is None:
        return theirs.price == trigger_price(difference)
    triggered = any(step.what is What.TRIGGERED for step in difference.before)
    return triggered and (
        theirs.price == trigger_price(difference) or (theirs.maker and theirs.price != difference.price)
    )
