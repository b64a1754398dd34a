from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.core.bars import GRACE
from daemon.core.engine import Engine
from daemon.core.events import (
    Bar,
    BarOrigin,
    BookDown,
    Command,
    Fact,
    Link,
    Quarantined,
    Restarted,
    Side,
    Stale,
    Timer,
    TroubleKind,
    VenueTrouble,
)
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.records import (
    Action,
    CreateType,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
    OrderStatus,
    Record,
    RefusalLine,
    TransferLine,
)
from daemon.core.strategy import BarClose, Decision, OnBook, OnQuote, OnTicker, OnTimer, OnTrade, Snapshot, Trigger
from daemon.core.units import NS_PER_DAY, NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import ExchangeSettings, StopReport
from strategies.baseline_perps import BaselinePerps, Settings
from tests.daemon.core.build import (
    BTC,
    ETH,
    HOLD,
    MIDNIGHT,
    MINUTE,
    Run,
    Scripted,
    bar,
    bars_of,
    buy,
    close,
    delta,
    instrument,
    lane,
    of_kind,
    quote,
    ready,
    sell,
    snapshot,
    ticker,
    trade,
)
from tests.daemon.core.fake import fake_lane

EVERY_TRIGGER: tuple[Trigger, ...] = (
    OnTrade(),
    OnQuote(),
    OnBook(),
    OnTicker(),
    OnTimer("tick"),
    BarClose(MINUTE),
    BarClose(MINUTE, BarOrigin.TRADES),
)
SLOW = ExchangeSettings(entry_latency_ms=250, response_latency_ms=150)


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


def any_fact(random: Random, at: int) -> Fact:
    """Some fact of a market that moves around 100, on BTCUSDT, ETHUSDT or a symbol that nobody follows."""
    symbol = random.choice([BTC, BTC, BTC, ETH, "XRPUSDT"])
    price = round(100 + random.gauss(0, 2), 1)
    level = (price, random.choice([0.0, 0.4, 2.0]))
    kinds: list[Fact] = [
        trade(price, random.choice([0.1, 1.0, 5.0]), at=at, symbol=symbol, side=random.choice(list(Side))),
        quote(price - 0.1, price + 0.1, at=at, symbol=symbol),
        snapshot(
            [(price - 0.1, 3.0), (price - 0.3, 9.0)], [(price + 0.1, 3.0), (price + 0.2, 9.0)], at=at, symbol=symbol
        ),
        delta([level], [], at=at, symbol=symbol),
        delta([], [level], at=at, symbol=symbol),
        ticker(at=at, symbol=symbol, mark=price, bid=price - 0.1, ask=price + 0.1),
        bar(price, open_=price + 0.3, start=at - at % MINUTE, symbol=symbol, origin=BarOrigin.VENUE),
        bar(price, open_=price - 0.3, start=at - at % MINUTE, symbol=symbol),
        Timer("tick", at),
    ]
    rare: list[Fact] = [
        BookDown(symbol, at, "gap"),
        Link("public", up=random.random() < 0.7),
        Stale("public", "tickers", symbol, stale=random.random() < 0.3),
        Command(random.choice(["halt", "resume", "resume"]), random.choice(["", "a", "b"]), "by hand"),
        Quarantined("public", "not JSON"),
        Restarted(),
        instrument(symbol),
    ]
    return random.choice(rare if random.random() < 0.05 else kinds)


def any_facts(seed: int, count: int) -> Iterator[tuple[int, Fact]]:
    """(ts_recv, fact): a few facts a second, some received at the same time, one day change."""
    random = Random(seed)
    now = MIDNIGHT + NS_PER_DAY - count * NS_PER_SECOND // 6
    yield now, instrument(BTC)
    yield now, instrument(ETH)
    for _ in range(count):
        now += random.choice([0, 10, 200, 700]) * NS_PER_MS
        yield now, any_fact(random, now - random.choice([0, 5, 40]) * NS_PER_MS)


