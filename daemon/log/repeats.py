"""Keeps one repeated message from drowning the others."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from threading import Lock
from typing import Any

import structlog
from msgspec import Struct

from daemon.core.units import NS_PER_SECOND

SUMMARIES = "_summaries"
KINDS_MAX = 1024


class _Period(Struct):
    started: int
    seen: int = 0


class RepeatLimit:
    """Structlog processor: lets each (component, event, level) through `limit` times in a period, and counts the rest.

    The first message after the period, of whatever kind, brings a summary: an event of the same name with
    `suppressed`, under the key `SUMMARIES` for the last processor to write. `critical` always passes.

    Args:
        now: nanoseconds.
        limit: messages in a period; 0 for no limit.
        period: nanoseconds.
    """

    def __init__(self, now: Callable[[], int], *, limit: int = 20, period: int = 10 * NS_PER_SECOND) -> None:
        self._now = now
        self._limit = limit
        self._period = period
        self._periods: dict[tuple[str, str, str], _Period] = {}
        self._lock = Lock()

    def __call__(self, _logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Pass an event on, with the summaries that are due.

        Raises:
            structlog.DropEvent: the event was held back and no summary is due.
        """
        with self._lock:
            now = self._now()
            due = self._expire(now)
            excess = self._is_excess(now, method, event)
        if excess and not due:
            raise structlog.DropEvent
        if excess:
            event = due.pop()
        if due:
            event[SUMMARIES] = due
        return event

    def summaries(self) -> list[dict[str, Any]]:
        """What is held back and not yet told; forgets it. For the end of a process."""
        with self._lock:
            return self._close(list(self._periods))

    def _is_excess(self, now: int, method: str, event: MutableMapping[str, Any]) -> bool:
        if not self._limit or method == "critical":
            return False
        kind = (str(event.get("component", "")), str(event.get("event", "")), str(event.get("level", method)))
        period = self._periods.get(kind)
        if period is None:
            if len(self._periods) >= KINDS_MAX:
                return False
            period = self._periods[kind] = _Period(now)
        period.seen += 1
        return period.seen > self._limit

    def _expire(self, now: int) -> list[dict[str, Any]]:
        over = [kind for kind, period in self._periods.items() if not 0 <= now - period.started < self._period]
        return self._close(over)

    def _close(self, kinds: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
        """End the periods of some kinds; a summary for each that held something back."""
        summaries: list[dict[str, Any]] = []
        for kind in kinds:
            held = self._periods.pop(kind).seen - self._limit
            if held > 0:
                component, event, level = kind
                summaries.append({"event": event, "level": level, "component": component, "suppressed": held})
        return summaries
