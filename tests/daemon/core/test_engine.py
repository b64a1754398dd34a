from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.bars import GRACE
from daemon.core.engine import Engine
from daemon.core.events import (
    Bar,
    BarOrigin,
    BookDown,
    Command,
    Fact,
    Quarantined,
    Restarted,
    Side,
    Stale,
    Timer,
    TroubleKind,
    VenueTrouble,
)
from daemon.core.records import (
    Action,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
)
from daemon.core.strategy import BarClose, OnBook, OnQuote, OnTicker, OnTimer, OnTrade, Trigger
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import ExchangeSettings, StopReport
from strategies.baseline_perps import BaselinePerps, Settings
from tests.daemon.core.build import (
    BTC,
    ETH,
    EVERY_TRIGGER,
    MIDNIGHT,
    MINUTE,
    SLOW,
    Run,
    Scripted,
    bar,
    bars_of,
    buy,
    delta,
    instrument,
    lane,
    of_kind,
    quote,
    ready,
    snapshot,
    ticker,
    trade,
)
from tests.daemon.core.fake import fake_lane


def test_a_start_takes_back_the_halt_of_the_stop_before_it_and_no_other() -> None:
    stopped = lane(Scripted())
    run = ready(stopped)
    run.tell(Command("halt", reason="lunch"), Command("drain", reason="asked to stop"))
    assert set(stopped.halts) == {"operator", "drain"}
    run.tell(Restarted(), after=1)
    assert set(stopped.halts) == {"operator"}


def test_an_exchange_hears_the_commands_of_its_lane() -> None:
    (first, near), (second, far) = fake_lane(Scripted(), name="near"), fake_lane(Scripted(), name="far")
    mine, all_of_them = Command("halt", "near", "lunch"), Command("resume", reason="back")
    ready(first, second).tell(mine, all_of_them)
    assert near.commands == [mine, all_of_them]
    assert far.commands == [all_of_them]


def test_every_kind_of_fact_has_a_handler() -> None:
    assert set(Engine([])._handlers) == set(get_args(Fact))


# The order of things within a step


def test_an_order_in_flight_meets_the_market_as_it_stood_before_the_fact_that_lets_it_arrive() -> None:
    run = ready(lane(Scripted(buy(1)), settings=msgspec.structs.replace(SLOW, slippage_ticks=0)))
    run.tell(trade(100.0))
    run.tell(quote(109.9, 110.1), after=250 * NS_PER_MS)
    run.tell(quote(119.9, 120.1), after=150 * NS_PER_MS)
    assert [fill.price for fill in run.fills()] == [Decimal("100.1")]


def test_the_market_changes_and_orders_match_before_strategies_decide() -> None:
    strategy = Scripted(buy(1, price=99.0))
    run = ready(lane(strategy))
    run.tell(trade(100.0))
    kinds = [type(record) for record in run.tell(trade(98.0))]
    assert kinds == [FillLine, OrderLine, DecisionLine]
    assert (strategy.snapshots[-1].mark, strategy.snapshots[-1].position) == (98.0, 1.0)


def test_lanes_decide_in_configuration_order() -> None:
    lanes = [lane(Scripted(), name=name) for name in ("zebra", "ant", "moose")]
    run = ready(*lanes)
    assert [record.lane for record in run.tell(trade(100.0))] == ["zebra", "ant", "moose"]


def test_time_does_not_go_back() -> None:
    run = ready(lane(Scripted()))
    run.tell(trade(100.0), after=NS_PER_SECOND)
    (line,) = run.tell(trade(100.0), after=-NS_PER_SECOND)
    assert line.ts == MIDNIGHT + NS_PER_SECOND


def test_what_is_due_happens_at_the_first_fact_after_it_even_if_it_concerns_nobody() -> None:
    run = ready(lane(Scripted(buy(1)), settings=SLOW))
    run.tell(trade(100.0))
    assert run.tell(Quarantined("public", "not JSON"), after=399 * NS_PER_MS) == []
    kinds = [type(record) for record in run.tell(trade(1.0, symbol="XRPUSDT"), after=NS_PER_MS)]
    assert kinds == [OrderLine, FillLine, OrderLine]


# Triggers


@pytest.mark.parametrize(
    ("trigger", "fact"),
    [
        (OnTrade(), trade(100.0)),
        (OnQuote(), quote(99.0, 101.0)),
        (OnBook(), snapshot([(99.0, 1.0)], [(101.0, 1.0)])),
        (OnBook(), delta([(99.0, 1.0)], [])),
        (OnQuote(), snapshot([(99.0, 1.0)], [(101.0, 1.0)])),
        (OnTicker(), ticker(mark=100.0)),
        (OnTimer("tick"), Timer("tick", 0)),
        (BarClose(MINUTE), bar(100.0, origin=BarOrigin.VENUE)),
        (BarClose(MINUTE), bar(100.0, origin=BarOrigin.HISTORY)),
        (BarClose(MINUTE, BarOrigin.TRADES), bar(100.0, origin=BarOrigin.HISTORY)),
    ],
)
def test_a_strategy_is_evaluated_once_for_what_it_declared_and_a_hold_is_a_line_too(
    trigger: Trigger, fact: Fact
) -> None:
    strategy = Scripted(triggers=(trigger,))
    run = ready(lane(strategy))
    run.tell(ticker(mark=100.0))
    before = len(strategy.snapshots)
    records = run.tell(fact)
    assert [type(record) for record in records] == [DecisionLine]
    assert len(strategy.snapshots) == before + 1
    assert strategy.snapshots[-1].fact == (None if isinstance(fact, Timer) else fact)


