"""A strategy with a list of errands that ends at the same place whatever happens to it on the way.

Each errand is asked for again until what it wants is so, so that an order that expired while the daemon was down is
decided anew, and never beside one that is still open. Its last errand is a small short position.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from daemon.core.records import Action
from daemon.core.strategy import Decision, OnTimer, Snapshot, Trigger

GOAL = Decimal("-0.013")
LARGE, SMALL = 0.05, 0.03
PATIENCE = 4
WAIT = Decision(Action.HOLD, "the errand is under way")
DONE = Decision(Action.HOLD, "every errand is done")


class Errands(Struct, frozen=True, forbid_unknown_fields=True):
    """There is nothing to set."""


class Errand(Struct, frozen=True):
    """done: whether it is so.  wanted: what to decide until then.  once: asked for once only, whatever comes of it.

    about_order: it is about the order that is open; every other errand waits until none is.
    """

    done: Callable[[Snapshot], bool]
    wanted: Callable[[Snapshot], Decision]
    once: bool = False
    about_order: bool = False


class ErrandBoy:
    """Enters with a stop, rests, amends, cancels, protects, adds by a limit, arms a trigger, closes, goes short."""

    def __init__(self, settings: Errands, symbol: str) -> None:
        self.triggers: tuple[Trigger, ...] = (OnTimer("tick"),)
        self.window = 2
        self.warmup = 0
        self._place = 0
        self._asked = 0

    def decide(self, snapshot: Snapshot) -> Decision:
        while self._place < len(LIST) and self._is_done(LIST[self._place], snapshot):
            self._place, self._asked = self._place + 1, 0
        if self._place == len(LIST) or not snapshot.mark:
            return DONE
        errand = LIST[self._place]
        self._asked += 1
        if errand.about_order:
            return errand.wanted(snapshot) if self._asked % PATIENCE == 1 else WAIT
        if snapshot.working:  # given some time before it is taken back and tried again
            return TAKE_IT_BACK if self._asked % PATIENCE == 0 else WAIT
        return errand.wanted(snapshot)

    def _is_done(self, errand: Errand, snapshot: Snapshot) -> bool:
        return (errand.once and self._asked > 0) or errand.done(snapshot)


def _enter(snapshot: Snapshot) -> Decision:
    missing = round(LARGE - snapshot.position, 3)
    return Decision(Action.BUY, "enter", qty=missing, stop_loss=round(snapshot.mark * 0.9))


def _rest(snapshot: Snapshot) -> Decision:
    return Decision(Action.BUY, "rest", qty=SMALL, price=round(snapshot.mark * 0.97))


def _amend(snapshot: Snapshot) -> Decision:
    return Decision(Action.AMEND, "amend", price=round(snapshot.mark * 0.975))


def _protect(snapshot: Snapshot) -> Decision:
    return Decision(Action.PROTECT, "protect", stop_loss=round(snapshot.mark * 0.92))


def _add(snapshot: Snapshot) -> Decision:
    missing = round(LARGE + SMALL - snapshot.position, 3)
    return Decision(Action.BUY, "add", qty=missing, price=round(snapshot.ask * 1.002))


def _arm(snapshot: Snapshot) -> Decision:
    trigger = float(round(snapshot.mark * 0.96))
    return Decision(Action.SELL, "arm", qty=SMALL, reduce_only=True, trigger_price=trigger)


def _close(snapshot: Snapshot) -> Decision:
    return Decision(Action.CLOSE, "close")


def _go_short(snapshot: Snapshot) -> Decision:
    missing = round(float(GOAL) - snapshot.position, 3)
    return Decision(Action.SELL if missing < 0 else Action.BUY, "go short", qty=abs(missing))


TAKE_IT_BACK = Decision(Action.CANCEL, "take it back")
TAKE_BACK = Errand(lambda s: not (s.working or s.waiting), lambda s: TAKE_IT_BACK, about_order=True)
LIST = (
    Errand(lambda s: s.position >= LARGE, _enter),
    Errand(lambda s: s.working > 0, _rest),
    Errand(lambda s: not s.working, _amend, once=True, about_order=True),
    TAKE_BACK,
    Errand(lambda s: not s.position, _protect, once=True),
    Errand(lambda s: s.position >= LARGE + SMALL, _add),
    Errand(lambda s: s.waiting > 0, _arm),
    TAKE_BACK,
    Errand(lambda s: not s.position, _close),
    Errand(lambda s: s.position == float(GOAL) and not s.working, _go_short),
)
