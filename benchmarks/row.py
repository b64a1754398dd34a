"""One line of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from benchmarks.timing import Duel

Bound = Literal["at least", "at most", "none"]


class Row(Struct, frozen=True, kw_only=True):
    """A measured figure and what is asked of it.

    floor: what is asked of `value`, in its unit; for an "at most" row a ceiling, for a "none" row an orientation.
    ratio: value over its baseline where there is one, otherwise over the floor. "at most" rows: memory of the longer
    run over that of the shorter, or ceiling over latency.  ratio_floor: what is asked of it, a ceiling for memory.
    baseline: what was measured in turns with it, `baseline_value` its figure.
    relative: what the check compares between machines, larger is better; None for a figure that is only a time.
    detail: further figures of the same measurement.
    """

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    ratio_floor: float = 1.0
    bound: Bound = "at least"
    baseline: str | None = None
    baseline_value: float | None = None
    relative: float | None = None
    note: str = ""
    detail: dict[str, float] = {}

    @property
    def met(self) -> bool:
        """Whether value and ratio are within what is asked."""
        if self.bound == "none":
            return True
        if self.bound == "at most":
            return self.value <= self.floor and (self.baseline is None or self.ratio <= self.ratio_floor)
        return self.value >= self.floor and self.ratio >= self.ratio_floor


def latency(name: str, p99: float, *, ceiling: float, note: str, detail: dict[str, float]) -> Row:
    """The 99th percentile of a latency, milliseconds, that may be `ceiling` at most."""
    return Row(
        name=name,
        value=p99,
        unit="ms p99",
        floor=ceiling,
        ratio=ceiling / p99,
        bound="at most",
        detail=detail,
        note=note,
    )


def against_baseline(
    name: str,
    unit: str,
    duel: Duel,
    *,
    baseline: str,
    ratio_floor: float,
    floor: float | None = None,
    note: str = "",
    detail: dict[str, float] | None = None,
) -> Row:
    """A rate whose ratio is that to a baseline measured in turns with it; `floor` defaults to what that ratio asks."""
    return Row(
        name=name,
        value=duel.value,
        unit=unit,
        floor=duel.baseline * ratio_floor if floor is None else floor,
        ratio=duel.ratio,
        ratio_floor=ratio_floor,
        baseline=baseline,
        baseline_value=duel.baseline,
        relative=duel.ratio,
        note=note,
        detail=detail or {},
    )


def worst_against_baseline(
    name: str, unit: str, duels: Mapping[str, Duel], *, baseline: str, ratio_floor: float, note: str
) -> Row:
    """The measurement with the lowest ratio, with the ratios of all; `note` says what "{worst}" was."""
    ratios = {kind: fight.ratio for kind, fight in duels.items()}
    worst = min(ratios, key=lambda kind: ratios[kind])
    return against_baseline(
        name,
        unit,
        duels[worst],
        baseline=baseline,
        ratio_floor=ratio_floor,
        note=note.format(worst=worst),
        detail={f"ratio_{kind}": ratio for kind, ratio in ratios.items()},
    )


def against_floor(
    name: str,
    unit: str,
    duel: Duel,
    *,
    floor: float,
    bound: Bound = "at least",
    baseline: str = "yardstick",
    note: str = "",
) -> Row:
    """A rate with an absolute floor; the check compares it with the baseline that was measured in turns with it."""
    return Row(
        name=name,
        value=duel.value,
        unit=unit,
        floor=floor,
        ratio=duel.value / floor,
        bound=bound,
        baseline=baseline,
        baseline_value=duel.baseline,
        relative=duel.ratio,
        note=note,
    )
