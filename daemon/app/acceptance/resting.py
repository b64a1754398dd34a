"""The strategy of the card that kills a trading daemon: one order that rests, and nothing else."""

from __future__ import annotations

from msgspec import Struct

from daemon.core.records import Action, OrderType, TimeInForce
from daemon.core.strategy import Decision, OnTicker, Snapshot, Trigger


class Resting(Struct, frozen=True, forbid_unknown_fields=True):
    """qty: of the order, base units.  below: how far under the mark it rests, a fraction."""

    qty: float
    below: float = 0.03


class RestingOrder:
    """Buys below the market while none of its orders is open."""

    def __init__(self, settings: Resting, symbol: str) -> None:
        del symbol
        self.triggers: tuple[Trigger, ...] = (OnTicker(),)
        self.window = 1
        self.warmup = 0
        self._settings = settings

    def decide(self, snapshot: Snapshot) -> Decision:
        """Place the order, or hold."""
        if snapshot.working:
            return Decision(Action.HOLD, "it rests")
        return Decision(
            Action.BUY,
            "to be found again after a kill",
            qty=self._settings.qty,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.POST_ONLY,
            price=snapshot.mark * (1 - self._settings.below),
        )
