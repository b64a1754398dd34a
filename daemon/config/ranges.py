"""Bounds of exact decimals, which msgspec cannot say in a type."""

from __future__ import annotations

from decimal import Decimal

MONEY_MAX = Decimal("1e15")


def check_range(name: str, value: Decimal, low: Decimal, high: Decimal) -> None:
    """Refuse a value that is not finite or not between two others, these included.

    Raises:
        ValueError: the message begins with `name`, which errors of configurations then point to.
    """
    if not (value.is_finite() and low <= value <= high):
        raise ValueError(f"{name}: {value} is not between {low} and {high}")
