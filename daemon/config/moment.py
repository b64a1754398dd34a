"""Times as text: ISO 8601, UTC where it names no zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.core.units import NS_PER_SECOND


def parse_moment(text: str) -> int:
    """Nanoseconds UTC of a text such as "2026-01-31T12:00:00Z"; exact to the microsecond.

    Raises:
        ValueError: it is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_SECOND + since.microseconds * 1_000


def iso_time(ts: int) -> str:
    """ISO 8601 text of a time in nanoseconds UTC, to the millisecond."""
    moment = datetime.fromtimestamp(ts // NS_PER_SECOND, UTC) + timedelta(microseconds=ts % NS_PER_SECOND // 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
