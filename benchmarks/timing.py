"""Timing in turns: on a machine that others use too, only what was measured side by side can be compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from statistics import median as _median

from msgspec import Struct

Work = Callable[[], int]
"""Does something and returns how many items it did."""

YARDSTICK_STEPS = 1_000_000


class Duel(Struct, frozen=True):
    """Rates per second of a thing and of its baseline, one of each per round."""

    rates: tuple[float, ...]
    baseline_rates: tuple[float, ...]

    @property
    def value(self) -> float:
        """Median rate."""
        return median(self.rates)

    @property
    def baseline(self) -> float:
        """Median rate of the baseline."""
        return median(self.baseline_rates)

    @property
    def ratio(self) -> float:
        """Median over the rounds of rate over baseline: a slow moment of the machine slows both."""
        return median([rate / other for rate, other in zip(self.rates, self.baseline_rates, strict=True)])


def median(values: Sequence[float]) -> float:
    """Middle value."""
    return float(_median(values))


def duel(work: Work, baseline: Work, rounds: int) -> Duel:
    """Time a work and its baseline in turns."""
    return contest(work, [baseline], rounds)[0]


def contest(work: Work, baselines: Sequence[Work], rounds: int) -> list[Duel]:
    """Time a work and several baselines in turns, after one unmeasured turn of each; one duel for each baseline.

    The collector runs as it does in the product, but does not walk through the benchmark's own data.
    """
    works = [work, *baselines]
    gc.collect()
    gc.freeze()
    try:
        for each in works:
            rate_of(each)
        turns = [[rate_of(each) for each in works] for _ in range(rounds)]
    finally:
        gc.unfreeze()
    rates, *others = zip(*turns, strict=True)
    return [Duel(rates, other) for other in others]


def yardstick() -> int:
    """A fixed loop of plain Python, so that rates of two machines can be compared: a crossing of two averages."""
    fast = slow = 100.0
    price = 100.0
    position = 0
    cash = 0.0
    held: dict[str, float] = {}
    for step in range(YARDSTICK_STEPS):
        price += 0.5 if step & 32 else -0.5
        fast += 0.4 * (price - fast)
        slow += 0.1 * (price - slow)
        side = 1 if fast > slow else -1
        if side != position:
            cash -= (side - position) * price
            position = side
        held["equity"] = cash + position * price
    return YARDSTICK_STEPS


def rate_of(work: Work) -> float:
    """Items per second of one turn."""
    gc.collect()
    started = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - started)
