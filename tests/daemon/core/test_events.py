from __future__ import annotations

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from daemon.core.account_events import AccountFact
from daemon.core.events import (
    BarOrigin,
    BookDown,
    Command,
    Fact,
    HouseFact,
    Link,
    MarketFact,
    Quarantined,
    Restarted,
    Stale,
    Timer,
    TroubleKind,
    VenueTrouble,
)
from tests.daemon.core.account_facts import ONE_OF_EACH as ONE_OF_EACH_OF_AN_ACCOUNT
from tests.daemon.core.build import bar, delta, instrument, quote, snapshot, ticker, trade

ONE_OF_EACH: list[Fact] = [
    trade(100.1),
    quote(99.9, 100.1),
    snapshot([(99.9, 1.0)], [(100.1, 1.0)]),
    delta([(99.9, 0.0)], []),
    BookDown("BTCUSDT", 1, "gap"),
    ticker(mark=100.0),
    bar(100.0, origin=BarOrigin.VENUE),
    instrument(min_notional=Decimal("5.5")),
    Link("public", up=False, reason="closed", topics=("tickers.BTCUSDT",)),
    Stale("public", "tickers.BTCUSDT", "BTCUSDT", stale=True, silent_ms=3000),
    Quarantined("public", "not JSON"),
    Timer("minute", 60),
    Command("halt", "main", "by hand"),
    VenueTrouble(kind=TroubleKind.LATE, lane="main", delay_ms=300),
    Restarted(1, 2),
    *ONE_OF_EACH_OF_AN_ACCOUNT,
]


def test_the_example_of_each_fact_leaves_none_out() -> None:
    assert {type(fact) for fact in ONE_OF_EACH} == set(get_args(Fact))
    kinds = (MarketFact, HouseFact, AccountFact)
    assert set(get_args(Fact)) == {kind for union in kinds for kind in get_args(union)}


@pytest.mark.parametrize("fact", ONE_OF_EACH, ids=lambda fact: type(fact).__name__)
def test_a_fact_comes_back_from_its_json_as_it_was(fact: Fact) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fact), type=Fact) == fact


@pytest.mark.parametrize("fact", ONE_OF_EACH, ids=lambda fact: type(fact).__name__)
def test_a_fact_cannot_be_changed(fact: Fact) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(fact, fact.__struct_fields__[0], None)
