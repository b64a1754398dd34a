"""Lengths of time as traders write them: 1m, 4h, 1d."""

from __future__ import annotations

import re

from daemon.core.errors import ConfigError
from daemon.core.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

UNITS = {"w": 7 * NS_PER_DAY, "d": NS_PER_DAY, "h": NS_PER_HOUR, "m": NS_PER_MINUTE, "s": NS_PER_SECOND}
_SHAPE = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)


def parse_interval(text: str) -> int:
    """Length of an interval such as "15m", nanoseconds.

    Raises:
        ConfigError: it is not a whole number, above zero, of s, m, h, d or w.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text!r} is not an interval",
            cure='Write a whole number of s, m, h, d or w, such as "1m" or "4h"; months have no fixed length.',
        )
    return int(found[1]) * UNITS[found[2]]


def interval_text(interval: int) -> str:
    """Shortest text of an interval in nanoseconds; the inverse of `parse_interval` ("60m" comes back as "1h").

    Raises:
        ConfigError: it is not a whole number of seconds, above zero.
    """
    if interval > 0:
        for unit, length in UNITS.items():
            if interval % length == 0:
                return f"{interval // length}{unit}"
    raise ConfigError(f"{interval} ns is not an interval", cure="Intervals are whole seconds, above zero.")
