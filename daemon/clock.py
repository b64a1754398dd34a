"""Clocks: the only module that reads the time. All are nanoseconds UTC and never go back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from daemon.core.units import NS_PER_DAY, NS_PER_MS

LEAP_MS = NS_PER_DAY // NS_PER_MS
_KEY = b'"ts":'
_SPACED = re.compile(rb'"ts":\s+([0-9]{13})(?![0-9])')
_THIRTEEN_DIGITS = 10**12


class SystemClock:
    """The machine's clock. When it is set back, time goes on at half speed until the machine has caught up.

    Args:
        wall: nanoseconds UTC; may be set by an operator or by NTP.
        monotonic: nanoseconds since some start; is never set.
    """

    __slots__ = ("_at", "_last", "_monotonic", "_wall")

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._last = wall()
        self._at = monotonic()

    def now(self) -> int:
        """Nanoseconds UTC, never below an earlier answer."""
        wall, at = self._wall(), self._monotonic()
        if wall < self._last:
            wall = self._last + (at - self._at) // 2
        self._last = wall
        self._at = at
        return wall

    def monotonic(self) -> int:
        """Nanoseconds since some start, for waiting and measuring; not comparable between processes."""
        return self._monotonic()


class VenueClock:
    """The clock of an accelerated sandbox: the largest `ts` (milliseconds) among the frames it was shown.

    A stamp more than a day ahead is believed only when another one agrees with it to the day, so that one damaged
    frame cannot carry the clock into another year. Only the first `"ts"` of a frame counts.

    Args:
        start: nanoseconds UTC, what the clock says before the first stamp.
    """

    __slots__ = ("_ms", "_now", "_suspect")

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._ms = start // NS_PER_MS
        self._suspect = 0

    def now(self) -> int:
        """Nanoseconds UTC of the last stamp, or the start."""
        return self._now

    def observe(self, frame: bytes) -> int:
        """Take note of a frame of the venue and return the time. A frame without a stamp changes nothing.

        Example: `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[...]}`
        """
        at = frame.find(_KEY)
        if at < 0:
            return self._now
        try:
            stamp = int(frame[at + 5 : at + 18])
        except ValueError:
            return self._now
        if 0 < stamp - self._ms <= LEAP_MS:
            self._ms = stamp
            self._now = stamp * NS_PER_MS
            return self._now
        return self._now if stamp == self._ms else self._unusual(stamp, frame)

    def _unusual(self, stamp: int, frame: bytes) -> int:
        """A stamp that goes back (ignored), is written with blanks, or leaps."""
        if stamp < _THIRTEEN_DIGITS:
            found = _SPACED.search(frame)
            stamp = int(found[1]) if found else 0
        if stamp <= self._ms:
            return self._now
        if self._ms and stamp - self._ms > LEAP_MS < abs(stamp - self._suspect):
            self._suspect = stamp
            return self._now
        self._ms = stamp
        self._now = stamp * NS_PER_MS
        return self._now
