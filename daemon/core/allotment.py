"""Whose position a fill on the account's whole position changes: a protection, a liquidation, a deleveraging.

Such a fill belongs to no strategy, yet the account's position is the sum of what its strategies hold. So the fill is
dealt out among them, and the sum stays what it was plus the fill, to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from daemon.core.errors import InvariantBroken
from daemon.core.units import ZERO, add, divide, floor_qty, multiply, subtract


def allot(held: Sequence[Decimal], change: Decimal, step: Decimal) -> tuple[Decimal, ...]:
    """Deal out a change of an account's position among those who hold it.

    Those who hold the account's side are reduced, each by its share of what that side holds, cut down to the step grid.
    What this leaves over falls on the largest holder as far as it reaches, then on the next; of equal ones the first
    is taken first. A change that makes the account flat makes everybody flat, also those on the other side.

    Args:
        held: signed positions, base units, in configuration order; the account's position is their sum.
        change: signed quantity by which the account's position changes, base units.
        step: grid of quantities, base units.

    Returns:
        The signed change of each position; their sum is `change`.

    Raises:
        InvariantBroken: the change does not bring the account closer to zero; nobody asked for that.
    """
    account = sum_of(held)
    if not change or not account or (change > 0) == (account > 0) or change.copy_abs() > account.copy_abs():
        raise InvariantBroken(f"a fill of {change} on the account's whole position of {account} does not reduce it")
    if change.copy_abs() == account.copy_abs():
        return tuple([qty.copy_negate() for qty in held])
    sizes = [qty.copy_abs() if (qty > 0) == (account > 0) else ZERO for qty in held]
    parts = _shares(sizes, change.copy_abs(), step)
    return tuple([part if change > 0 else part.copy_negate() for part in parts])


def allot_any(held: Sequence[Decimal], change: Decimal, step: Decimal) -> tuple[Decimal, ...]:
    """Deal out a change that somebody else made; arguments and result as in `allot`.

    What reduces the account is dealt out as there, what opens a position goes to the first strategy.
    """
    account = sum_of(held)
    reduces = bool(account) and (change > 0) != (account > 0)
    closing = min(change.copy_abs(), account.copy_abs()) if reduces else ZERO
    closing = closing if change > 0 else closing.copy_negate()
    parts = list(allot(held, closing, step)) if closing else [ZERO] * len(held)
    parts[0] = add(parts[0], subtract(change, closing))
    return tuple(parts)


def sum_of(quantities: Sequence[Decimal]) -> Decimal:
    """Exact sum."""
    total = ZERO
    for qty in quantities:
        total = add(total, qty)
    return total


def _shares(sizes: Sequence[Decimal], qty: Decimal, step: Decimal) -> list[Decimal]:
    """Split `qty` in proportion to `sizes`, on the step grid, no part larger than its size."""
    whole = sum_of(sizes)
    parts = [floor_qty(divide(multiply(qty, size), whole), step) for size in sizes]
    left = subtract(qty, sum_of(parts))
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place], reverse=True):
        more = min(left, subtract(sizes[place], parts[place]))
        parts[place] = add(parts[place], more)
        left = subtract(left, more)
    return parts
