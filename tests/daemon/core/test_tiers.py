"""Risk tiers as a list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.events import RiskTier
from daemon.core.tiers import deduction_after, find_fault

FIRST = RiskTier(Decimal(2_000_000), Decimal("0.005"), Decimal("0.01"), Decimal(100))
SECOND = RiskTier(Decimal(2_600_000), Decimal("0.0056"), Decimal("0.0111"), Decimal(90), Decimal(1200))


def test_the_deduction_of_bybits_second_tier_follows_from_the_first() -> None:
    assert deduction_after(FIRST, Decimal("0.0056")) == 1200
    assert deduction_after(SECOND, Decimal("0.0063")) == 3020


def test_good_tiers_and_none_at_all_have_no_fault() -> None:
    assert (find_fault([FIRST, SECOND]), find_fault([])) == ("", "")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"limit": Decimal(0)}, "tier 2: limit 0 is not above zero"),
        ({"limit": Decimal("NaN")}, "tier 2: a number is not finite"),
        ({"limit": Decimal(2_000_000)}, "tier 2: limit 2000000 is not above 2000000"),
        ({"maintenance_rate": Decimal("0.02")}, "tier 2: maintenance_rate 0.02 and initial_rate 0.0111"),
        ({"maintenance_rate": Decimal("0.004")}, "tier 2: maintenance_rate 0.004 is below 0.005"),
        ({"initial_rate": Decimal("1.11")}, "tier 2: maintenance_rate 0.0056 and initial_rate 1.11"),
        ({"initial_rate": Decimal("0.009")}, "tier 2: initial_rate 0.009 is below 0.01"),
        ({"max_leverage": Decimal(101)}, "tier 2: max_leverage 101 is above 100"),
        ({"max_leverage": Decimal("0.9")}, "tier 2: max_leverage 0.9 is below 1"),
        ({"deduction": Decimal(-1)}, "tier 2: deduction -1 is below 0 of the tier before"),
    ],
)
def test_a_tier_that_cannot_follow_is_named_with_its_numbers(changed: dict[str, Any], fault: str) -> None:
    assert find_fault([FIRST, msgspec.structs.replace(SECOND, **changed)]).startswith(fault)


def test_the_first_deduction_is_not_negative() -> None:
    assert find_fault([msgspec.structs.replace(FIRST, deduction=Decimal(-1))]) == "tier 1: deduction -1 is below zero"
