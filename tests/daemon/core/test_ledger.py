from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.ledger import Ledger, Position, apply_fill
from daemon.core.units import CASH_GRID, MONEY, ZERO
from tests.daemon.core.build import BTC, ETH

D = Decimal


class Fill(NamedTuple):
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal


FILLS = st.builds(
    Fill,
    st.sampled_from([BTC, ETH]),
    st.sampled_from(list(Side)),
    st.integers(1, 2_000_000).map(lambda ticks: ticks * D("0.1")),
    st.integers(1, 5_000).map(lambda steps: steps * D("0.001")),
    st.integers(-10_000, 100_000).map(lambda grid: grid * D("0.00000001")),
)
TRANSFERS = st.integers(-(10**9), 10**9).map(lambda cents: cents * D("0.01"))


class Funding(NamedTuple):
    fee: Decimal


FUNDINGS = st.integers(-(10**9), 10**9).map(lambda grid: Funding(grid * D("0.00000001")))
EVENTS = st.lists(FILLS | TRANSFERS | FUNDINGS, max_size=40)


class Reference:
    """The same money in fractions, without any rounding: average entry, realised PnL, cash."""

    def __init__(self) -> None:
        self.cash = Fraction(0)
        self.qty = {BTC: Fraction(0), ETH: Fraction(0)}
        self.entry = {BTC: Fraction(0), ETH: Fraction(0)}

    def fill(self, fill: Fill) -> Fraction:
        price, signed = Fraction(fill.price), Fraction(fill.qty) * (1 if fill.side is Side.BUY else -1)
        held, entry = self.qty[fill.symbol], self.entry[fill.symbol]
        realised = Fraction(0)
        if held * signed < 0:
            closed = min(abs(signed), abs(held)) * (1 if held > 0 else -1)
            realised = closed * (price - entry)
        after = held + signed
        if held * signed >= 0:
            self.entry[fill.symbol] = (held * entry + signed * price) / after
        elif held * after < 0:
            self.entry[fill.symbol] = price
        self.qty[fill.symbol] = after
        self.cash += realised - Fraction(fill.fee)
        return realised


def fold(ledger: Ledger, event: Fill | Decimal | Funding) -> None:
    match event:
        case Fill():
            ledger.fill(*event)
        case Funding():
            ledger.charge(event.fee)
        case _:
            ledger.transfer(event)


def signed_qty(fill: Fill) -> Decimal:
    return fill.qty if fill.side is Side.BUY else -fill.qty


@given(EVENTS)
def test_every_unit_of_cash_is_transferred_spent_held_or_paid_as_fee_or_funding(
    events: list[Fill | Decimal | Funding],
) -> None:
    ledger = Ledger()
    transfers = fees = funding = spent = Fraction(0)
    for event in events:
        fold(ledger, event)
        ledger.check()
        if isinstance(event, Fill):
            fees += Fraction(event.fee)
            spent += Fraction(signed_qty(event) * event.price)
        elif isinstance(event, Funding):
            funding += Fraction(event.fee)
        else:
            transfers += Fraction(event)
        held = sum((Fraction(position.entry_value) for position in ledger.positions.values()), Fraction(0))
        assert Fraction(ledger.cash) == transfers - fees - funding - spent + held
        assert Fraction(ledger.funding) == funding
        assert ledger.cash_float == float(ledger.cash)


@given(st.lists(FILLS, max_size=40))
def test_a_position_is_the_signed_sum_of_its_fills(fills: list[Fill]) -> None:
    ledger = Ledger()
    for fill in fills:
        ledger.fill(*fill)
    for symbol in (BTC, ETH):
        position = ledger.position(symbol)
        assert position.qty == sum((signed_qty(fill) for fill in fills if fill.symbol == symbol), ZERO)
        assert position.qty_float == float(position.qty)
        assert position.entry_float == float(position.entry)
        assert (position.entry == 0) == (position.qty == 0)


@given(st.lists(FILLS, max_size=40))
def test_it_equals_exact_fractions_but_for_one_rounding_of_each_reduction(fills: list[Fill]) -> None:
    ledger, reference = Ledger(), Reference()
    grid = Fraction(CASH_GRID)
    for count, fill in enumerate(fills, 1):
        realised = ledger.fill(*fill)
        assert abs(Fraction(realised) - reference.fill(fill)) <= count * grid
        position = ledger.position(fill.symbol)
        assert Fraction(position.qty) == reference.qty[fill.symbol]
        value = reference.qty[fill.symbol] * reference.entry[fill.symbol]
        assert abs(Fraction(position.entry_value) - value) <= count * grid
    assert abs(Fraction(ledger.cash) - reference.cash) <= (len(fills) + 1) * grid


