"""Breakout: buy a new high of the last bars, with a target and a stop that wait at the exchange, and trail the rest.

To copy from: it shows `take_profit` and `stop_loss` on an entry, `PROTECT` on a position, and `snapshot.waiting`.
"""

from __future__ import annotations

from collections import deque
from typing import Annotated

from msgspec import Meta, Struct

from daemon.core.events import BarOrigin
from daemon.core.records import Action
from daemon.core.strategy import BarClose, Decision, Snapshot, Trigger
from daemon.core.units import NS_PER_MINUTE


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """length: bars of which the high is broken.  target, stop, trail: fractions of the price, 0.01 meaning 1 %.

    position_fraction: value of a full position as a fraction of equity.
    """

    length: Annotated[int, Meta(ge=2, le=10_000)] = 120
    target: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    stop: Annotated[float, Meta(gt=0, lt=1)] = 0.004
    trail: Annotated[float, Meta(gt=0, lt=1)] = 0.003
    position_fraction: Annotated[float, Meta(gt=0, le=10)] = 0.5


class Breakout:
    """One symbol's state: the marks of the last bars, and whether the position trails already."""

    def __init__(self, settings: Settings, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (BarClose(NS_PER_MINUTE, BarOrigin.VENUE),)
        self.window = 1
        self.warmup = settings.length
        self.symbol = symbol
        self._settings = settings
        self._marks: deque[float] = deque(maxlen=settings.length)
        self._trails = False

    def decide(self, snapshot: Snapshot) -> Decision:
        """Enter on a new high; trail once half of the way to the target is made."""
        settings, mark = self._settings, snapshot.mark
        high = max(self._marks, default=mark)
        self._marks.append(mark)
        indicators: dict[str, float | None] = {"high": high}
        if snapshot.position == 0.0:
            self._trails = False
            if mark <= high or snapshot.working:
                return Decision(Action.HOLD, "no new high", "flat", indicators)
            return Decision(
                Action.BUY,
                "a new high",
                "breakout",
                indicators,
                target_notional=snapshot.equity * settings.position_fraction,
                take_profit=mark * (1.0 + settings.target),
                stop_loss=mark * (1.0 - settings.stop),
            )
        if self._trails or mark < snapshot.entry * (1.0 + settings.target / 2):
            return Decision(Action.HOLD, f"{snapshot.waiting} orders wait at the exchange", "in", indicators)
        self._trails = True
        return Decision(Action.PROTECT, "half of the way", "in", indicators, trailing_stop=mark * settings.trail)
