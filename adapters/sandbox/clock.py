"""The market's clock: recorded time, played at any speed. The only place of the sandbox that reads a real clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from daemon.core.errors import ConfigError

Speed: TypeAlias = float | Literal["max"]
"""Market seconds per real second, or "max": as fast as the clients read."""

MonotonicNs: TypeAlias = Callable[[], int]
"""A clock in nanoseconds that never goes backwards and begins anywhere."""


def real_monotonic_ns() -> int:
    """The real clock."""
    return time.monotonic_ns()


def real_utc_ms() -> int:
    """Today's time, milliseconds UTC."""
    return time.time_ns() // 1_000_000


class MarketClock:
    """Server time of the sandbox, milliseconds UTC of the recorded market.

    It stands at `start_ms` until `start`. At a fixed speed it then runs by the real clock, but never beyond a step that
    is due and was not taken yet: a player that falls behind delays the market, not only its frames. At "max" it is the
    time of the latest step.

    Raises:
        ConfigError: the speed is not above zero.
    """

    def __init__(self, start_ms: int, speed: Speed, monotonic_ns: MonotonicNs = real_monotonic_ns) -> None:
        if speed != "max" and not 0 < speed < float("inf"):
            raise ConfigError(f"sandbox: speed is {speed}", cure='Give a factor above 0, or "max".')
        self._speed = speed
        self._monotonic_ns = monotonic_ns
        self._begin_ms = self._reached_ms = start_ms
        self._anchor_ns: int | None = None

    def start(self) -> None:
        """Let time run from here on."""
        self._anchor_ns = self._monotonic_ns()

    def reach(self, ts_ms: int) -> None:
        """Note that the step of `ts_ms` has been taken."""
        self._reached_ms = max(self._reached_ms, ts_ms)

    def now_ms(self, next_ms: int | None = None) -> int:
        """Market time; `next_ms` is when the next step is due, None at the end of the recording."""
        if self._anchor_ns is None or self._speed == "max":
            return self._reached_ms
        now_ms = self._running_ms(self._anchor_ns)
        return max(self._reached_ms, now_ms if next_ms is None else min(now_ms, next_ms))

    def wait_seconds(self, ts_ms: int) -> float:
        """Real seconds until market time `ts_ms`; zero when it is due, always zero at "max" and before the start."""
        if self._anchor_ns is None or self._speed == "max":
            return 0.0
        return max(0.0, (ts_ms - self._running_ms(self._anchor_ns)) / 1000 / self._speed)

    def _running_ms(self, anchor_ns: int) -> int:
        assert self._speed != "max"
        return self._begin_ms + int((self._monotonic_ns() - anchor_ns) * self._speed) // 1_000_000
