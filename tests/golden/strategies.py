"""A strategy for the golden tape of frames; its behaviour is pinned with everything else."""

from __future__ import annotations

from msgspec import Struct

from daemon.core.records import Action
from daemon.core.strategy import Decision, OnBook, OnTrade, Snapshot, Trigger


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """notional: value of the position on either side, USDT.  move: fraction of the mark that turns it over."""

    notional: float = 1000.0
    move: float = 0.0001


class Breakout:
    """Goes with a move of the mark out of its window; looks at every trade and every change of the book."""

    def __init__(self, settings: Settings, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (OnTrade(), OnBook())
        self.window = 50
        self.warmup = 20
        self._settings = settings

    def decide(self, snapshot: Snapshot) -> Decision:
        change = snapshot.mark / snapshot.marks[0] - 1.0
        indicators: dict[str, float | None] = {"change": change, "spread": snapshot.ask - snapshot.bid}
        side = 1 if change > self._settings.move else -1 if change < -self._settings.move else 0
        if snapshot.working or side == 0 or side * snapshot.position > 0.0:
            return Decision(Action.HOLD, "nothing new", "quiet", indicators)
        return Decision(
            Action.BUY if side > 0 else Action.SELL,
            "the mark left its window",
            "up" if side > 0 else "down",
            indicators,
            target_notional=side * self._settings.notional,
        )
