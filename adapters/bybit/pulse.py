"""Pings on a connection, and the pongs that must answer them.

Source: Bybit v5 docs, "WebSocket Stream > Connect": a ping every 20 s keeps a connection.
"""

from __future__ import annotations

from adapters.bybit.settings import NEVER, FeedSettings
from daemon.core.units import NS_PER_MS


class Pulse:
    """When to ping, and when a pong is overdue. Times are nanoseconds of our clock.

    due: when to look again.  overdue_reason: why a connection without a pong is replaced.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self.overdue_reason = f"no pong within {settings.pong_ms} ms"
        self._every = settings.ping_ms * NS_PER_MS
        self._patience = settings.pong_ms * NS_PER_MS
        self._ping_at = NEVER
        self._pong_due = NEVER

    @property
    def due(self) -> int:
        """When a ping is to be sent or a pong is overdue."""
        return min(self._ping_at, self._pong_due)

    def start(self, now: int) -> None:
        """The connection is up."""
        self._ping_at = now + self._every
        self._pong_due = NEVER

    def pong(self) -> None:
        """The venue has answered."""
        self._pong_due = NEVER

    def is_overdue(self, now: int) -> bool:
        """Whether a pong has not come in time."""
        return now >= self._pong_due

    def wants_ping(self, now: int) -> bool:
        """Whether a ping is to be sent now; it is then taken as sent."""
        if now < self._ping_at:
            return False
        self._ping_at = now + self._every
        self._pong_due = min(self._pong_due, now + self._patience)
        return True

    def excuse(self, duration: int) -> None:
        """Wait longer by a time in which we did not read."""
        if self._pong_due != NEVER:
            self._pong_due += duration
