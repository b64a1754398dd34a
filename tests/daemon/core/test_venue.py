from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.venue import Exchange, ExchangeSettings, FillData
from tests.daemon.core.build import exchange


def test_the_defaults_are_the_fees_of_bybit_vip_0() -> None:
    settings = ExchangeSettings()
    assert (settings.taker_fee, settings.maker_fee) == (Decimal("0.00055"), Decimal("0.0002"))
    assert settings.fill_data is FillData.AUTO


@pytest.mark.parametrize(
    "wrong",
    [
        {"taker_fee": "0.055"},
        {"taker_fee": "NaN"},
        {"maker_fee": "-0.02"},
        {"entry_latency_ms": -1},
        {"response_latency_ms": 60_001},
        {"slippage_ticks": 1001},
        {"fill_data": "ticks"},
        {"latency": 5},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, ExchangeSettings)


def test_a_rebate_is_a_fee_below_zero() -> None:
    assert msgspec.convert({"maker_fee": "-0.0001"}, ExchangeSettings).maker_fee == Decimal("-0.0001")


def test_the_simulated_exchange_is_an_exchange() -> None:
    made: Exchange = exchange()
    assert isinstance(made, SimulatedExchange)
    assert made.next_due == 0
