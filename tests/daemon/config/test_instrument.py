"""Instruments of a configuration file: bounds, tiers, and the fact they become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.risk_tiers import tiers_of
from daemon.config import InstrumentSettings
from daemon.core.errors import ConfigError
from daemon.core.events import Instrument, RiskTier
from tests.daemon.config.builders import FORMATS, parse, with_value

SPEC = {"tick": "0.1", "step": "0.001", "min_qty": "0.001", "max_qty": "100", "max_market_qty": "50"}
FIRST = {"limit": "2000000", "maintenance_rate": "0.005", "initial_rate": "0.01", "max_leverage": "100"}
SECOND = {"limit": "2600000", "maintenance_rate": "0.0056", "initial_rate": "0.0111", "max_leverage": "90"}


def settings(kind: Any = "json", **changed: Any) -> InstrumentSettings:
    return parse(with_value("instruments.BTCUSDT", SPEC | changed), kind).instruments["BTCUSDT"]


def refused(**changed: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(**changed)
    return str(caught.value)


def test_every_field_of_an_instrument_can_be_configured_in_every_format() -> None:
    numbers = {
        "min_leverage": "2",
        "max_leverage": "50",
        "leverage_step": "0.5",
        "price_limit_ratio_x": "0.01",
        "price_limit_ratio_y": "0.02",
        "upper_funding_rate": "0.00375",
        "lower_funding_rate": "-0.00375",
    }
    for kind in FORMATS:
        fact = settings(kind, **numbers, risk_tiers=[FIRST, SECOND]).instrument("BTCUSDT")
        assert {name: str(getattr(fact, name)) for name in numbers} == numbers
        assert fact.risk_tiers == tiers_of("BTCUSDT")[:2]


def test_the_settings_have_every_field_of_the_fact_but_symbol_and_status() -> None:
    assert set(InstrumentSettings.__struct_fields__) == set(Instrument.__struct_fields__) - {"symbol", "status"}


def test_what_is_not_given_is_not_known() -> None:
    fact = settings().instrument("BTCUSDT")
    assert (fact.price_limit_ratio_x, fact.upper_funding_rate, fact.risk_tiers) == (None, None, ())
    assert settings(price_limit_ratio_x="off", price_limit_ratio_y="off") == settings()


def test_a_deduction_that_is_given_is_kept_as_it_is() -> None:
    fact = settings(risk_tiers=[FIRST, SECOND | {"deduction": "1300"}]).instrument("BTCUSDT")
    assert fact.risk_tiers[1] == RiskTier(
        Decimal(2_600_000), Decimal("0.0056"), Decimal("0.0111"), Decimal(90), Decimal(1300)
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"min_leverage": "0.5"}, "instruments.BTCUSDT.min_leverage: 0.5 is not between 1 and 100"),
        ({"min_leverage": "60", "max_leverage": "50"}, "instruments.BTCUSDT.min_leverage: 60 is not between 1 and 50"),
        ({"leverage_step": "0"}, "instruments.BTCUSDT.leverage_step: 0 is not between"),
        ({"price_limit_ratio_x": "0.01"}, "price_limit_ratio_x and price_limit_ratio_y go together"),
        ({"price_limit_ratio_x": "2", "price_limit_ratio_y": "1"}, "price_limit_ratio_x: 2 is not between"),
        ({"upper_funding_rate": "0.01"}, "upper_funding_rate and lower_funding_rate go together"),
        (
            {"upper_funding_rate": "0.01", "lower_funding_rate": "0.02"},
            "lower_funding_rate: 0.02 is not between -1 and",
        ),
        ({"upper_funding_rate": "2", "lower_funding_rate": "0"}, "upper_funding_rate: 2 is not between -1 and 1"),
        ({"risk_tiers": {}}, "instruments.BTCUSDT.risk_tiers: Expected a list"),
        ({"risk_tiers": [{"limit": "5"}]}, "instruments.BTCUSDT.risk_tiers[0].maintenance_rate: missing"),
        ({"risk_tiers": [FIRST | {"mmr": "1"}]}, "instruments.BTCUSDT.risk_tiers[0].mmr: unknown key"),
        ({"risk_tiers": [FIRST | {"initial_rate": "1.5"}]}, "risk_tiers[0].initial_rate: 1.5 is not between"),
        (
            {"risk_tiers": [FIRST | {"maintenance_rate": "0.5"}]},
            "instruments.BTCUSDT.risk_tiers[0].maintenance_rate: 0.5 is not between 1E-12 and 0.01",
        ),
        ({"risk_tiers": [FIRST | {"max_leverage": "0"}]}, "risk_tiers[0].max_leverage: 0 is not between 1 and 125"),
        ({"risk_tiers": [FIRST | {"deduction": "-1"}]}, "risk_tiers[0].deduction: -1 is not between 0 and"),
        ({"risk_tiers": [SECOND, FIRST]}, "instruments.BTCUSDT.risk_tiers: tier 2: limit 2000000 is not above 2600000"),
        (
            {"risk_tiers": [FIRST, SECOND | {"max_leverage": "110"}]},
            "instruments.BTCUSDT.risk_tiers: tier 2: max_leverage 110 is above 100 of the tier before",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_instrument_that_cannot_be_meant_is_refused_at_its_key(changed: dict[str, Any], message: str) -> None:
    said = refused(**changed)
    assert message in said
    assert "cure: " in said


def test_the_cure_for_a_tier_without_its_numbers_says_where_they_are() -> None:
    assert "/v5/market/risk-limit" in refused(risk_tiers=[{}])
    assert "It is a fraction: 5 % is written 0.05." in refused(risk_tiers=[FIRST | {"initial_rate": "1.5"}])
