from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.protection_constraints import NO_POSITION, NOTHING_SET, protection_refusal
from daemon.core.market import Market
from daemon.core.orders import Protection
from daemon.core.records import TriggerBy
from tests.daemon.core.build import BTC, instrument

D = Decimal
LONG, SHORT = D(2), D(-2)
BOTH = Protection(take_profit=D(110), stop_loss=D(90))


def market_of(*, last: float = 100.0, mark: float = 100.0, index: float = 100.0, status: str = "Trading") -> Market:
    market = Market(BTC)
    market.instrument = instrument(status=status)
    market.last, market.mark, market.index = last, mark, index
    return market


def code(
    protection: Protection,
    *,
    held: Decimal = LONG,
    partial: int = 0,
    current: Protection | None = None,
    on: Market | None = None,
) -> str:
    market = market_of() if on is None else on
    text = protection_refusal(protection, market, held=held, partial=partial, current=current)
    return "taken" if text is None else text.partition(":")[0]


def test_plain_trading_stops_are_taken() -> None:
    assert code(BOTH) == "taken"
    assert code(Protection(trailing_stop=D(10))) == "taken"
    assert code(Protection(take_profit=D(110), stop_loss=D(90), partial=True, qty=D(1))) == "taken"


def test_34040_nothing_is_given() -> None:
    assert code(Protection()) == "34040"
    assert code(Protection(partial=True)) == "34040"
    assert code(Protection(take_profit=D(0))) == "taken"


def test_10001_without_a_position_in_bybits_words() -> None:
    assert protection_refusal(BOTH, market_of(), held=D(0)) == NO_POSITION
    assert code(BOTH, held=D("0.001")) == "taken"


def test_110074_a_contract_that_is_not_live() -> None:
    assert code(BOTH, on=market_of(status="Closed")) == "110074"
    assert code(BOTH, on=Market(BTC)) == "110074"


@pytest.mark.parametrize(
    ("held", "take_profit", "stop_loss", "expected"),
    [
        (LONG, "100.1", "99.9", "taken"),
        (LONG, "100", None, "10001"),
        (LONG, None, "100", "10001"),
        (SHORT, "99.9", "100.1", "taken"),
        (SHORT, "100", None, "10001"),
        (SHORT, None, "100", "10001"),
    ],
)
def test_10001_on_the_wrong_side_of_the_price_that_lets_it_go_off(
    held: Decimal, take_profit: str | None, stop_loss: str | None, expected: str
) -> None:
    protection = Protection(
        take_profit=None if take_profit is None else D(take_profit),
        stop_loss=None if stop_loss is None else D(stop_loss),
    )
    assert code(protection, held=held) == expected


def test_each_side_is_measured_against_its_own_kind_of_price() -> None:
    market = market_of(last=100.0, mark=110.0, index=0.0)
    assert code(Protection(take_profit=D(105)), on=market) == "taken"
    assert code(Protection(take_profit=D(105), take_profit_by=TriggerBy.MARK), on=market) == "10001"
    assert code(Protection(stop_loss=D(105), stop_loss_by=TriggerBy.MARK), on=market) == "taken"
    assert code(Protection(stop_loss=D(105), stop_loss_by=TriggerBy.INDEX), on=market) == "taken"


@pytest.mark.parametrize(
    "protection",
    [
        Protection(take_profit=D("110.05")),
        Protection(stop_loss=D("90.05")),
        Protection(stop_loss=D(-90)),
        Protection(trailing_stop=D("10.05")),
        Protection(trailing_stop=D(-10)),
        Protection(trailing_stop=D(10), active_price=D("110.05")),
        Protection(take_profit=D(110), take_profit_limit=D("110.05"), partial=True),
        Protection(stop_loss=D(90), stop_loss_limit=D(0), partial=True),
    ],
)
def test_10001_a_price_off_the_tick(protection: Protection) -> None:
    assert code(protection) == "10001"


@pytest.mark.parametrize(
    ("protection", "expected"),
    [
        (Protection(take_profit=D(110), take_profit_limit=D(111)), "10001"),
        (Protection(take_profit=D(110), take_profit_limit=D(111), partial=True), "taken"),
        (Protection(take_profit=D(110), stop_loss_limit=D(89), partial=True), "10001"),
        (Protection(take_profit=D(110), qty=D(1)), "10001"),
        (Protection(trailing_stop=D(10), partial=True), "10001"),
        (Protection(take_profit=D(0), partial=True), "10001"),
        (Protection(stop_loss=D(90), active_price=D(110)), "10001"),
        (Protection(active_price=D(110)), "10001"),
    ],
)
def test_10001_what_does_not_go_together(protection: Protection, expected: str) -> None:
    assert code(protection) == expected


