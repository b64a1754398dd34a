"""Numbers and ids as Bybit writes them: plain decimals, empty where there is none, ids in the form of a UUID."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

from adapters.sandbox.listings import Listing, decimals_of
from daemon.core.units import ZERO


def plain(value: Decimal) -> str:
    """A number without exponent and trailing zeros."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def price_text(value: Decimal | None, listing: Listing, missing: str = "") -> str:
    """A price with the decimals of the tick; one that lies between ticks keeps its own."""
    if value is None:
        return missing
    return _padded(value, decimals_of(listing.instrument.tick))


def qty_text(value: Decimal, listing: Listing) -> str:
    """A quantity with the decimals of the step."""
    return _padded(value, decimals_of(listing.instrument.step))


def uuid_text(*parts: object) -> str:
    """An id in the form of a UUID, a pure function of its parts."""
    digest = sha256("/".join(str(part) for part in parts).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def _padded(value: Decimal, decimals: int) -> str:
    shortest = plain(value)
    if decimals_of(Decimal(shortest)) > decimals:
        return shortest
    return f"{value or ZERO:.{decimals}f}"  # zero without a sign
