"""Parameters: what stands in a query or a body, checked for type and range, with Bybit's 10001 where it is wrong.

Numbers that are prices, quantities or amounts are plain decimal text, without sign (unless said) and exponent; integers
may be text too, since queries have nothing else. Fields that a route does not know are ignored, as Bybit does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal

from adapters.sandbox.trading.codes import bad

CATEGORIES = ("linear", "inverse", "option", "spot")
LINEAR = "linear"

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_SIGNED = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


class Parameters:
    """Reads the fields of one request."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields

    def text(self, name: str, default: str = "") -> str:
        """A text; null and missing are the default."""
        value = self.fields.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            raise bad(name, value)
        return value

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self.text(name)
        if not value:
            raise bad(name)
        return value

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of some words; required without a default."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if value not in choices:
            raise bad(name, value)
        return value

    def category(self) -> str:
        """The product, required."""
        return self.choice("category", CATEGORIES)

    def number(self, name: str, *, signed: bool = False) -> Decimal | None:
        """A decimal in text; None when it is missing."""
        value = self.text(name)
        if not value:
            return None
        if not (_SIGNED if signed else _NUMBER).fullmatch(value):
            raise bad(name, value)
        return Decimal(value)

    def needed_number(self, name: str, *, signed: bool = False) -> Decimal:
        """A decimal that must be there."""
        value = self.number(name, signed=signed)
        if value is None:
            raise bad(name)
        return value

    def positive(self, name: str) -> Decimal | None:
        """A decimal above zero; None when it is missing or zero, which is Bybit's way to leave a price out."""
        return self.number(name) or None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """An integer between bounds, also as text."""
        value = self.fields.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise bad(name, value)
        return value

    def flag(self, name: str) -> bool:
        """A boolean; missing is false."""
        value = self.fields.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise bad(name, value)
        return value

    def link_id(self) -> str:
        """The order's own id of the client: up to 36 letters, digits, dashes and underscores; empty when missing."""
        value = self.text("orderLinkId")
        if value and not _LINK_ID.fullmatch(value):
            raise bad("orderLinkId", value)
        return value


def is_number(text: str) -> bool:
    """Whether a text is a plain decimal without sign."""
    return _NUMBER.fullmatch(text) is not None