@pytest.mark.parametrize(
    ("held", "active", "expected"),
    [
        (LONG, "100.1", "taken"),
        (LONG, "100", "10001"),
        (SHORT, "99.9", "taken"),
        (SHORT, "100", "10001"),
    ],
)
def test_10001_an_active_price_that_is_not_beyond_the_last_price(held: Decimal, active: str, expected: str) -> None:
    assert code(Protection(trailing_stop=D(10), active_price=D(active)), held=held) == expected


def test_10001_a_distance_that_leaves_no_price_for_the_stop_of_a_long() -> None:
    assert code(Protection(trailing_stop=D("99.8"))) == "taken"
    assert code(Protection(trailing_stop=D("99.9"))) == "10001"
    assert code(Protection(trailing_stop=D("99.9"), active_price=D(110))) == "taken"
    assert code(Protection(trailing_stop=D(500)), held=SHORT) == "taken"


def test_10001_a_trailing_stop_before_any_last_price_was_heard() -> None:
    silent = market_of(last=0.0)
    assert code(Protection(trailing_stop=D(10)), on=silent) == "10001"
    assert code(Protection(trailing_stop=D(10), active_price=D(110)), on=silent) == "taken"
    assert code(Protection(trailing_stop=D(0)), on=silent) == "taken"


@pytest.mark.parametrize(
    ("qty", "expected"), [("2", "taken"), ("2.001", "110058"), ("0", "10001"), ("0.0005", "10001"), ("-1", "10001")]
)
def test_110058_a_partial_quantity_of_more_than_the_position(qty: str, expected: str) -> None:
    for held in (LONG, SHORT):
        take_profit = D(110) if held > 0 else D(90)
        assert code(Protection(take_profit=take_profit, partial=True, qty=D(qty)), held=held) == expected


def test_110061_one_partial_protection_more_than_the_exchange_keeps() -> None:
    pair = Protection(take_profit=D(110), stop_loss=D(90), partial=True)
    assert code(pair, partial=18) == "taken"
    assert code(pair, partial=19) == "110061"
    assert code(Protection(stop_loss=D(90), partial=True), partial=19) == "taken"
    assert code(BOTH, partial=20) == "taken"


@pytest.mark.parametrize(
    ("asked", "current", "expected"),
    [
        (BOTH, BOTH, "34040"),
        (Protection(take_profit=D(110)), BOTH, "34040"),
        (Protection(take_profit=D(111)), BOTH, "taken"),
        (Protection(take_profit=D(110), take_profit_by=TriggerBy.MARK), BOTH, "taken"),
        (Protection(take_profit=D(110), stop_loss=D(91)), BOTH, "taken"),
        (Protection(take_profit=D(0)), Protection(), "34040"),
        (Protection(take_profit=D(0)), BOTH, "taken"),
        (Protection(trailing_stop=D(10)), Protection(trailing_stop=D(10)), "34040"),
        (Protection(trailing_stop=D(10)), Protection(trailing_stop=D(10), active_price=D(110)), "taken"),
        (Protection(trailing_stop=D(0)), Protection(), "34040"),
        (Protection(trailing_stop=D(11)), Protection(trailing_stop=D(10)), "taken"),
        (Protection(take_profit=D(110), trailing_stop=D(11)), BOTH, "taken"),
    ],
)
def test_34040_all_that_is_asked_for_is_set_already(asked: Protection, current: Protection, expected: str) -> None:
    assert code(asked, current=current) == expected
    assert code(asked) == "taken"


def test_partial_protections_are_added_whatever_is_set() -> None:
    pair = Protection(take_profit=D(110), stop_loss=D(90), partial=True)
    assert code(pair, current=BOTH) == "taken"
    assert NOTHING_SET.startswith("34040")


NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from([D(0), D("0.1"), D("1E+999999"), D("1E-999999")]),
    st.decimals(min_value=0, max_value=200, places=1),
)
MAYBE = st.none() | NUMBERS


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        Protection,
        take_profit=MAYBE,
        stop_loss=MAYBE,
        partial=st.booleans(),
        take_profit_limit=MAYBE,
        stop_loss_limit=MAYBE,
        qty=MAYBE,
        trailing_stop=MAYBE,
        active_price=MAYBE,
    ),
    st.sampled_from([LONG, SHORT, D(0)]),
    st.sampled_from([0.0, 100.0]),
    st.none() | st.just(BOTH),
)
def test_whatever_is_asked_is_set_or_refused_with_a_code(
    protection: Protection, held: Decimal, last: float, current: Protection | None
) -> None:
    text = protection_refusal(protection, market_of(last=last), held=held, current=current)
    assert text is None or text.partition(": ")[0].isdigit()