@pytest.mark.parametrize(
    "fact",
    [
        trade(100.0, symbol=ETH),
        quote(99.0, 101.0, symbol=ETH),
        snapshot([(99.0, 1.0)], [(101.0, 1.0)], symbol="XRPUSDT"),
        delta([(99.0, 1.0)], [], symbol="XRPUSDT"),
        ticker(mark=100.0, symbol="XRPUSDT"),
        bar(100.0, symbol="XRPUSDT"),
        bar(100.0, interval=5 * MINUTE),
        bar(100.0, origin=BarOrigin.TRADES),
        Timer("another", 0),
        BookDown("XRPUSDT", 0, "gap"),
        BookDown(BTC, 0, "gap"),
        instrument("XRPUSDT"),
        Stale("public", "tickers", "XRPUSDT", stale=True),
        Quarantined("public", "not JSON"),
    ],
    ids=str,
)
def test_what_it_did_not_declare_and_symbols_that_nobody_follows_are_passed_over(fact: Fact) -> None:
    triggers = tuple(trigger for trigger in EVERY_TRIGGER if trigger != BarClose(MINUTE, BarOrigin.TRADES))
    run = ready(lane(Scripted(triggers=triggers)))
    run.tell(ticker(mark=100.0))
    assert run.tell(fact) == []


def test_symbols_can_be_followed_although_nobody_trades_them() -> None:
    run = Run(lane(Scripted()), symbols=[ETH])
    run.tell(trade(100.0, symbol=ETH), trade(1.0, symbol="XRPUSDT"))
    market = run.engine.market(ETH)
    assert market is not None
    assert market.last == 100.0
    assert run.engine.market("XRPUSDT") is None


def test_a_bar_of_a_history_file_serves_a_strategy_once_however_many_origins_it_waits_for() -> None:
    strategy = Scripted(triggers=(BarClose(MINUTE), BarClose(MINUTE, BarOrigin.TRADES)))
    run = ready(lane(strategy))
    run.tell(bar(100.0))
    assert len(strategy.snapshots) == 1


# Bars of our own


def of_trades(strategy: Scripted | None = None) -> tuple[Run, Scripted]:
    made = strategy or Scripted(triggers=(BarClose(MINUTE, BarOrigin.TRADES),))
    return ready(lane(made)), made


def test_a_bar_of_ours_closes_with_the_first_trade_beyond_it_and_is_decided_on_before_that_trade() -> None:
    run, strategy = of_trades()
    run.play([trade(100.0, at=MIDNIGHT + 1), trade(101.0, at=MIDNIGHT + 2), trade(150.0, at=MIDNIGHT + MINUTE)])
    (seen,) = strategy.snapshots
    edges = (100.0, 101.0, 100.0, 101.0)
    assert seen.fact == Bar(BTC, MIDNIGHT + MINUTE, MINUTE, MIDNIGHT, *edges, 2.0, 201.0, BarOrigin.TRADES)
    assert seen.mark == 101.0


def test_a_bar_of_ours_closes_by_the_clock_with_whatever_fact_comes() -> None:
    run, strategy = of_trades()
    run.play([trade(100.0, at=MIDNIGHT + 1)])
    run.tell(Timer("any", 0), at=MIDNIGHT + MINUTE + GRACE - 1)
    assert strategy.snapshots == []
    run.tell(Timer("any", 0), at=MIDNIGHT + MINUTE + GRACE)
    assert [seen.mark for seen in strategy.snapshots] == [100.0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 70_000), st.sampled_from([99.0, 100.0, 101.0])), min_size=1, max_size=25),
    st.integers(0, 2**32),
)
def test_decisions_on_bars_of_ours_are_the_same_whether_the_clock_or_a_trade_closed_them(
    steps: list[tuple[int, float]], seed: int
) -> None:
    random = Random(seed)
    (by_trade, first), (by_clock, second) = of_trades(), of_trades()
    now = MIDNIGHT
    for wait_ms, price in steps:
        now += wait_ms * NS_PER_MS
        by_trade.play([trade(price, at=now)])
        if random.random() < 0.5:
            by_clock.tell(Timer("any", 0), at=max(by_clock.now, now - random.randrange(GRACE)))
        by_clock.play([trade(price, at=now)])
    for run in (by_trade, by_clock):
        run.tell(Timer("any", 0), at=now + 2 * MINUTE)
    assert [(seen.fact, seen.mark) for seen in first.snapshots] == [(seen.fact, seen.mark) for seen in second.snapshots]


# Books


