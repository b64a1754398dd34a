"""The engine under random facts and strategies: numbered without gaps, exact, the same in every process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.core.events import (
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
)
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.records import (
    Action,
    CreateType,
    DecisionLine,
    FillLine,
    OrderLine,
    OrderStatus,
    Record,
    RefusalLine,
    TransferLine,
)
from daemon.core.strategy import Decision, Snapshot
from daemon.core.units import NS_PER_DAY, NS_PER_MS, NS_PER_SECOND
from tests.daemon.core.build import (
    BTC,
    ETH,
    EVERY_TRIGGER,
    HOLD,
    MIDNIGHT,
    MINUTE,
    SLOW,
    Run,
    bar,
    buy,
    close,
    delta,
    instrument,
    lane,
    quote,
    sell,
    snapshot,
    ticker,
    trade,
)


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
from tests.daemon.core.test_engine_random import chancers, encoded, play
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


def test_orders_and_their_times_do_not_pile_up() -> None:
    run = play(3, chancers("a", 1), count=2000)
    (account,) = run.engine.lanes
    assert len(run.orders()) > 500
    assert len(account.orders) < 60
    assert len(account._order_times) < 100
    assert sum(len(runner.working) for runner in account.runners) == len(account.orders)
