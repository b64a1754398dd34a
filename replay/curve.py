"""Curves of unknown length, sampled evenly."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

POINTS_MAX = 2_000

Value = TypeVar("Value")


class Point(Struct, frozen=True, gc=False):
    """A value at a time, nanoseconds UTC."""

    ts: int
    value: float


class Sample:
    """An even sample of a series of unknown length: every n-th value, n doubling, and the last one."""

    def __init__(self) -> None:
        self._kept: list[object] = []
        self._last: object = None
        self._stride = 1
        self._count = 0

    def add(self, value: object) -> None:
        """Take note of the next value."""
        if self._count % self._stride == 0:
            self._kept.append(value)
            if len(self._kept) >= POINTS_MAX:
                del self._kept[1::2]
                self._stride *= 2
        self._last = value
        self._count += 1

    def values(self, kind: type[Value]) -> tuple[Value, ...]:
        """What was kept, in order."""
        kept = self._kept if not self._kept or self._kept[-1] is self._last else [*self._kept, self._last]
        return tuple(value for value in kept if isinstance(value, kind))


class EquityCurve:
    """The equity curve of a lane and its falls.

    fraction, usdt: the deepest fall, as a fraction of the peak before it and in USDT.  last: the last value.
    """

    def __init__(self) -> None:
        self.curve = Sample()
        self.falls = Sample()
        self.last: float | None = None
        self.fraction = self.usdt = 0.0
        self._peak = 0.0

    def add(self, ts: int, equity: float) -> None:
        """Take the next value, USDT."""
        self._peak = equity if self.last is None else max(self._peak, equity)
        fall = (self._peak - equity) / self._peak if self._peak > 0 else 0.0
        self.fraction = max(self.fraction, fall)
        self.usdt = max(self.usdt, self._peak - equity)
        self.last = equity
        self.curve.add(Point(ts, equity))
        self.falls.add(Point(ts, -fall))

    def move_capital(self, amount: Decimal) -> None:
        """Money paid in lifts the peak by as much as the equity."""
        self._peak += float(amount)
