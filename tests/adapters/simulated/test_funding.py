from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.simulated.funding import funding_fee, funding_rate, next_boundary
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from tests.adapters.simulated.examples.build import D, account, fill, market, position

MIDNIGHT = 20_000 * NS_PER_DAY
HOUR = NS_PER_HOUR


def every(minutes: int) -> Market:
    made = market()
    assert made.instrument is not None
    made.instrument = replace(made.instrument, funding_interval_min=minutes)
    return made


@pytest.mark.parametrize(
    ("minutes", "after", "expected"),
    [
        (480, 0, 8 * HOUR),
        (480, 8 * HOUR - 1, 8 * HOUR),
        (480, 8 * HOUR, 16 * HOUR),
        (480, 23 * HOUR, 24 * HOUR),
        (240, 4 * HOUR, 8 * HOUR),
        (60, 59 * NS_PER_MINUTE, HOUR),
        (60, HOUR, 2 * HOUR),
        (1440, 1, 24 * HOUR),
        (420, 22 * HOUR, 24 * HOUR),  # an interval that does not divide the day starts anew at midnight
    ],
)
def test_boundaries_are_multiples_of_the_interval_since_midnight(minutes: int, after: int, expected: int) -> None:
    assert next_boundary(every(minutes), MIDNIGHT + after) == MIDNIGHT + expected


def test_an_unknown_instrument_settles_every_eight_hours() -> None:
    assert next_boundary(Market("NEWUSDT"), MIDNIGHT) == MIDNIGHT + 8 * HOUR


def test_the_word_of_the_venue_counts_while_it_lies_ahead() -> None:
    where = every(480)
    where.next_funding = MIDNIGHT + 4 * HOUR
    assert next_boundary(where, MIDNIGHT) == MIDNIGHT + 4 * HOUR
    assert next_boundary(where, MIDNIGHT + 4 * HOUR - 1) == MIDNIGHT + 4 * HOUR
    assert next_boundary(where, MIDNIGHT + 4 * HOUR) == MIDNIGHT + 8 * HOUR


@pytest.mark.parametrize("told", [0, MIDNIGHT + HOUR + NS_PER_SECOND, MIDNIGHT + 2 * NS_PER_DAY])
def test_a_time_that_cannot_be_a_boundary_is_not_believed(told: int) -> None:
    where = every(480)
    where.next_funding = told
    assert next_boundary(where, MIDNIGHT) == MIDNIGHT + 8 * HOUR


@pytest.mark.parametrize(("told", "expected"), [(0.0001, "0.0001"), (0.01, "0.00375"), (-0.02, "-0.00375")])
def test_the_rate_is_held_within_the_caps_of_the_instrument(told: float, expected: str) -> None:
    where = market()
    assert where.instrument is not None
    where.funding_rate = told
    assert funding_rate(where) == D(str(told))
    where.instrument = replace(where.instrument, upper_funding_rate=D("0.00375"), lower_funding_rate=D("-0.00375"))
    assert funding_rate(where) == D(expected)
    assert funding_rate(Market("NEWUSDT")) == 0


@pytest.mark.parametrize(
    ("qty", "rate", "expected"),
    [("2", "0.0001", "10"), ("-2", "0.0001", "-10"), ("2", "-0.0001", "-10"), ("-2", "-0.0001", "10"), ("0", "1", "0")],
)
def test_longs_pay_shorts_when_the_rate_is_above_zero(qty: str, rate: str, expected: str) -> None:
    assert funding_fee(D(qty), D(50_000), D(rate)) == D(expected)


def test_what_one_side_pays_the_other_receives() -> None:
    total = Decimal(0)
    for side in Side:
        where, books = market(mark=50_123.4), account()
        fill(books, where, side, "0.3", "50000")
        leg = position(books, where)
        books.settle(leg, funding_fee(leg.position.qty, leg.mark(), D("0.000125")))
        books.check_all()
        total += books.ledger.cash - 10_000
    assert total == 0
