"""Differences where there are only bars: ours takes the next bar's open, the other engine the last bar's close."""

from __future__ import annotations

from daemon.core.events import Bar, Side
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.units import ZERO, add, subtract, to_decimal
from daemon.core.venue import FillData
from tests.differential.compare import Difference
from tests.differential.on_special import trigger_price
from tests.differential.on_touch import their_taking
from tests.differential.reading import (
    as_expected,
    fills_here,
    here,
    is_end,
    is_fill,
    is_worse,
    outcome,
    quantity,
    rested,
    wanted,
)
from tests.differential.trace import What


def next_open(difference: Difference) -> bool:
    """An order that comes after a bar takes the next one's open in ours; there, the close that is past."""
    came = _came(difference)
    if came is None or _waits(difference, came):
        return False
    bars = {_next_bar(difference, came, used_up=used_up) for used_up in (True, False)}
    return _their_close(difference, came) and any(_our_open(difference, came, after) for after in bars)


def touched_limit(difference: Difference) -> bool:
    """A bar that reaches a limit but does not go beyond it fills part of the order there and nothing in ours."""
    bar = _bar(difference)
    if bar is None or difference.price is None or fills_here(difference.our_trace, difference):
        return False
    points = [bar.low if difference.side is Side.BUY else bar.high]
    if difference.request.is_conditional:
        points = [bar.open, bar.high, bar.low, bar.close]
    return difference.price in map(to_decimal, points) and rested(here(difference.theirs, difference))


def volume_of_bar(difference: Difference) -> bool:
    """Ours fills all its orders of a bar from its volume; there, a limit that is passed fills wholly."""
    bar = _bar(difference)
    if bar is None:
        return _crowded_out(difference)
    filled = sum((step.qty for _, step in difference.our_trace.fills if step.at == difference.place), ZERO)
    less = quantity(fills_here(difference.our_trace, difference)) < quantity(
        fills_here(difference.their_trace, difference)
    )
    return less and filled == to_decimal(bar.volume)


def _crowded_out(difference: Difference) -> bool:
    """Whether our other orders left nothing of the bar that the order came to, so that it rests from then on."""
    came = _came(difference)
    if came is None or _waits(difference, came) or not _their_close(difference, came):
        return False
    first, ours = _next_bar(difference, came, used_up=True), difference.ours
    bar = difference.view.happening(first)
    if not isinstance(bar, Bar) or not _used_up(difference, first, bar):
        return False
    return ours is None or (ours.at > first and rested(ours) and ours.price == difference.price)


def stop_in_bar(difference: Difference) -> bool:
    """Price moves through our bar and stops at a trigger; there, it jumps between the four prices of the bar.

    So a stop pays its trigger, or the open that jumped over it; there, its trigger and a tick for size, and a limit
    order that was triggered takes what the next of the four prices shows.
    """
    bar, ours, theirs = _bar(difference), here(difference.ours, difference), here(difference.theirs, difference)
    if bar is None or not difference.request.is_conditional or (ours is None and theirs is None):
        return False
    if difference.price is not None and not any(step.at == difference.place for step in difference.before):
        return False
    points = {to_decimal(price) for price in (bar.open, bar.high, bar.low, bar.close)}
    trigger, tick = trigger_price(difference), difference.scenario.instrument.tick
    mine = {trigger, to_decimal(bar.open), difference.price}
    other = points | {trigger, add(trigger, tick), subtract(trigger, tick), difference.price}
    return all(step is None or is_end(step) or step.price in prices for step, prices in ((ours, mine), (theirs, other)))


def _bar(difference: Difference) -> Bar | None:
    happening = difference.view.happening(difference.place)
    return happening if isinstance(happening, Bar) and difference.scenario.data is FillData.BARS else None


def _came(difference: Difference) -> int | None:
    """Place where the order last came to the market, if it has not met a bar since in either engine."""
    if difference.scenario.data is not FillData.BARS:
        return None
    places = [
        place
        for place in range(difference.place + 1)
        if isinstance(happening := difference.view.happening(place), OrderRequest | Amendment)
        and happening.order_id == difference.request.order_id
    ]
    if not places:
        return None
    return places[-1] if difference.place <= _next_bar(difference, places[-1], used_up=False) else None


def _waits(difference: Difference, came: int) -> bool:
    triggered = any(step.what is What.TRIGGERED and step.at < came for step in difference.before)
    return difference.request.is_conditional and not triggered


def _next_bar(difference: Difference, place: int, *, used_up: bool) -> int:
    """The next bar, be it used up by our other orders or not."""
    happenings = difference.scenario.happenings
    for later in range(place, len(happenings)):
        happening = happenings[later]
        if isinstance(happening, Bar) and (used_up or not _used_up(difference, later, happening)):
            return later
    return place


def _used_up(difference: Difference, place: int, bar: Bar) -> bool:
    others = [step.qty for order_id, step in difference.our_trace.fills if step.at == place]
    own = any(step.at == place for step in difference.our_trace.steps[difference.request.order_id])
    return not own and sum(others, ZERO) == to_decimal(bar.volume)


def _their_close(difference: Difference, came: int) -> bool:
    """Whether the other engine did at the last close what it does at a touch."""
    if difference.theirs is None or difference.theirs.at > came:
        fills, ends = outcome(difference, their_taking(difference, came), comes=True)
        told = sum(is_fill(step) for step in difference.before)
        return told >= len(fills) and not ends
    return as_expected(difference.theirs, difference, their_taking(difference, came), at=came)


def _our_open(difference: Difference, came: int, after: int) -> bool:
    """Whether ours waited for the next bar and did at its open what it does at a touch, or was cancelled before."""
    ours, bar = difference.ours, difference.view.happening(after)
    if not isinstance(bar, Bar):
        return ours is None or is_end(ours)
    opened, limit = to_decimal(bar.open), difference.price
    reached = limit is None or not is_worse(difference.side, opened, limit)
    if ours is not None and ours.at == after and is_fill(ours) and not ours.maker:
        return reached and ours.price == opened and ours.qty <= min(wanted(difference), to_decimal(bar.volume))
    if ours is not None and ours.at <= after and is_end(ours):
        return True
    if ours is not None and came < ours.at < after:
        return ours.what in (What.AMENDED, What.REFUSED)
    return not reached or bool(difference.before)
