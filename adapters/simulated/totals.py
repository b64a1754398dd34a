"""Totals: what all legs of an account add up to, in float64, kept up to date leg by leg.

Its one job: an answer for every market event that does not depend on the number of positions. The totals are a filter:
where they are within `slack` of a limit, the account's exact numbers decide.

Assumptions:
- A leg's numbers are as of the mark price at which it was last followed; who lets a mark price move follows the legs.
- Rounding adds up while differences are booked, far below `slack`, and is swept out by summing anew at times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from adapters.simulated.leg import Leg, Seen

SLACK = 1e-9
SUM_ANEW_EVERY = 4096


class Totals:
    """Sums over the legs that hold a position; USDT. Names as in `adapters.simulated.leg.Seen`."""

    __slots__ = ("_held", "_moves", "bound", "need", "pnl", "value")

    def __init__(self, held: Callable[[], Iterable[Leg]]) -> None:
        self._held = held
        self._moves = 0
        self.pnl = self.need = self.bound = self.value = 0.0

    def follow(self, leg: Leg) -> None:
        """Book what a leg is worth at its market's mark price now, in place of what it was."""
        old = leg.seen
        new = leg.seen = leg.look(leg.market.mark)
        self.pnl += new.pnl - old.pnl
        self.value += new.value - old.value
        if not leg.isolated:
            self.need += new.need - old.need
            self.bound += new.bound - old.bound
        self._moves += 1
        if self._moves >= SUM_ANEW_EVERY:
            self.sum_anew()

    def drop(self, leg: Leg) -> None:
        """A leg is flat, or changed in a way that `sum_anew` will follow."""
        old = leg.seen
        leg.seen = Seen()
        self.pnl -= old.pnl
        self.need -= old.need
        self.bound -= old.bound
        self.value -= old.value

    def sum_anew(self) -> None:
        """Sum over all legs, each as it was last seen."""
        self._moves = 0
        self.pnl = self.need = self.bound = self.value = 0.0
        for leg in self._held():
            seen = leg.seen
            self.pnl += seen.pnl
            self.need += seen.need
            self.bound += seen.bound
            self.value += seen.value

    def slack(self, cash: float) -> float:
        """How far from a limit a sum over these totals may be off at most, USDT; `cash` takes part in the sum."""
        return SLACK * (abs(cash) + abs(self.value) + abs(self.pnl) + 1e-6)
