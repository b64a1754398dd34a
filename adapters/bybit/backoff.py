"""When to try to connect again."""

from __future__ import annotations

from random import Random


class Backoff:
    """Waits that double up to a cap, each shortened by up to half at random, so that many clients do not come at once.

    Args:
        first: longest first wait, nanoseconds.
        longest: cap, nanoseconds.
        jitter: source of chance; a seeded one makes the waits repeatable.
    """

    def __init__(self, first: int, longest: int, jitter: Random) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._failures = 0

    def wait(self) -> int:
        """Nanoseconds to wait after one more failure."""
        longest = min(self._longest, self._first << min(self._failures, 40))
        self._failures += 1
        return longest // 2 + int(self._jitter.random() * (longest - longest // 2))

    def reset(self) -> None:
        """The last connection was stable."""
        self._failures = 0
