"""Times in configuration files: ISO 8601 text, UTC where it names no zone."""

from __future__ import annotations

from datetime import UTC, datetime

from daemon.core.units import NS_PER_SECOND


def parse_moment(text: str) -> int:
    """Nanoseconds UTC of a text such as "2026-01-31T12:00:00Z"; exact to the microsecond.

    Raises:
        ValueError: it is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_SECOND + since.microseconds * 1_000
