"""Funding at its boundary: who pays, on what, and when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from daemon.core.events import Instrument
from daemon.core.units import NS_PER_HOUR, NS_PER_MS
from daemon.core.venue import FundingReport
from tests.adapters.simulated.bench import Bench, on_touch
from tests.daemon.core.build import BTC, MIDNIGHT, instrument, ticker

D = Decimal
BOUNDARY = MIDNIGHT + 8 * NS_PER_HOUR


def bench_before(ns: int, **specification: Any) -> Bench:
    """A market around 100, `ns` before the boundary at 08:00, with a predicted rate of 0.01 %."""
    bench = on_touch(start=BOUNDARY - NS_PER_HOUR, **specification)
    bench.tell(ticker(mark=100.0, funding_rate=0.0001, next_funding=BOUNDARY))
    bench.pass_time(BOUNDARY - ns - bench.now)
    return bench


def paid(bench: Bench) -> list[FundingReport]:
    return bench.listener.told(FundingReport)


def test_a_position_opened_a_millisecond_before_pays_one_opened_after_does_not() -> None:
    for ns, expected in ((NS_PER_MS, [D("0.0200")]), (-NS_PER_MS, [])):
        bench = bench_before(ns)
        bench.buy("2")
        bench.pass_time(3 * NS_PER_MS)
        assert [report.fee for report in paid(bench)] == expected


def test_a_position_closed_a_millisecond_before_pays_nothing_one_closed_after_pays() -> None:
    for ns, expected in ((NS_PER_MS, []), (-NS_PER_MS, [BOUNDARY])):
        bench = bench_before(NS_PER_HOUR // 2)
        bench.buy("2")
        bench.pass_time(BOUNDARY - ns - bench.now)
        bench.sell("2")
        bench.pass_time(3 * NS_PER_MS)
        assert [report.boundary for report in paid(bench)] == expected


def test_what_happens_at_the_boundary_itself_counts_as_before_it() -> None:
    bench = bench_before(0)
    bench.buy("2")
    bench.pass_time(1)
    assert [report.boundary for report in paid(bench)] == [BOUNDARY]


def test_shorts_receive_what_longs_pay() -> None:
    bench = bench_before(NS_PER_MS)
    bench.sell("2")
    before = bench.ledger.cash
    bench.pass_time(3 * NS_PER_MS)
    assert [(report.qty, report.fee) for report in paid(bench)] == [(D(-2), D("-0.0200"))]
    assert bench.ledger.cash == before + D("0.0200") == bench.account.ledger.cash


def test_the_rate_is_held_within_the_caps_of_the_instrument() -> None:
    bench = bench_before(NS_PER_MS, upper_funding_rate=D("0.00005"))
    bench.buy("1")
    bench.pass_time(3 * NS_PER_MS)
    assert [report.rate for report in paid(bench)] == [D("0.00005")]


def test_funding_goes_on_at_every_boundary_until_the_position_ends() -> None:
    bench = bench_before(NS_PER_MS)
    bench.buy("1")
    for _ in range(3):
        bench.pass_time(8 * NS_PER_HOUR)
    bench.sell("1")
    bench.pass_time(24 * NS_PER_HOUR)
    assert [report.boundary for report in paid(bench)] == [BOUNDARY + n * 8 * NS_PER_HOUR for n in range(3)]


def test_the_symbols_own_interval_decides_and_a_venue_may_shorten_it() -> None:
    bench = bench_before(NS_PER_MS, funding_interval_min=60)
    bench.buy("1")
    bench.pass_time(3 * NS_PER_HOUR)
    assert len(paid(bench)) == 3
    moved = bench_before(4 * NS_PER_HOUR)
    moved.buy("1")
    moved.tell(ticker(mark=100.0, next_funding=BOUNDARY - 2 * NS_PER_HOUR))
    moved.pass_time(2 * NS_PER_HOUR + 1)
    assert [report.boundary for report in paid(moved)] == [BOUNDARY - 2 * NS_PER_HOUR]
    moved.pass_time(3 * NS_PER_HOUR)
    assert [report.boundary for report in paid(moved)] == [BOUNDARY - 2 * NS_PER_HOUR, BOUNDARY]


def test_a_symbol_whose_funding_was_never_told_is_not_charged() -> None:
    bench = on_touch(start=BOUNDARY - NS_PER_MS)
    bench.buy("1")
    bench.pass_time(9 * NS_PER_HOUR)
    assert paid(bench) == []


def test_funding_that_the_balance_cannot_pay_is_taken_from_the_margin_of_the_position() -> None:
    bench = bench_before(NS_PER_MS, balance="5300")
    bench.buy("500")
    leg = bench.account.legs()[0]
    before = leg.liquidation_price
    bench.tell(ticker(mark=100.0, funding_rate=0.01))
    bench.pass_time(3 * NS_PER_MS)
    assert leg.added < 0
    assert before is not None
    assert leg.liquidation_price is not None
    assert leg.liquidation_price > before
    assert bench.account.available() >= 0


def test_a_specification_that_changes_in_mid_run_changes_the_next_boundary() -> None:
    bench = bench_before(NS_PER_MS)
    bench.buy("1")
    changed: Instrument = instrument(BTC, funding_interval_min=60)
    bench.tell(changed)
    bench.pass_time(2 * NS_PER_HOUR + 2 * NS_PER_MS)
    assert [report.boundary for report in paid(bench)] == [BOUNDARY + n * NS_PER_HOUR for n in range(3)]


def test_a_next_funding_off_the_minute_is_not_believed_and_fills_no_agenda() -> None:
    bench = bench_before(NS_PER_HOUR // 2)
    bench.buy("1")
    before = bench.exchange._agenda.added
    for step in range(5):
        bench.tell(ticker(mark=100.0, next_funding=BOUNDARY - 1000 - step))
    assert bench.exchange._agenda.added == before
    bench.pass_time(NS_PER_HOUR)
    assert [report.boundary for report in paid(bench)] == [BOUNDARY]
