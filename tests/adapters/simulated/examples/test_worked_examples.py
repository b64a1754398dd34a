"""Bybit's own worked examples, recomputed, to within one tick (0.1) or one cent.

Each case names the page: titles of the help centre, or of the v5 API documentation where it says so.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.simulated import margin
from adapters.simulated.funding import funding_fee
from adapters.simulated.liquidation import endangered, next_steps
from daemon.core.events import RiskTier, Side
from daemon.core.units import ZERO
from daemon.core.venue import ExchangeSettings, MarginMode
from tests.adapters.simulated.examples.build import (
    BTC,
    ETH,
    FEE,
    D,
    account,
    fill,
    market,
    one_tier,
    position,
    risk_tiers,
)

TICK = D("0.1")
CENT = D("0.01")
BUY, SELL = Side.BUY, Side.SELL


def close(found: Decimal | None, expected: str, within: Decimal) -> bool:
    return found is not None and abs(found - D(expected)) <= within / 2


@pytest.mark.parametrize(
    ("side", "added", "fee", "initial", "maintenance", "liquidation", "bankruptcy"),
    [
        pytest.param(BUY, "3000", "21.56", "821.56", "221.56", "36380.25", "36198.35", id="long, 3000 added"),
        pytest.param(BUY, "0", "21.56", "821.56", "221.56", "39396.98", "39200", id="long"),
        pytest.param(SELL, "0", "22.44", "822.44", "222.44", "40597.01", "40800", id="short"),
    ],
)
def test_trading_rules_liquidation_process_uta(
    *, side: Side, added: str, fee: str, initial: str, maintenance: str, liquidation: str, bankruptcy: str
) -> None:
    where = market(mark=40_000.0)
    books = account(leverage="50")
    fill(books, where, side, "1", "40000")
    leg = position(books, where)
    assert margin.fee_to_close(side, D(40_000), leverage=D(50), taker_fee=FEE) == D(fee)
    assert leg.initial_margin == D(initial)
    assert books.maintenance_margin_of(leg) == D(maintenance)  # before margin is added
    books.set_added(leg, D(added))
    exact = margin.liquidation_price(
        side, D(1), D(40_000), leverage=D(50), added=D(added), taker_fee=FEE, tiers=leg.tiers
    )
    assert close(exact, liquidation, CENT)
    assert close(leg.liquidation_price, liquidation, 2 * TICK)
    assert close(books.bankruptcy_value_of(leg), bankruptcy, CENT)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "58800"), (SELL, "61200")])
def test_bankruptcy_price_usdt_contract(side: Side, expected: str) -> None:
    price = margin.bankruptcy_price(side, D("0.7"), D(42_000), leverage=D(50), added=ZERO, taker_fee=FEE)
    assert price == D(expected)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "5052.25"), (SELL, "5057.75")])
def test_order_cost_usdt_contract(side: Side, expected: str) -> None:
    assert margin.order_cost(side, D(50_000), leverage=D(10), taker_fee=FEE) == D(expected)


def test_maintenance_margin_usdt_contract() -> None:
    rates = [D("0.02"), D("0.025"), D("0.03"), D("0.035"), D("0.04")]
    deductions = [D(0), D(5), D(15), D(30), D(50)]
    tiers = tuple(
        RiskTier(D(1000) * place, rate, rate * 2, D(10), deduction)
        for place, (rate, deduction) in enumerate(zip(rates, deductions, strict=True), start=1)
    )
    found = margin.maintenance_margin(D(3500), margin.tier_of(tiers, D(3500)), ZERO)
    assert found == D("92.5") == D(20) + D(25) + D(30) + D("17.5")


def test_p_and_l_calculations_usdt_contract_average_entry() -> None:
    where, books = market(mark=5500.0), account()
    fill(books, where, BUY, "0.5", "5000")
    fill(books, where, BUY, "0.3", "6000")
    assert position(books, where).position.entry == 5375


@pytest.mark.parametrize(
    ("side", "qty", "entry", "mark", "expected"),
    [(BUY, "0.2", "7000", 7500.0, "100"), (SELL, "0.4", "6000", 5000.0, "400")],
)
def test_p_and_l_calculations_usdt_contract_unrealised(
    side: Side, qty: str, entry: str, mark: float, expected: str
) -> None:
    where, books = market(mark=mark), account()
    fill(books, where, side, qty, entry)
    assert position(books, where).unrealised() == D(expected)
    assert books.equity() == 10_000 + D(expected)


def test_p_and_l_calculations_usdt_contract_return_on_margin() -> None:
    where, books = market(mark=7500.0), account()
    fill(books, where, BUY, "0.2", "7000")
    leg = position(books, where)
    assert leg.initial_margin == D("140.693")
    assert close(leg.unrealised() / leg.initial_margin * 100, "71.07", CENT * 2)


def test_p_and_l_calculations_usdt_contract_closed_pnl_with_fees_and_funding() -> None:
    where, books = market(mark=6000.0), account()
    fill(books, where, SELL, "0.4", "6000", fee=margin.trading_fee(D("0.4"), D(6000), FEE))
    books.settle(position(books, where), D("2.10"))
    assert fill(books, where, BUY, "0.4", "5000", fee=margin.trading_fee(D("0.4"), D(5000), FEE)) == 400
    assert books.ledger.cash - 10_000 == D("395.48")
    assert books.ledger.fees == D("1.32") + D("1.10")


def test_trading_fee_structure() -> None:
    settings = ExchangeSettings()
    assert margin.trading_fee(D(10), D(8000), settings.taker_fee) == 44
    assert margin.trading_fee(D(10), D(8000), settings.maker_fee) == 16


@pytest.mark.parametrize(("sold_at", "fund"), [("64980", "980"), ("63950", "-50")])
def test_insurance_fund(sold_at: str, fund: str) -> None:
    where, books = market(mark=65_000.0, tiers=one_tier("0.0154")), account("20000", leverage="5")
    fill(books, where, BUY, "1", "80000")
    leg = position(books, where)
    bound = leg.initial_margin
    assert endangered(books, where) == [leg]
    (step,) = next_steps(books, leg)
    assert step.price == 64_000
    books.take_over(leg, step.price, step.qty, step.fee)
    assert books.ledger.cash == 20_000 - bound  # whatever the fund's engine makes of it:
    assert D(sold_at) - step.price == D(fund)


def test_api_get_transaction_log_funding() -> None:
    assert funding_fee(D(100), D("0.3676"), D("0.0001")) == D("0.003676")


def test_api_get_transaction_log_fee() -> None:
    assert margin.trading_fee(D(88), D("0.3615"), D("0.0006")) == D("0.01908720")


def test_api_get_closed_pnl() -> None:
    where, books = market(mark=3550.0), account()
    fill(books, where, BUY, "1", "3584.9255", fee=margin.trading_fee(D(1), D("3584.9255"), D("0.0006")))
    fill(books, where, SELL, "1", "3541.795", fee=margin.trading_fee(D(1), D("3541.795"), D("0.0006")))
    assert books.ledger.cash - 10_000 == D("-47.4065323")


def test_api_execution_topic() -> None:
    assert D("0.5") * D("95900.1") == D("47950.05")
    assert margin.trading_fee(D("0.5"), D("95900.1"), FEE) == D("26.3725275")


def test_api_position_topic_a_message_of_a_long_xrp_position() -> None:
    """From before 2025-09, when the maintenance margin was taken on the entry."""
    fee = D("0.0006")
    where, books = market("XRPUSDT", 0.3374, one_tier("0.01")), account(fee=fee)
    fill(books, where, BUY, "75", "0.3615")
    leg = position(books, where)
    value = leg.entry_value()
    closing = margin.fee_to_close(BUY, value, leverage=D(10), taker_fee=fee)
    assert leg.initial_margin == D("2.72589075")
    assert margin.maintenance_margin(value, leg.tier(), closing) == D("0.28576575")
    assert leg.unrealised() == D("-1.8075")


def test_api_position_topic_a_message_of_a_short_eth_position_in_cross_margin() -> None:
    where = market(ETH, 3642.3261, one_tier())
    books = account(leverage="30", mode=MarginMode.CROSS)
    fill(books, where, SELL, "0.01", "3700")
    leg = position(books, where)
    assert close(books.initial_margin_of(leg), "1.23480936", D("0.0001"))
    assert close(books.maintenance_margin_of(leg), "0.20281586", D("0.0001"))


def test_risk_limit_tables_the_rate_of_a_tier_falls_on_the_whole_value() -> None:
    tiers = risk_tiers(BTC)
    tier = margin.tier_of(tiers, D(2_600_000))
    assert (tier.maintenance_rate, tier.deduction) == (D("0.0056"), D(1200))
    assert tier is tiers[1]
    assert margin.maintenance_margin(D(2_600_000), tier, ZERO) == D(2_600_000) * D("0.0056") - 1200


@pytest.mark.parametrize(
    ("side", "fee", "initial", "maintenance", "liquidation", "bankruptcy"),
    [
        (BUY, "1320", "101320", "14120", "48246.18", 48_000),
        (SELL, "1430", "101430", "14230", "51734.29", 52_000),
    ],
)
def test_liquidation_process_uta_in_the_second_risk_tier(
    *, side: Side, fee: str, initial: str, maintenance: str, liquidation: str, bankruptcy: int
) -> None:
    tiers = risk_tiers(BTC)
    where, books = market(mark=50_000.0, tiers=tiers), account("200000", leverage="25")
    fill(books, where, side, "50", "50000")
    leg = position(books, where)
    assert leg.tier() is tiers[1]
    assert margin.fee_to_close(side, D(2_500_000), leverage=D(25), taker_fee=FEE) == D(fee)
    assert leg.initial_margin == D(initial)
    assert books.maintenance_margin_of(leg) == D(maintenance)
    assert close(leg.liquidation_price, liquidation, 2 * TICK)
    assert books.bankruptcy_value_of(leg) / 50 == bankruptcy
