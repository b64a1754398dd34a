"""BaselinePerps: follow the crossing of a short and a long moving average of the mark price.

Long while the short average is above the long one, short (if allowed) while below, a fixed fraction of equity each
time, with an optional trailing stop. A stopped-out side is not entered again before the averages cross.
A plain baseline: it shows how a strategy is written and gives the other tools something to chew on.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daemon.core.events import BarOrigin
from daemon.core.records import Action
from daemon.core.strategy import BarClose, Decision, Snapshot, Trigger
from daemon.core.units import NS_PER_MINUTE

# Averages closer than this fraction are equal: in a flat market only the rounding of their sums tells them apart.
ROUNDING_NOISE = 1e-9


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fast, slow: lengths of the averages in bars.  interval_min: bar length in minutes.

    position_fraction: value of a full position as a fraction of equity, 0.2 meaning 20 %.
    trailing_stop: fall from the best mark since entry that closes the position, as a fraction; 0 switches it off.
    bars: "venue" takes the venue's klines, "trades" bars made from trades.
    """

    fast: Annotated[int, Meta(ge=1, le=10_000)] = 20
    slow: Annotated[int, Meta(ge=2, le=10_000)] = 60
    interval_min: Annotated[int, Meta(ge=1, le=1440)] = 1
    position_fraction: Annotated[float, Meta(gt=0, le=10)] = 0.2
    allow_short: bool = True
    trailing_stop: Annotated[float, Meta(ge=0, lt=1)] = 0.02
    bars: BarOrigin = BarOrigin.VENUE

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast must be shorter than slow, got {self.fast} and {self.slow}")


class Averages:
    """Means of the last `fast` and of the last `slow` values, kept as running sums over one ring of values."""

    __slots__ = ("_count", "_fast", "_fast_sum", "_place", "_ring", "_slow", "_slow_sum")

    def __init__(self, fast: int, slow: int) -> None:
        self._fast = fast
        self._slow = slow
        self._ring = [0.0] * slow
        self._place = 0
        self._count = 0
        self._fast_sum = 0.0
        self._slow_sum = 0.0

    def add(self, value: float) -> tuple[float | None, float | None]:
        """Take the newest value and return both means, each None before there are as many values."""
        ring = self._ring
        place = self._place
        self._fast_sum += value - ring[place - self._fast]
        self._slow_sum += value - ring[place]
        ring[place] = value
        self._place = place + 1 if place + 1 < self._slow else 0
        if self._count < self._slow:
            self._count += 1
            if self._count < self._slow:
                return (self._fast_sum / self._fast if self._count >= self._fast else None), None
        return self._fast_sum / self._fast, self._slow_sum / self._slow


class BaselinePerps:
    """One symbol's state: two averages, the side the averages point to, and the trail of the open position."""

    def __init__(self, settings: Settings, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (BarClose(settings.interval_min * NS_PER_MINUTE, settings.bars),)
        self.window = settings.slow
        self.warmup = settings.slow
        self.symbol = symbol
        self._position_fraction = settings.position_fraction
        self._allow_short = settings.allow_short
        self._stop_distance = settings.trailing_stop
        self._averages = Averages(settings.fast, settings.slow)
        self._side = 0
        self._best = 0.0
        self._trailed_side = 0
        self._stopped_side = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        """Compare the averages at the close of a bar."""
        mark = snapshot.mark
        fast, slow = self._averages.add(mark)
        if fast is None or slow is None:
            return Decision(Action.HOLD, "averages are not full yet", "warming up", {"fast": fast, "slow": slow})
        noise = slow * ROUNDING_NOISE
        side = 1 if fast > slow + noise else -1 if fast < slow - noise else self._side
        if side != self._side:
            self._side = side
            self._stopped_side = 0
        stop = self._trail(snapshot.position, mark)
        signal = "long" if side > 0 else "short" if side < 0 else "flat"
        indicators: dict[str, float | None] = {"fast": fast, "slow": slow, "stop": stop}
        return self._choose(snapshot, side, stop, signal, indicators)

    def _trail(self, position: float, mark: float) -> float | None:
        """Move the trailing stop; None without a position or without a stop."""
        distance = self._stop_distance
        if position == 0.0 or distance == 0.0:
            self._trailed_side = 0
            return None
        held_side = 1 if position > 0.0 else -1
        if held_side != self._trailed_side or (mark - self._best) * held_side > 0.0:
            self._trailed_side = held_side
            self._best = mark
        return self._best * (1.0 - held_side * distance)

    def _choose(
        self, snapshot: Snapshot, side: int, stop: float | None, signal: str, indicators: dict[str, float | None]
    ) -> Decision:
        position = snapshot.position
        if stop is not None and (snapshot.mark <= stop if position > 0.0 else snapshot.mark >= stop):
            self._stopped_side = 1 if position > 0.0 else -1
            return Decision(Action.CLOSE, "trailing stop reached", signal, indicators)
        if snapshot.working:
            return Decision(Action.HOLD, "an order is under way", signal, indicators)
        if side > 0 and position <= 0.0 and self._stopped_side != side:
            target = snapshot.equity * self._position_fraction
            return Decision(Action.BUY, "short average above long", signal, indicators, None, target)
        if side < 0 and position >= 0.0 and self._stopped_side != side:
            return self._go_short(snapshot, signal, indicators)
        return Decision(Action.HOLD, "position agrees with the averages", signal, indicators)

    def _go_short(self, snapshot: Snapshot, signal: str, indicators: dict[str, float | None]) -> Decision:
        if self._allow_short:
            target = -snapshot.equity * self._position_fraction
            return Decision(Action.SELL, "short average below long", signal, indicators, None, target)
        if snapshot.position > 0.0:
            return Decision(Action.CLOSE, "short average below long", signal, indicators)
        return Decision(Action.HOLD, "shorts are not allowed", signal, indicators)
