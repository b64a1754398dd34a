"""What is to be put into a run's inputs at set times: the plan of troubles.

Whoever produces inputs (the live loop, the reader of history files) asks the schedule; whoever reads recorded inputs
finds its facts among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from daemon.core.events import Fact
from daemon.core.units import NEVER

Timed = tuple[int, Fact]


class Planned(Protocol):
    """One entry of a plan, such as `daemon.config.TroubleSettings`."""

    def due(self, first: int) -> int:
        """When it is due in a run whose first input came at `first`; nanoseconds UTC."""
        ...

    def trouble(self) -> Fact:
        """What is then told."""
        ...


class Schedule:
    """Facts in the order of their times, those of one time in the order of the plan.

    What was due before the run's first input is passed over: the run did not see that time. Times are counted from
    that input, so the schedule waits for it.

    Args:
        planned: the plan.
        first: time of the run's first input, where it has one already; nanoseconds UTC, 0 where it has none.
        told: how many of the facts the run has been told already.

    due: when there is something to tell, nanoseconds UTC; 0 before the first input, `NEVER` when all is told.
    """

    def __init__(self, planned: Sequence[Planned] = (), *, first: int = 0, told: int = 0) -> None:
        self._planned = planned
        self._waiting: list[Timed] = []
        self.due = 0 if planned else NEVER
        if first:
            self.begin(first)
            self._drop(told)

    def begin(self, first: int) -> None:
        """Count times from the run's first input, at `first`, unless they already are."""
        if self.due == 0:
            timed = [(one.due(first), one.trouble()) for one in self._planned]
            self._waiting = sorted((one for one in timed if one[0] >= first), key=lambda one: one[0])
            self._drop(0)

    def take(self, now: int) -> list[Timed]:
        """(time, fact) of all that is due by `now`, the time of an input that is about to be handled."""
        self.begin(now)
        count = sum(1 for ts, _ in self._waiting if ts <= now)
        taken = self._waiting[:count]
        self._drop(count)
        return taken

    def _drop(self, count: int) -> None:
        self._waiting = self._waiting[count:]
        self.due = self._waiting[0][0] if self._waiting else NEVER


def with_schedule(batches: Iterable[list[Timed]], schedule: Schedule) -> Iterator[list[Timed]]:
    """Batches of timed facts with those of a schedule between them, each before the facts of its own time.

    What is due after the last fact is never told.
    """
    for batch in batches:
        if batch and schedule.due <= batch[-1][0]:
            yield list(_merged(batch, schedule))
        else:
            yield batch


def _merged(batch: list[Timed], schedule: Schedule) -> Iterator[Timed]:
    for timed in batch:
        if schedule.due <= timed[0]:
            yield from schedule.take(timed[0])
        yield timed
