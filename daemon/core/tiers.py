"""Risk tiers as a list: what makes one usable, whether the venue or a configuration file gave it.

Source: Bybit help centre, "Maintenance Margin (USDT Contract)".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from daemon.core.events import RiskTier
from daemon.core.units import ZERO, add, multiply, subtract

ONE = Decimal(1)


def deduction_after(before: RiskTier, maintenance_rate: Decimal) -> Decimal:
    """Deduction of the tier after `before`, USDT: the one that lets maintenance margin grow without a step.

    deduction + limit * (maintenance_rate - rate), the last three of them those of the tier before.
    """
    step = subtract(maintenance_rate, before.maintenance_rate)
    return add(before.deduction, multiply(before.limit, step))


def find_fault(tiers: Sequence[RiskTier]) -> str:
    """Why tiers, lowest first, cannot be meant; empty when they can.

    Limits are above zero and rise; rates are fractions above zero up to 1 and never fall, that of maintenance never
    above the initial one; leverage is at least 1 and never rises; deductions are not negative and never fall.
    """
    for place, tier in enumerate(tiers, start=1):
        if fault := _fault_of(tier):
            return f"tier {place}: {fault}"
    if tiers and tiers[0].deduction < ZERO:
        return f"tier 1: deduction {tiers[0].deduction} is below zero"
    for place, (lower, higher) in enumerate(pairwise(tiers), start=2):
        if fault := _fault_between(lower, higher):
            return f"tier {place}: {fault}"
    return ""


def _fault_of(tier: RiskTier) -> str:
    numbers = (tier.limit, tier.maintenance_rate, tier.initial_rate, tier.max_leverage, tier.deduction)
    if not all(number.is_finite() for number in numbers):
        return "a number is not finite"
    if tier.limit <= ZERO:
        return f"limit {tier.limit} is not above zero"
    if not ZERO < tier.maintenance_rate <= tier.initial_rate <= ONE:
        return (
            f"maintenance_rate {tier.maintenance_rate} and initial_rate {tier.initial_rate} are fractions above 0, "
            "the first not above the second and that not above 1"
        )
    return f"max_leverage {tier.max_leverage} is below 1" if tier.max_leverage < ONE else ""


def _fault_between(lower: RiskTier, higher: RiskTier) -> str:
    if higher.limit <= lower.limit:
        return f"limit {higher.limit} is not above {lower.limit} of the tier before"
    if higher.max_leverage > lower.max_leverage:
        return f"max_leverage {higher.max_leverage} is above {lower.max_leverage} of the tier before"
    for name in ("maintenance_rate", "initial_rate", "deduction"):
        after, before = getattr(higher, name), getattr(lower, name)
        if after < before:
            return f"{name} {after} is below {before} of the tier before"
    return ""
