"""The simulated exchange under the engine: random lanes on a random market, and what a liquidation leaves of a lane."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import msgspec
import pytest

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.events import BookDown, Fact, Instrument, RiskTier, Side, Timer, TroubleKind, VenueTrouble
from daemon.core.lane import Lane, Runner
from daemon.core.orders import PositionIdx
from daemon.core.records import ExecType, FundingLine, HaltLine, LiquidationLine, Record, RefusalLine
from daemon.core.units import NS_PER_HOUR, NS_PER_MS, NS_PER_SECOND
from daemon.core.venue import ExchangeSettings, FillData, MarginMode, QueueModel
from tests.daemon.core.build import (
    BTC,
    ETH,
    MIDNIGHT,
    MINUTE,
    Run,
    Scripted,
    bar,
    buy,
    delta,
    instrument,
    lane,
    of_kind,
    quote,
    sell,
    snapshot,
    ticker,
    trade,
)
from tests.daemon.core.test_engine_random import Chancer

D = Decimal
STEPS = 300
TIERS = (
    RiskTier(D(300), D("0.01"), D("0.02"), D(50)),
    RiskTier(D(1000), D("0.02"), D("0.04"), D(25), D(3)),
    RiskTier(D(10**9), D("0.05"), D("0.1"), D(10), D(33)),
)


def any_settings(random: Random, seed: int) -> ExchangeSettings:
    return ExchangeSettings(
        fill_data=random.choice(list(FillData)),
        margin_mode=random.choice(list(MarginMode)),
        queue=random.choice(list(QueueModel)),
        entry_latency_ms=random.choice([0, 20, 500]),
        response_latency_ms=random.choice([0, 20, 2000]),
        response_latency_samples_ms=random.choice([(), (1.0, 500.0)]),
        seed=seed,
        slippage_ticks=random.choice([0, 1, 3]),
        volume_share=random.choice([1.0, 0.1]),
        stop_on_liquidation=random.random() < 0.3,
        account_every_min=random.choice([0, 1, 60]),
        move_price_to_limit=random.random() < 0.5,
    )


def any_lane(name: str, random: Random, seed: int) -> Lane:
    return lane(
        Runner("one", BTC, Chancer(seed)),
        Runner("two", BTC, Chancer(seed + 1)),
        Runner("one", ETH, Chancer(seed + 2)),
        name=name,
        settings=any_settings(random, seed),
        balance=random.choice([200, 1000, 10_000]),
        leverage=random.choice([2, 10]),
    )


def any_specification(random: Random) -> list[Instrument]:
    banded = random.random() < 0.5
    ratios = {"price_limit_ratio_x": D("0.05"), "price_limit_ratio_y": D("0.1")} if banded else {}
    tiers = random.choice([(), TIERS])
    return [instrument(symbol, risk_tiers=tiers, **ratios) for symbol in (BTC, ETH)]


def any_market(random: Random, specification: list[Instrument]) -> Iterator[tuple[int, Fact]]:
    """Facts of every kind with the time they are received, crashes and trouble among them."""
    now = MIDNIGHT
    prices = {BTC: 100.0, ETH: 50.0}
    for _ in range(STEPS):
        symbol = random.choice([BTC, ETH])
        crash = random.choice([0.85, 1.15]) if random.random() < 0.01 else 1.0
        prices[symbol] = round(max(5.0, prices[symbol] * (1 + random.gauss(0, 0.004)) * crash), 1)
        now += random.choice([0, NS_PER_MS, NS_PER_SECOND, 30 * NS_PER_SECOND])
        yield now, any_fact(random, symbol, prices[symbol], now, specification)


def any_fact(  # noqa: PLR0911 - one case for each kind of fact
    random: Random, symbol: str, price: float, now: int, specification: list[Instrument]
) -> Fact:
    sizes = [0.5, 2.0]
    match random.choices(range(8), weights=[30, 15, 15, 12, 13, 10, 3, 2])[0]:
        case 0:
            side = random.choice(list(Side))
            return trade(price, random.choice([0.01, 1.0, 5.0]), at=now, symbol=symbol, side=side)
        case 1:
            return quote(round(price - 0.1, 1), round(price + 0.1, 1), at=now, symbol=symbol)
        case 2:
            bids = [(round(price - 0.1 * place, 1), random.choice(sizes)) for place in (1, 2, 4)]
            asks = [(round(price + 0.1 * place, 1), random.choice(sizes)) for place in (1, 2, 4)]
            return snapshot(bids, asks, at=now, symbol=symbol)
        case 3:
            place = 0.1 * random.randint(1, 5)
            bids, asks = [(round(price - place, 1), 1.0)], [(round(price + place, 1), random.choice([0.0, 1.0]))]
            return delta(bids, asks, at=now, symbol=symbol)
        case 4:
            funding = {"funding_rate": 0.0005, "next_funding": now - now % MINUTE + random.randint(1, 3) * MINUTE}
            return ticker(at=now, symbol=symbol, mark=price, index=price, last=price, **random.choice([{}, funding]))
        case 5:
            opened = round(price * (1 + random.gauss(0, 0.002)), 1)
            high, low = round(max(price, opened) * 1.01, 1), round(min(price, opened) * 0.99, 1)
            made = bar(price, open_=opened, high=high, low=low, start=now - MINUTE, symbol=symbol)
            return msgspec.structs.replace(made, volume=random.choice([0.0, 0.5, 100.0]))
        case 6:
            kind = random.choice(list(TroubleKind))
            delay = random.choice([0, 1000, 30_000])
            return VenueTrouble(kind=kind, symbol=symbol, count=2, delay_ms=delay, share=random.choice([0.3, 1.0]))
        case _:
            status = random.choice(["Trading", "Closed"])
            changed = msgspec.structs.replace(random.choice(specification), symbol=symbol, status=status)
            return BookDown(symbol, now, "gap") if random.random() < 0.5 else changed


def play(seed: int) -> Run:
    """A random run of two lanes, with time at its end to hear of everything."""
    random = Random(seed)
    run = Run(any_lane("a", random, seed), any_lane("b", random, seed + 9))
    specification = any_specification(random)
    run.tell(*specification)
    for now, fact in any_market(random, specification):
        run.tell(fact, at=now)
    for _ in range(2):
        run.tell(Timer("none", 0), after=NS_PER_HOUR // 10)
    return run


@pytest.mark.parametrize("seed", range(40))
def test_lane_and_exchange_keep_the_same_books_whatever_happens(seed: int) -> None:
    run = play(seed)
    assert [line.reason for line in run.halts() if line.reason.startswith("breach")] == []
    for each in run.engine.lanes:
        assert isinstance(each.exchange, SimulatedExchange)
        account = each.exchange.account
        assert account.ledger.cash == each.ledger.cash
        for symbol in (BTC, ETH):
            assert account.held(symbol, PositionIdx.ONE_WAY) == each.ledger.position(symbol).qty
    assert run.fills()


def test_the_random_runs_reach_liquidations_funding_and_refusals() -> None:
    records: list[Record] = [record for seed in range(12) for record in play(seed).records]
    assert {type(record) for record in records} >= {LiquidationLine, FundingLine, RefusalLine, HaltLine}
    simulated = {ExecType.TRADE, ExecType.BUST_TRADE, ExecType.ADL_TRADE}
    assert {line.exec_type for seed in range(12) for line in play(seed).fills()} == simulated


def test_a_liquidation_makes_every_strategy_of_the_lane_flat_and_stops_it() -> None:
    bull, bear = Scripted(buy(4), buy(1)), Scripted(sell(1), buy(1))
    run = Run(lane(Runner("bull", BTC, bull), Runner("bear", BTC, bear), balance=100, leverage=10))
    run.tell(instrument(), quote(99.9, 100.1), ticker(mark=100.0, last=100.0))
    run.tell(trade(100.0))
    run.tell(ticker(mark=70.0))
    main = run.engine.lanes[0]
    assert [line.step for line in of_kind(run.records, LiquidationLine)] == ["takeover"]
    assert run.fills()[-1].exec_type is ExecType.BUST_TRADE
    assert [runner.position.qty for runner in main.runners] == [0, 0]
    assert main.ledger.position(BTC).qty == 0
    assert [line.reason.partition(":")[2][:11] for line in run.halts()] == [" LIQUIDATED"]
    run.tell(trade(70.0))
    assert [verdict.code for line in run.decisions()[-2:] for verdict in line.verdicts if not verdict.allow] == [
        "LANE_HALTED",
        "LANE_HALTED",
    ]


def test_books_that_do_not_add_up_stop_their_lane_with_the_numbers_and_no_other() -> None:
    run = Run(lane(Scripted(buy(1), buy(1), buy(1)), name="bad"), lane(Scripted(buy(1), buy(1), buy(1)), name="good"))
    run.tell(instrument(), quote(99.9, 100.1))
    run.tell(trade(100.0))
    exchange = run.engine.lanes[0].exchange
    assert isinstance(exchange, SimulatedExchange)
    exchange.account.ledger.cash += 1
    run.tell(trade(100.0))
    run.tell(trade(100.0))
    [halt] = run.halts()
    assert halt.lane == "bad"
    assert "cash is" in halt.reason
    assert [line.lane for line in run.fills()] == ["bad", "good", "good", "good"]
