"""Queries of the public REST routes: their parameters, checked, with 10001 for what cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from adapters.sandbox.market import Market
from adapters.sandbox.refused import Refused

BAD_PARAMETER = 10001
CATEGORIES = ("linear", "inverse", "option", "spot")

Query: TypeAlias = Mapping[str, str]
Result: TypeAlias = dict[str, object]


def category_of(query: Query, default: str = "") -> str:
    """The product."""
    category = query.get("category", default)
    if category not in CATEGORIES:
        raise Refused(BAD_PARAMETER, "params error: Category is invalid")
    return category


def number(query: Query, name: str, default: int, low: int, high: int) -> int:
    """An integer between bounds."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise Refused(BAD_PARAMETER, f"params error: {name} invalid")
    return int(text)


def time_bound(query: Query, name: str) -> int | None:
    """A time in milliseconds UTC; None when it is not given."""
    return number(query, name, 0, 0, 1 << 62) if query.get(name) else None


def check_symbol(market: Market, symbol: str) -> None:
    """Refuse a symbol that is not listed."""
    if symbol not in market.listings:
        raise Refused(BAD_PARAMETER, f"params error: symbol invalid {symbol}")
