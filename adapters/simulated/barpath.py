"""The way through a bar: orders that know nothing but bars are judged along it.

Its one job: in which order a bar's prices reach our orders, triggers and liquidation prices.

Assumptions:
- Price goes from the open to the extreme that is nearer to it, then to the other one, then to the close
  (`pricing.path`), without jumps; from the bar before it jumps to the open.
- An order takes the open of the next bar, latency or not; one that was decided within a bar takes that bar's close, for
  its open is the past.
- A resting limit order fills at its price when the way goes beyond it. A triggered order takes the trigger's price, or
  the open that jumped beyond it, worsened by the slippage model; a triggered limit order may rest and fill on the rest
  of the way.
- The last price goes this way, and while the venue gives none the mark price too: triggers and liquidations are judged
  on it. The market is put back to the bar's close at the end.
- All our orders together fill no more than `volume_share` of the bar's volume; a bar without volume fills nothing. An
  order that finds it used up is cancelled if it is immediate, and waits for the next open otherwise.
- With several bar intervals on a symbol, only the shortest fills.

Known limits: nobody knows the true way; a stop and a target in one bar may have come in the other order.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from adapters.simulated.contract import Contract
from adapters.simulated.life import Life
from adapters.simulated.liquidator import Liquidator
from adapters.simulated.matcher import Matcher
from adapters.simulated.pricing import path
from adapters.simulated.protector import Protector
from adapters.simulated.working import Working
from daemon.core.events import Bar, Side
from daemon.core.records import TriggerBy
from daemon.core.units import NS_PER_SECOND, floor_qty, multiply, subtract, to_decimal

# How long after a bar's open an order may be decided and still take it: a live bar is heard a moment after its close.
OPEN_GRACE = NS_PER_SECOND


class Volume(Struct):
    """What is left of a bar for us, base units."""

    left: Decimal


class BarPath:
    """Takes a contract's orders through a bar."""

    def __init__(
        self, life: Life, matcher: Matcher, protector: Protector, liquidator: Liquidator, *, volume_share: Decimal
    ) -> None:
        self._life = life
        self._matcher = matcher
        self._protector = protector
        self._liquidator = liquidator
        self._volume_share = volume_share

    def walk(self, contract: Contract, bar: Bar) -> None:
        """Let a bar that the market has just applied happen."""
        market = contract.market
        if bar.interval > market.finest_bar or market.instrument is None:
            return
        volume = Volume(floor_qty(multiply(to_decimal(bar.volume), self._volume_share), market.instrument.step))
        if not volume.left:
            return
        early = [order for order in contract.waiting.values() if order.decided <= bar.ts_open + OPEN_GRACE]
        late = [order for order in contract.waiting.values() if order.decided > bar.ts_open + OPEN_GRACE]
        points = path(bar)
        self._take(early, contract, bar, points[0], volume)
        if self._meets_something(contract, bar):
            self._jump(contract, bar, points[0], volume)
            for start, end in pairwise(points):
                self._move(contract, bar, start, end, volume)
        self._take(late, contract, bar, points[-1], volume)

    def _meets_something(self, contract: Contract, bar: Bar) -> bool:
        """Whether there is anything that the way could meet."""
        low, high = self._liquidator.calm(contract)
        return bool(contract.untriggered or len(contract.resting)) or not low < bar.low <= bar.high < high

    def _take(self, orders: list[Working], contract: Contract, bar: Bar, price: float, volume: Volume) -> None:
        for order in orders:
            if order.id in contract.waiting and (volume.left or not order.request.may_rest):
                self._take_at(order, contract, bar, price, volume)

    def _take_at(self, order: Working, contract: Contract, bar: Bar, price: float, volume: Volume) -> None:
        taken = self._matcher.take_at(order, contract, price, _happened(order, bar), most=volume.left)
        volume.left = subtract(volume.left, taken)

    def _jump(self, contract: Contract, bar: Bar, price: float, volume: Volume) -> None:
        """Everything that the open has gone beyond already."""
        for side in (Side.BUY, Side.SELL):
            for order in contract.resting.reached(side, price, inclusive=False):
                self._fill(order, contract, bar, volume)
        self._arrive(contract, bar, price, volume)

    def _move(self, contract: Contract, bar: Bar, start: float, end: float, volume: Volume) -> None:
        """Go from one price to another, stopping wherever something of ours is reached."""
        here = start
        while True:
            trigger = self._trigger(contract, here, end)
            order = self._next_resting(contract, end) if volume.left else None
            if order is not None and not _is_nearer(trigger, float(order.limit or 0), here):
                here = _further(here, float(order.limit or 0), end)
                self._fill(order, contract, bar, volume)
            elif trigger is not None:
                here = trigger
                self._arrive(contract, bar, here, volume)
            else:
                break
        self._arrive(contract, bar, end, volume)

    def _trigger(self, contract: Contract, here: float, end: float) -> float | None:
        """The first price on the way at which an order goes off or a position is liquidated."""
        prices = [contract.triggers.nearest(here, end), self._protector.nearest_stop(contract, here, end)]
        if not contract.market.mark_is_venue:
            prices.append(contract.triggers.nearest(here, end, TriggerBy.MARK))
            prices.append(self._liquidator.nearest(contract, here, end))
        known = [price for price in prices if price is not None]
        return min(known, key=lambda price: abs(price - here), default=None)

    def _arrive(self, contract: Contract, bar: Bar, price: float, volume: Volume) -> None:
        """Let everything happen that happens at a price of the way."""
        market = contract.market
        market.last = price
        if not market.mark_is_venue:
            market.mark = price
        fired = contract.triggers.fired(TriggerBy.LAST, price) + contract.triggers.fired(TriggerBy.MARK, market.mark)
        fired += self._protector.trailing_hits(contract, price, bar.ts_open)
        for order in fired:
            happened = _happened(order, bar)
            if order.id in contract.untriggered and self._life.trigger(order, contract, happened):
                self._take_at(order, contract, bar, price, volume)
        self._liquidator.review(contract, bar.ts_open)

    def _next_resting(self, contract: Contract, end: float) -> Working | None:
        """The first resting order that the way to `end` goes beyond."""
        inclusive = self._matcher.touch_fills
        for side in (Side.BUY, Side.SELL):
            for order in contract.resting.reached(side, end, inclusive=inclusive):
                return order
        return None

    def _fill(self, order: Working, contract: Contract, bar: Bar, volume: Volume) -> None:
        volume.left = self._matcher.fill_resting(order, contract, order.remaining, volume.left, _happened(order, bar))


def _happened(order: Working, bar: Bar) -> int:
    return max(bar.ts_open, order.arrived)


def _is_nearer(trigger: float | None, limit: float, here: float) -> bool:
    return trigger is not None and abs(trigger - here) <= abs(limit - here)


def _further(here: float, price: float, end: float) -> float:
    """`price` as a point of the way from `here` to `end`."""
    return min(max(price, min(here, end)), max(here, end))
