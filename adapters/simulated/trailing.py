"""Trailing stops: a stop that follows the best last price at a distance.

Its one job: where a trailing stop stands, and whether a price reaches it.
Source: Bybit help centre, "Trailing Stop Orders (Perpetual and Futures Trading)"; v5 docs, "Set Trading Stop"
(trailingStop, activePrice).

Assumptions:
- Only the last price moves it, and only the last price lets it go off.
- A long's stop is the highest last price less the distance, a short's the lowest plus the distance, counted from when
  it became active; it never goes back.
- It becomes active with the first last price at or beyond its active price (above for a long, below for a short),
  without one at once; the stop is set from that last price, not from the active price.
- A stop that would fall between two ticks is put on the one further from the best price: the retracement that lets it
  go off is never less than the distance that was asked for.

Known limits: distances in percent are not supported; Bybit's API has none for perpetuals either.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.events import Side
from daemon.core.orders import PositionIdx
from daemon.core.units import add, price_down, price_up, subtract, to_decimal


class TrailingStop(Struct, kw_only=True):
    """A trailing stop on a position; `follow` moves it.

    leg, side: the position, BUY for a long.  distance: USDT, above zero.  tick: the grid of prices.
    active_price: USDT, where it begins to trail, None at once.  best: best last price since then, 0.0 while it is not
    active.  trigger: where it stands, USDT on the tick grid, None while it is not active.
    """

    leg: PositionIdx
    side: Side
    distance: Decimal
    tick: Decimal
    active_price: Decimal | None = None
    best: float = 0.0
    trigger: Decimal | None = None
    _stop: float = 0.0

    @property
    def expected(self) -> Decimal | None:
        """Where it stands, or will stand at the moment its active price is reached; None when nobody knows yet."""
        if self.trigger is not None or self.active_price is None:
            return self.trigger
        return self._behind(self.active_price)

    def follow(self, last: float) -> bool:
        """Take notice of a last price; whether the stop became active or moved by it."""
        if self.trigger is not None:
            if last <= self.best if self.side is Side.BUY else last >= self.best:
                return False
        elif not self._activates(last):
            return False
        if not last > 0.0:
            return False
        before = self.trigger
        self.best = last
        self.trigger = self._behind(to_decimal(last))
        self._stop = float(self.trigger)
        return self.trigger != before

    def hit(self, last: float) -> bool:
        """Whether a last price lets it go off."""
        if self.trigger is None or not last > 0.0:
            return False
        return last <= self._stop if self.side is Side.BUY else last >= self._stop

    def reached(self, start: float, end: float) -> float | None:
        """The last price at which it goes off on a straight way from `start` to `end`, as it stands; None if on none.

        A way that lets it move instead ends without going off, for the distance is above zero.
        """
        if self.hit(start):
            return start
        return self._stop if self.hit(end) else None

    def _activates(self, last: float) -> bool:
        if self.active_price is None:
            return True
        active = float(self.active_price)
        return last >= active if self.side is Side.BUY else last <= active

    def _behind(self, best: Decimal) -> Decimal:
        if self.side is Side.BUY:
            return price_down(subtract(best, self.distance), self.tick)
        return price_up(add(best, self.distance), self.tick)