class Chancer:
    """Decides by a generator of its own: every kind of order, also ones that are refused."""

    def __init__(self, seed: int) -> None:
        self.triggers = EVERY_TRIGGER
        self.window = 7
        self.warmup = 3
        self._random = Random(seed)

    def decide(self, snapshot: Snapshot) -> Decision:
        random = self._random
        choice = random.random()
        near = round(snapshot.mark + random.gauss(0, 0.5), 2)
        if choice < 0.4:
            return msgspec.structs.replace(HOLD, indicators={"choice": choice})
        return self._change(near, snapshot.mark) if choice < 0.5 else self._order(near, choice)

    def _order(self, near: float, choice: float) -> Decision:
        """A new order."""
        random = self._random
        if choice < 0.6:
            return close()
        if choice < 0.75:
            return random.choice([buy, sell])(round(random.random() * 3, 4))
        if choice < 0.9:
            return random.choice([buy, sell])(1.0, price=near)
        if choice < 0.93:
            return random.choice([buy, sell])(1.0, trigger_price=near, take_profit=near + 2, stop_loss=near - 2)
        target = random.gauss(0, 300)
        return msgspec.structs.replace(buy(1) if target > 0 else sell(1), qty=None, target_notional=target)

    def _change(self, near: float, mark: float) -> Decision:
        """A change of what is there already."""
        random = self._random
        match random.randrange(4):
            case 0:
                return Decision(Action.CANCEL, "told to cancel")
            case 1:
                return Decision(Action.AMEND, "told to amend", price=near, qty=random.choice([None, 0.5, 2.0]))
            case 2:
                return Decision(Action.PROTECT, "told to protect", stop_loss=random.choice([mark - 1, mark + 1, 0.0]))
            case _:
                return Decision(Action.PROTECT, "told to trail", trailing_stop=1.5, take_profit=mark + 3)


def chancers(name: str, seed: int, guards: GuardSettings | None = None) -> Any:
    limits = guards or GuardSettings(max_orders_per_min=30, max_daily_loss_usdt=40.0, max_position_notional_usdt=900.0)
    runners = [
        Runner("one", BTC, Chancer(seed)),
        Runner("two", BTC, Chancer(seed + 1)),
        Runner("one", ETH, Chancer(seed)),
    ]
    return lane(*runners, name=name, guards=limits, settings=SLOW)


def play(seed: int, *lanes: Lane, count: int = 300, silent: bool = False) -> Run:
    run = Run(*lanes, silent=silent)
    for ts_recv, fact in any_facts(seed, count):
        run.tell(fact, at=ts_recv)
    return run


def encoded(records: list[Record]) -> bytes:
    return b"\n".join(msgspec.json.encode(record) for record in records)


def without_seq(records: list[Record], lane_name: str) -> list[dict[str, Any]]:
    """Records of a lane with what counts over all lanes made relative to the lane: seq, decision and order ids."""
    own = [record for record in records if record.lane == lane_name]
    place = {record.seq: number for number, record in enumerate(own)}
    rows = []
    for record in own:
        row: dict[str, Any] = msgspec.to_builtins(record)
        row["seq"] = place[record.seq]
        if isinstance(record, OrderLine | FillLine | RefusalLine):
            row["decision"] = place.get(record.decision)
            row.pop("order_id")
            row.pop("fill_id", None)
        if isinstance(record, DecisionLine) and record.decision.terms:
            row["decision"]["terms"]["orders"] = [
                place[int(order.rpartition("-")[0].rpartition("-")[2])] for order in record.decision.terms.orders
            ]
        rows.append(row)
    return rows


SEEDS = st.integers(0, 2**32)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_two_engines_told_the_same_conclude_the_same_to_the_byte(seed: int) -> None:
    first, second = (play(seed, chancers("a", 1), chancers("b", 2)) for _ in range(2))
    assert encoded(first.records) == encoded(second.records)
    assert {type(record) for record in first.records} >= {DecisionLine, TransferLine}


def test_the_random_lanes_do_trade() -> None:
    kinds = {type(record) for record in play(0, chancers("a", 1), chancers("b", 2)).records}
    assert kinds >= {DecisionLine, OrderLine, FillLine, TransferLine}


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_records_are_numbered_without_gaps_and_name_their_cause_and_its_time(seed: int) -> None:
    run = play(seed, chancers("a", 1))
    times = dict(enumerate((at for at, _ in any_facts(seed, 300)), 1))
    assert [record.seq for record in run.records] == list(range(1, len(run.records) + 1))
    causes = [record.cause for record in run.records]
    assert causes == sorted(causes)
    assert all(record.ts == times[record.cause] for record in run.records)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_evaluations_count_up_by_one_for_each_lane_strategy_and_symbol(seed: int) -> None:
    counted: dict[tuple[str, str, str], int] = {}
    for line in play(seed, chancers("a", 1), chancers("b", 2)).decisions():
        key = (line.lane, line.strategy, line.symbol)
        counted[key] = counted.get(key, 0) + 1
        assert line.evaluation == counted[key]


