from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.risk_tiers import tiers_of
from daemon.core.tiers import deduction_after, find_fault


@pytest.mark.parametrize("symbol", LISTINGS)
def test_the_tiers_of_every_listing_grow_without_a_step_and_begin_at_its_leverage(symbol: str) -> None:
    tiers = LISTINGS[symbol].instrument.risk_tiers
    assert tiers == tiers_of(symbol)
    assert find_fault(tiers) == ""
    assert tiers[0].max_leverage == LISTINGS[symbol].instrument.max_leverage
    assert all(deduction_after(lower, higher.maintenance_rate) == higher.deduction for lower, higher in pairwise(tiers))
    assert tiers[-1].max_leverage == tiers[-1].initial_rate == 1


@pytest.mark.parametrize(
    ("symbol", "limit", "deduction"), [("BTCUSDT", 1_200_000_000, 226_382_000), ("ETHUSDT", 1_000_000_000, 138_018_220)]
)
def test_the_large_contracts_have_bybits_tiers(symbol: str, limit: int, deduction: int) -> None:
    last = tiers_of(symbol)[-1]
    assert len(tiers_of(symbol)) == 35
    assert (last.limit, last.deduction) == (Decimal(limit), Decimal(deduction))
    assert (last.maintenance_rate, tiers_of(symbol)[9].max_leverage) == (Decimal("0.6"), Decimal(40))
