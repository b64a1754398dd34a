"""The strategy of the rows that trade; configurations name this file as `path.py:Class`."""

from __future__ import annotations

from msgspec import Struct

from daemon.core.records import Action, OrderType, TimeInForce
from daemon.core.strategy import Decision, OnTicker, OnTrade, Snapshot, Trigger

HOLD = Decision(Action.HOLD, "not yet")
CANCEL = Decision(Action.CANCEL, "it rested")


class Pace(Struct, frozen=True, forbid_unknown_fields=True):
    """every: evaluations between two decisions that act.  price: of the orders, so low that they rest."""

    every: int
    price: float


class PlaceAndCancel:
    """Decides on every frame; places an order that rests and cancels it, in turns."""

    def __init__(self, settings: Pace, symbol: str) -> None:
        del symbol
        self.triggers: tuple[Trigger, ...] = (OnTrade(), OnTicker())
        self.window = 20
        self.warmup = 0
        self._settings = settings
        self._evaluations = 0
        self._order = Decision(
            Action.BUY,
            "its turn",
            qty=0.001,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.POST_ONLY,
            price=settings.price,
        )

    def decide(self, snapshot: Snapshot) -> Decision:
        """Act at every so many evaluations."""
        self._evaluations += 1
        if self._evaluations % self._settings.every:
            return HOLD
        return CANCEL if snapshot.working else self._order
