from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.bars import GRACE, BarBuilder
from daemon.core.events import Bar, BarOrigin, Trade
from daemon.core.units import NEVER, NS_PER_SECOND
from tests.daemon.core.build import BTC, MIDNIGHT, trade

INTERVAL = 10 * NS_PER_SECOND
STEPS = st.lists(
    st.tuples(st.integers(0, 25_000), st.sampled_from([99.0, 100.0, 100.5, 101.0]), st.sampled_from([0.1, 1.0, 3.0])),
    max_size=60,
)


def in_order(steps: list[tuple[int, float, float]]) -> list[Trade]:
    now, trades = MIDNIGHT, []
    for wait_ms, price, qty in steps:
        now += wait_ms * NS_PER_SECOND // 1000
        trades.append(trade(price, qty, at=now))
    return trades


def grouped(trades: list[Trade]) -> list[Bar]:
    """The bars of trades that are all there, in order, by sorting them into their intervals."""
    groups: dict[int, list[Trade]] = {}
    for one in trades:
        groups.setdefault(one.ts_exchange // INTERVAL * INTERVAL, []).append(one)
    return [_bar_of(start, group) for start, group in groups.items()]


def _bar_of(start: int, group: list[Trade]) -> Bar:
    prices = [one.price for one in group]
    volume = turnover = 0.0
    for one in group:
        volume += one.qty
        turnover += one.qty * one.price
    edges = (prices[0], max(prices), min(prices), prices[-1])
    return Bar(BTC, start + INTERVAL, INTERVAL, start, *edges, volume, turnover, BarOrigin.TRADES)


def built(trades: list[Trade], clock: list[int]) -> list[Bar]:
    """Bars of a builder that is told the trades in order and asked at the given times in between."""
    builder = BarBuilder(BTC, INTERVAL)
    bars = []
    for one, ahead in zip(trades, clock, strict=True):
        # A trade is heard within GRACE, so our clock is at most that far ahead of the next one.
        bars += [builder.close_at(one.ts_exchange + ahead), builder.add(one)]
    bars.append(builder.close_at(NEVER))
    assert builder.late == 0
    return [bar for bar in bars if bar is not None]


@given(STEPS, st.data())
def test_bars_are_the_trades_grouped_by_interval_however_they_are_closed(
    steps: list[tuple[int, float, float]], data: st.DataObject
) -> None:
    trades = in_order(steps)
    clock = data.draw(st.lists(st.integers(-GRACE, GRACE), min_size=len(trades), max_size=len(trades)))
    never_asked = [-NEVER] * len(trades)
    assert built(trades, never_asked) == grouped(trades)
    assert built(trades, clock) == grouped(trades)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 90_000)), max_size=80))
def test_each_interval_is_made_at_most_once_and_in_order_whatever_the_order_of_trades(
    events: list[tuple[bool, int]],
) -> None:
    builder = BarBuilder(BTC, INTERVAL)
    bars = []
    for is_trade, ms in events:
        at = MIDNIGHT + ms * NS_PER_SECOND // 1000
        bars.append(builder.add(trade(100.0, at=at)) if is_trade else builder.close_at(at))
    starts = [bar.ts_open for bar in bars if bar is not None]
    assert starts == sorted(set(starts))


@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=60))
def test_every_trade_is_in_one_bar_or_counted_as_late(moments: list[int]) -> None:
    builder = BarBuilder(BTC, INTERVAL)
    bars = [builder.add(trade(100.0, at=MIDNIGHT + ms * NS_PER_SECOND // 1000)) for ms in moments]
    bars.append(builder.close_at(NEVER))
    assert sum(bar.volume for bar in bars if bar is not None) + builder.late == len(moments)


def test_a_trade_for_a_closed_bar_is_left_out_and_counted() -> None:
    builder = BarBuilder(BTC, INTERVAL)
    builder.add(trade(100.0, at=MIDNIGHT))
    assert builder.close_at(MIDNIGHT + INTERVAL + GRACE) is not None
    assert builder.add(trade(500.0, at=MIDNIGHT + INTERVAL - 1)) is None
    assert builder.late == 1
    assert builder.due == NEVER


def test_a_trade_at_the_end_of_an_interval_belongs_to_the_next() -> None:
    builder = BarBuilder(BTC, INTERVAL)
    builder.add(trade(100.0, at=MIDNIGHT))
    closed = builder.add(trade(101.0, at=MIDNIGHT + INTERVAL))
    assert closed is not None
    assert (closed.ts_open, closed.ts_exchange, closed.close) == (MIDNIGHT, MIDNIGHT + INTERVAL, 100.0)


def test_the_clock_closes_a_bar_after_the_grace_and_not_before() -> None:
    builder = BarBuilder(BTC, INTERVAL)
    builder.add(trade(100.0, at=MIDNIGHT))
    assert builder.due == MIDNIGHT + INTERVAL + GRACE
    assert builder.close_at(builder.due - 1) is None
    assert builder.close_at(builder.due) is not None


def test_an_interval_without_trades_makes_no_bar() -> None:
    builder = BarBuilder(BTC, INTERVAL)
    builder.add(trade(100.0, at=MIDNIGHT))
    first = builder.add(trade(101.0, at=MIDNIGHT + 5 * INTERVAL))
    second = builder.close_at(NEVER)
    assert first is not None
    assert second is not None
    assert second.ts_open - first.ts_open == 5 * INTERVAL
