"""Strategies that do what a test tells them. Configurations name this file as `path.py:Class`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daemon.core.records import Action, OrderType
from daemon.core.strategy import Decision, OnBook, OnTimer, OnTrade, Snapshot, Trigger

TRIGGERS: dict[str, Trigger] = {"trade": OnTrade(), "book": OnBook(), "tick": OnTimer("tick")}


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """What to decide at evaluation number `at`, counted from 1."""

    at: int
    action: Action
    qty: float | None = None
    target_notional: float | None = None
    price: float | None = None


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of a script; every other evaluation holds."""

    steps: tuple[Step, ...] = ()
    trigger: Literal["trade", "book", "tick"] = "tick"


class Scripted:
    """Follows its script."""

    def __init__(self, settings: Script, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (TRIGGERS[settings.trigger],)
        self.window = 3
        self.warmup = 0
        self._steps = {step.at: step for step in settings.steps}
        self._evaluations = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        self._evaluations += 1
        step = self._steps.get(self._evaluations)
        if step is None:
            return Decision(Action.HOLD, "nothing in the script")
        return Decision(
            step.action,
            f"step {step.at}",
            qty=step.qty,
            target_notional=step.target_notional,
            price=step.price,
            order_type=OrderType.MARKET if step.price is None else OrderType.LIMIT,
        )


class Habit(Struct, frozen=True, forbid_unknown_fields=True):
    """every: evaluations between two orders.  notional: value of the position on either side, USDT."""

    every: int = 7
    notional: float = 500.0
    trigger: Literal["trade", "book", "tick"] = "trade"


class Swing:
    """Turns its position over every so often, by a market order and by a limit order in turn."""

    def __init__(self, settings: Habit, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (TRIGGERS[settings.trigger],)
        self.window = 4
        self.warmup = 2
        self._settings = settings
        self._evaluations = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        self._evaluations += 1
        turn, rest = divmod(self._evaluations, self._settings.every)
        indicators: dict[str, float | None] = {"rest": float(rest), "spread": snapshot.ask - snapshot.bid}
        if rest or snapshot.working:
            return Decision(Action.HOLD, "not yet", "swing", indicators)
        buys = turn % 2 == 1
        return Decision(
            Action.BUY if buys else Action.SELL,
            "its turn",
            "swing",
            indicators,
            target_notional=self._settings.notional if buys else -self._settings.notional,
            order_type=OrderType.LIMIT if turn % 3 == 0 else OrderType.MARKET,
            price=(snapshot.bid if buys else snapshot.ask) if turn % 3 == 0 else None,
        )


class Faulty:
    """Raises at its fifth evaluation."""

    def __init__(self, settings: Script, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (TRIGGERS[settings.trigger],)
        self.window = 2
        self.warmup = 0
        self._evaluations = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        self._evaluations += 1
        if self._evaluations == 5:
            raise RuntimeError("on purpose")
        return Decision(Action.HOLD, "well so far")
