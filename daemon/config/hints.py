"""Cures: what the writer of a configuration probably meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

# What the last word of a name says about its value.
UNITS = {
    "ns": "nanoseconds",
    "us": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "min": "minutes",
    "mb": "MiB",
    "usdt": "USDT",
    "ticks": "ticks",
    "bps": "basis points",
}
_UNIT_WORDS = frozenset(UNITS) | {
    *("sec", "secs", "second", "seconds", "minute", "minutes", "hour", "hours", "h", "millis", "milliseconds"),
    *("gb", "kb", "bytes", "mib", "usd", "quote", "pct", "percent", "bps", "fraction", "ratio"),
}
INSTRUMENT_KEYS = frozenset({"tick", "step", "min_qty", "max_qty", "max_market_qty"})
TIER_KEYS = frozenset({"limit", "maintenance_rate", "initial_rate", "max_leverage"})
SYMBOLS = frozenset({"symbol", "symbols"})
IDS = frozenset({"account_id", "consent"})
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?", re.ASCII)
FRACTIONS = frozenset(
    {
        *("weight", "price_collar", "taker_fee", "maker_fee", "position_fraction", "trailing_stop"),
        *("impact", "volume_share", "share", "maintenance_rate", "initial_rate"),
        *("price_limit_ratio_x", "price_limit_ratio_y", "upper_funding_rate", "lower_funding_rate"),
    }
)


def unit_of(key: str) -> str:
    """What a key is measured in by the last word of its name, such as "milliseconds"; empty when it has no unit."""
    return UNITS.get(key.rpartition("_")[2], "") if "_" in key else ""


def unknown_key(key: str, known: Collection[str], elsewhere: Mapping[str, str]) -> str:
    """Cure for a key that does not exist here.

    Args:
        key: as written.
        known: keys that exist at this place.
        elsewhere: keys of other places, each with the name of its place.
    """
    for candidate in known:
        if _stem(candidate) == _stem(key):
            unit = unit_of(candidate)
            return f"Did you mean {candidate}?" + (f" It is in {unit}; convert the value." if unit else "")
    if close := get_close_matches(key.lower(), known, n=1, cutoff=0.75):
        return f"Did you mean {close[0]}?"
    if key in elsewhere:
        return f"{key} belongs in {elsewhere[key]}."
    if close := get_close_matches(key.lower(), known, n=1, cutoff=0.5):
        return f"Did you mean {close[0]}?"
    return f"Known here: {', '.join(known)}." if known else "Remove it."


def unknown_name(name: str, known: Collection[str], kind: str) -> str:
    """Cure for a reference to something of `kind` that does not exist."""
    if close := get_close_matches(name, known, n=1, cutoff=0.6):
        return f"Did you mean {close[0]}?"
    return f"Known {kind}: {', '.join(known)}." if known else f"The file has no {kind}; add one."


def missing_key(key: str) -> str:
    """Cure for a key that has no default and is not there."""
    if key in INSTRUMENT_KEYS:
        return "Add it; Bybit lists it in /v5/market/instruments-info."
    if key in TIER_KEYS:
        return "Add it; Bybit lists it in /v5/market/risk-limit."
    return "Add it; docs/configuration.md explains it."


def wrong_value(key: str, value: object, reason: str) -> str:
    """Cure for a value of the wrong type or out of range; `reason` is msgspec's."""
    is_text = isinstance(value, str)
    cure = "Correct the value; docs/configuration.md lists what is allowed."
    if key in FRACTIONS and _is_percent(value):
        cure = "It is a fraction: 5 % is written 0.05."
    elif key in SYMBOLS and isinstance(value, str):
        cure = _symbol_cure(value)
    elif key == "venue" and is_text:
        cure = 'Write "simulated" or "bybit"; which of Bybit\'s environments it is says venue.environment.'
    elif key in IDS:
        cure = 'Write the digits of the user id that Bybit shows, in quotes, such as "100001".'
    elif key == "at":
        cure = 'Write a time as text, such as at = "2026-01-31T12:00:00Z", or after_ms = 60000.'
    elif key in ("klines", "interval") and is_text:
        cure = "Write one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w."
    elif unit := unit_of(key):
        cure = f"Write a number of {unit}, without the unit."
    elif reason.startswith("Expected") and (value in ("true", "false") or (is_text and _NUMBER.fullmatch(str(value)))):
        cure = "Write it without quotes."
    return cure


def _symbol_cure(value: str) -> str:
    bare = re.sub(r"[^A-Z0-9]", "", value.upper().partition(":")[0])
    if re.fullmatch(r"[A-Z0-9]{1,24}USDT", bare):
        return f'Did you mean "{bare}"? Symbols are written as Bybit writes them.'
    return 'Write the symbol of a USDT perpetual as Bybit writes it, such as "BTCUSDT".'


def _is_percent(value: object) -> bool:
    if isinstance(value, str):
        bare = value.strip()
        return bare.endswith("%") or (_NUMBER.fullmatch(bare) is not None and abs(float(bare)) >= 0.01)
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 0.01


def _stem(key: str) -> tuple[str, ...]:
    """Words of a name without its unit, in any order of case and with - or _ between them."""
    words = re.split(r"[-_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower())
    return tuple(words[:-1] if len(words) > 1 and words[-1] in _UNIT_WORDS else words)