def test_a_delta_that_crosses_the_book_loses_it_until_the_next_snapshot() -> None:
    run = ready(lane(Scripted(triggers=(OnBook(),))))
    market = run.engine.market(BTC)
    assert market is not None
    run.tell(snapshot([(99.0, 1.0)], [(101.0, 1.0)]))
    assert run.engine.lost_books == []
    run.tell(delta([(102.0, 1.0)], []), delta([(98.0, 1.0)], []))
    assert run.engine.lost_books == [BTC]
    assert (market.book.valid, market.bid, market.ask) == (False, 0.0, 0.0)
    run.tell(snapshot([(99.0, 1.0)], [(101.0, 1.0)]))
    assert (market.book.valid, market.bid) == (True, 99.0)


def test_a_book_that_is_said_to_be_down_or_from_before_a_restart_is_gone() -> None:
    run = ready(lane(Scripted()))
    market = run.engine.market(BTC)
    assert market is not None
    for gone in (BookDown(BTC, MIDNIGHT, "gap"), Restarted()):
        run.tell(snapshot([(99.0, 1.0)], [(101.0, 1.0)]))
        assert market.book.valid
        run.tell(gone)
        assert not market.book.valid


def test_the_touch_triggers_only_when_it_moves() -> None:
    strategy = Scripted(triggers=(OnQuote(),))
    run = ready(lane(strategy))
    run.tell(ticker(mark=100.0), snapshot([(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0)]))
    before = len(strategy.snapshots)
    run.tell(delta([(98.0, 5.0)], []), delta([(99.0, 5.0)], []))
    assert len(strategy.snapshots) == before
    run.tell(delta([(99.5, 1.0)], []))
    assert len(strategy.snapshots) == before + 1


# The whole


def test_frames_that_could_not_be_read_are_counted() -> None:
    run = ready(lane(Scripted()))
    run.tell(Quarantined("public", "not JSON"), Quarantined("public", "not JSON"))
    assert run.engine.quarantined == 2


def test_the_instrument_of_a_symbol_is_the_last_one_told() -> None:
    run = ready(lane(Scripted(buy(0.5))))
    run.tell(instrument(min_qty=Decimal(1)))
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    assert line.decision.reason == "told to buy; quantity 0.5 is below the minimum of 1"


def test_an_instrument_told_in_mid_run_applies_from_then_on() -> None:
    run = ready(lane(Scripted(buy(0.5), buy(0.5), buy(0.55))))
    before = run.tell(trade(100.0))
    run.tell(instrument(step=Decimal("0.1"), tick=Decimal("0.5")))
    after = [*run.tell(trade(100.0)), *run.tell(trade(100.0))]
    assert [line.decision.qty for line in of_kind([*before, *after], DecisionLine)] == [
        Decimal("0.5"), Decimal("0.5"), Decimal("0.5"),
    ]  # fmt: skip
    assert [line.price for line in of_kind(before, FillLine)] == [Decimal("100.1")]


@pytest.mark.parametrize(("name", "concerned"), [("", ["a", "b"]), ("b", ["b"]), ("c", [])])
def test_scripted_trouble_reaches_the_exchanges_of_the_lanes_it_names(name: str, concerned: list[str]) -> None:
    made = [fake_lane(Scripted(), name=each) for each in ("a", "b")]
    run = ready(*[each for each, _ in made])
    for _, exchange in made:
        exchange.answers = [[StopReport("TROUBLE", "as told")]]
    trouble = VenueTrouble(kind=TroubleKind.REJECT, lane=name)
    halts = of_kind(run.tell(trouble), HaltLine)
    assert [line.lane for line in halts] == concerned
    assert [each.name for each, exchange in made if exchange.asked == [trouble]] == concerned


def test_trouble_that_is_due_later_wakes_the_engine() -> None:
    made, exchange = fake_lane(Scripted())
    run = ready(made)
    exchange.next_due = run.now + 5
    run.tell(VenueTrouble(kind=TroubleKind.LATE))
    exchange.news = [StopReport("LATE", "at last")]
    assert run.tell(Timer("any", 0), after=4) == []
    assert [type(record) for record in run.tell(Timer("any", 0), after=1)] == [HaltLine]


def test_a_crossover_on_bars_buys_at_the_next_open_and_sells_at_a_later_one() -> None:
    strategy = BaselinePerps(Settings(fast=2, slow=3, trailing_stop=0.0), BTC)
    frictions = ExchangeSettings(taker_fee=Decimal(0), slippage_ticks=0)
    run = Run(lane(strategy, settings=frictions))
    run.tell(instrument())
    closes = [100.0, 100.0, 100.0, 101.0, 102.0, 103.0, 102.0, 100.0, 98.0, 97.0]
    run.play(bars_of(closes, volume=1000.0))
    assert [(line.decision.action, line.evaluation) for line in run.decisions() if line.decision.qty] == [
        (Action.BUY, 4),
        (Action.SELL, 8),
    ]
    assert [(fill.side, fill.price, fill.position) for fill in run.fills()] == [
        (Side.BUY, Decimal("101.0"), Decimal("19.801")),
        (Side.SELL, Decimal("100.0"), Decimal("-19.960")),
    ]