@settings(max_examples=15, deadline=None)
@given(SEEDS)
@example(500)  # a bar's report overtook one of a trade
def test_lanes_on_one_feed_do_not_influence_one_another(seed: int) -> None:
    together = play(seed, chancers("a", 1), chancers("b", 2), chancers("c", 3))
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        alone = play(seed, chancers(name, number))
        assert without_seq(alone.records, name) == without_seq(together.records, name)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_an_engine_that_nobody_listens_to_ends_in_the_same_state(seed: int) -> None:
    spoken, silent = (play(seed, chancers("a", 1), silent=quiet) for quiet in (False, True))
    assert silent.records == []
    assert silent.engine.desk.seq == len(spoken.records)
    for one, other in zip(spoken.engine.lanes, silent.engine.lanes, strict=True):
        assert one.ledger.cash == other.ledger.cash
        assert one.ledger.positions == other.ledger.positions
        assert list(one.orders) == list(other.orders)
        assert one.halts == other.halts


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_no_order_is_overfilled_and_every_position_is_the_sum_of_its_fills(seed: int) -> None:
    run = play(seed, chancers("a", 1))
    filled: dict[str, Decimal] = {}
    told: dict[str, OrderLine] = {}
    positions: dict[str, Decimal] = {}
    for fill in run.records:
        if isinstance(fill, OrderLine):
            told[fill.order_id] = fill
        if not isinstance(fill, FillLine):
            continue
        order = told[fill.order_id]
        filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.qty
        signed = fill.qty if fill.side is Side.BUY else -fill.qty
        positions[fill.symbol] = positions.get(fill.symbol, Decimal(0)) + signed
        assert filled[fill.order_id] <= order.qty
        assert fill.position == positions[fill.symbol]
        if order.price is not None:
            assert fill.price <= order.price if fill.side is Side.BUY else fill.price >= order.price


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_strategies_hold_what_their_account_holds_and_nothing_breaks(seed: int) -> None:
    run = play(seed, chancers("a", 1), chancers("b", 2))
    for account in run.engine.lanes:
        assert "breach" not in account.halts
        for symbol in (BTC, ETH):
            account.check_positions(symbol)
        account.ledger.check()
    assert all(not line.reason.startswith("strategy") for line in run.halts())


def test_the_random_lanes_use_everything_that_can_be_asked_for() -> None:
    run = play(1, chancers("a", 1), chancers("b", 2), count=1500)
    assert {line.decision.action for line in run.decisions()} == set(Action)
    statuses = {line.status for line in run.orders()}
    assert statuses == set(OrderStatus)
    assert {line.create_type for line in run.orders()} > {CreateType.USER, CreateType.STOP_LOSS}


HASHED = """
import zlib
from tests.daemon.core.test_engine import chancers, encoded, play
print(zlib.crc32(encoded(play(7, chancers("a", 1), chancers("b", 2), count=600).records)))
"""


def test_other_processes_with_other_hash_seeds_conclude_the_same() -> None:
    root = str(Path(__file__).parents[3])
    answers = set()
    for hash_seed in ("0", "1", "4242"):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": root, "TZ": "Asia/Tokyo"}
        done = subprocess.run(
            [sys.executable, "-c", HASHED], env=environment, capture_output=True, check=True, cwd=root
        )
        answers.add(done.stdout)
    assert len(answers) == 1


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
    st.lists(st.tuples(st.integers(0, 70_000), st.sampled_from([99.0, 100.0, 101.0])), min_size=1, max_size=25), SEEDS
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


def test_orders_and_their_times_do_not_pile_up() -> None:
    run = play(3, chancers("a", 1), count=2000)
    (account,) = run.engine.lanes
    assert len(run.orders()) > 500
    assert len(account.orders) < 60
    assert len(account._order_times) < 100
    assert sum(len(runner.working) for runner in account.runners) == len(account.orders)
