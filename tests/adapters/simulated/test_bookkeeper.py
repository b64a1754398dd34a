"""When the account is written down, and when the lane is told to stop."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.orders import Protection
from daemon.core.units import NS_PER_HOUR, NS_PER_MINUTE
from daemon.core.venue import AccountReport, MarginMode, StopReport
from tests.adapters.simulated.bench import Bench, on_touch, with_settings
from tests.daemon.core.build import MIDNIGHT, quote, ticker, trade

D = Decimal


def lines(bench: Bench) -> list[AccountReport]:
    return bench.listener.told(AccountReport)


def codes(bench: Bench) -> list[str]:
    return [report.code for report in bench.listener.told(StopReport)]


def test_the_account_is_written_down_at_whole_multiples_while_a_position_is_held() -> None:
    bench = on_touch(with_settings(account_every_min=15), start=MIDNIGHT + 7 * NS_PER_MINUTE)
    bench.tell(ticker(mark=100.0))
    bench.buy("1")
    bench.pass_time(8 * NS_PER_MINUTE - 1)
    assert lines(bench) == []
    bench.pass_time(1)
    bench.tell(ticker(mark=101.0))
    bench.pass_time(15 * NS_PER_MINUTE)
    assert [line.exposure for line in lines(bench)] == [100.0, 101.0]


def test_what_has_not_changed_is_not_written_down_again() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.pass_time(24 * NS_PER_HOUR)
    assert len(lines(bench)) == 1
    bench.tell(trade(101.0))
    bench.pass_time(NS_PER_HOUR)
    assert len(lines(bench)) == 2


def test_it_falls_silent_when_nothing_is_held_and_speaks_again_with_the_next_execution() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.sell("1")
    bench.pass_time(5 * NS_PER_HOUR)
    assert len(lines(bench)) == 1
    bench.buy("1")
    bench.pass_time(NS_PER_HOUR)
    assert len(lines(bench)) == 2


def test_zero_writes_nothing_down() -> None:
    bench = on_touch(with_settings(account_every_min=0))
    bench.buy("1")
    bench.pass_time(5 * NS_PER_HOUR)
    assert lines(bench) == []


def test_a_line_counts_fees_slippage_and_the_distance_to_liquidation() -> None:
    bench = on_touch(with_settings(taker_fee=D("0.00055"), slippage_ticks=2))
    bench.tell(ticker(mark=100.0))
    bench.buy("2")
    bench.pass_time(NS_PER_HOUR)
    line = lines(bench)[0]
    assert line.fees == D("0.11033")
    assert line.slippage == D("0.4")
    assert line.liquidation_symbol == "BTCUSDT"
    assert line.liquidation_distance is not None
    assert 0.09 < line.liquidation_distance < 0.1
    assert 0 < line.margin_ratio < 1


def test_equity_at_its_limit_stops_the_lane_once_by_the_mark_alone() -> None:
    bench = on_touch(with_settings(stop_equity_usdt=D("9950")))
    bench.tell(ticker(mark=100.0))
    bench.buy("10")
    bench.tell(ticker(mark=96.0))
    assert codes(bench) == []
    bench.tell(ticker(mark=95.0))
    bench.tell(ticker(mark=94.9))
    assert codes(bench) == ["ACCOUNT_BLOWN"]


def test_free_margin_below_its_limit_stops_the_lane() -> None:
    bench = on_touch(with_settings(stop_free_margin_usdt=D("9950")))
    bench.buy("10", "99.0")
    assert codes(bench) == ["MARGIN_SHORT"]


def test_in_cross_margin_a_balance_below_zero_is_not_silent() -> None:
    bench = on_touch(with_settings(margin_mode=MarginMode.CROSS), balance="100")
    bench.tell(ticker(mark=100.0))
    bench.buy("9")
    bench.tell(ticker(mark=98.0))
    assert bench.account.available() < 0
    assert codes(bench) == ["MARGIN_SHORT"]


def test_the_mark_alone_stops_the_lane_also_while_an_order_rests() -> None:
    bench = on_touch(with_settings(stop_equity_usdt=D("9950")))
    bench.tell(ticker(mark=100.0))
    bench.buy("10")
    bench.sell("1", "120")
    assert codes(bench) == []
    bench.tell(ticker(mark=94.0))
    assert codes(bench) == ["ACCOUNT_BLOWN"]


def test_money_that_a_stop_loss_leaves_short_is_told_while_an_order_rests() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=100.0))
    bench.buy("400")
    bench.sell("900", "110")
    bench.protect(Protection(stop_loss=D("99")))
    assert codes(bench) == []
    bench.tell(quote(98.9, 99.1))
    bench.tell(trade(98.9))
    assert bench.account.legs() == []
    assert codes(bench) == ["MARGIN_SHORT"]