@given(st.lists(FILLS, max_size=8), FILLS, st.integers(1, 4_999), FILLS)
def test_a_fill_may_come_in_two_parts(before: list[Fill], fill: Fill, cut: int, after: Fill) -> None:
    part = min(cut * D("0.001"), fill.qty)
    rest = fill.qty - part
    whole, parts = Ledger(), Ledger()
    for one in before:
        whole.fill(*one)
        parts.fill(*one)
    realised = whole.fill(*fill)
    realised_parts = parts.fill(*fill._replace(qty=part, fee=ZERO if rest else fill.fee))
    if rest:
        realised_parts += parts.fill(*fill._replace(qty=rest))
    assert abs(realised - realised_parts) <= 2 * CASH_GRID
    whole.fill(*after)
    parts.fill(*after)
    assert abs(whole.cash - parts.cash) <= 4 * CASH_GRID
    assert whole.position(BTC).qty == parts.position(BTC).qty


@given(FILLS, st.integers(1, 2_000_000).map(lambda ticks: ticks * D("0.1")))
def test_a_round_trip_realises_the_difference_of_its_prices_exactly(fill: Fill, exit_price: Decimal) -> None:
    ledger = Ledger()
    out = Side.SELL if fill.side is Side.BUY else Side.BUY
    assert ledger.fill(*fill) == 0
    assert ledger.fill(fill.symbol, out, exit_price, fill.qty, ZERO) == signed_qty(fill) * (exit_price - fill.price)
    position = ledger.position(fill.symbol)
    assert (position.qty, position.entry_value, position.entry) == (ZERO, ZERO, ZERO)


@given(st.lists(FILLS, max_size=20))
def test_going_flat_leaves_cash_of_what_was_sold_less_what_was_bought_to_the_last_digit(fills: list[Fill]) -> None:
    ledger = Ledger()
    flat_price = D("1234.5")
    for fill in fills:
        ledger.fill(*fill)
    for symbol, position in ledger.positions.items():
        if position.qty:
            side = Side.SELL if position.qty > 0 else Side.BUY
            ledger.fill(symbol, side, flat_price, abs(position.qty), ZERO)
    spent = ZERO
    for fill in fills:
        spent = MONEY.add(spent, signed_qty(fill) * (fill.price - flat_price))
    assert ledger.cash == -spent - sum((fill.fee for fill in fills), ZERO)


def test_average_entry_of_the_bybit_page_p_and_l_calculations_usdt_contract() -> None:
    position = Position(BTC)
    apply_fill(position, Side.BUY, D(5000), D("0.5"))
    apply_fill(position, Side.BUY, D(6000), D("0.3"))
    assert position.entry == 5375


@pytest.mark.parametrize(
    ("side", "qty", "entry", "exit_price", "pnl"),
    [(Side.BUY, "0.2", 7000, 7500, 100), (Side.SELL, "0.4", 6000, 5000, 400)],
)
def test_profit_of_the_bybit_page_p_and_l_calculations_usdt_contract(
    side: Side, qty: str, entry: int, exit_price: int, pnl: int
) -> None:
    ledger = Ledger()
    ledger.fill(BTC, side, D(entry), D(qty), ZERO)
    assert ledger.equity({BTC: D(exit_price)}) == pnl
    assert ledger.fill(BTC, Side.SELL if side is Side.BUY else Side.BUY, D(exit_price), D(qty), ZERO) == pnl
    assert ledger.cash == pnl


def test_reducing_keeps_the_entry_and_crossing_zero_opens_at_the_price_of_the_fill() -> None:
    position = Position(BTC)
    apply_fill(position, Side.BUY, D(100), D(3))
    assert apply_fill(position, Side.SELL, D(110), D(1)) == 10
    assert (position.qty, position.entry) == (D(2), D(100))
    assert apply_fill(position, Side.SELL, D(90), D(5)) == -20
    assert (position.qty, position.entry, position.entry_value) == (D(-3), D(90), D(-270))
    assert position.realised_pnl == -10


def test_the_context_of_the_thread_changes_no_money() -> None:
    events = [Fill(BTC, side, D("50123.4"), D("1.234"), D("0.123456")) for side in (Side.BUY, Side.SELL, Side.SELL)]
    plain, other = Ledger(), Ledger()
    for event in events:
        plain.fill(*event)
        with localcontext(prec=2):
            other.fill(*event)
            other.check()
    assert (plain.cash, plain.positions) == (other.cash, other.positions)


def test_funding_above_zero_is_paid_and_below_zero_received() -> None:
    ledger = Ledger()
    ledger.transfer(D(100))
    ledger.charge(D("1.5"))
    ledger.charge(D("-0.5"))
    assert (ledger.cash, ledger.cash_float, ledger.funding, ledger.fees) == (D(99), 99.0, D(1), D(0))


def test_check_finds_funding_that_moved_no_cash() -> None:
    ledger = Ledger()
    ledger.funding = D(1)
    with pytest.raises(InvariantBroken, match="funding and fills say -1"):
        ledger.check()


def test_check_finds_cash_from_nowhere() -> None:
    ledger = Ledger()
    ledger.transfer(D(100))
    ledger.cash += D("0.000000000000000001")
    with pytest.raises(InvariantBroken, match="cash is 100"):
        ledger.check()


def test_check_finds_a_flat_position_that_still_has_a_value() -> None:
    ledger = Ledger()
    ledger.position(BTC).entry_value = D(1)
    with pytest.raises(InvariantBroken, match="is flat with an entry value of 1"):
        ledger.check()
