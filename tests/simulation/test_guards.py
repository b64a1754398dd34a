"""Each guard lets an order pass and refuses one, in a live run and in its replay, with the same verdicts.

A scripted strategy decides at every tick; the feed is a hand-written market of one symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from adapters.sandbox.wire import book_frame, levels_text, ticker_frame
from daemon.core.events import Command, Side, Stale
from daemon.core.records import FillLine, HaltLine, OrderLine, OrderStatus
from daemon.core.units import NS_PER_DAY, NS_PER_MS, NS_PER_SECOND
from daemon.ports import Received
from tests.daemon.loop.scripted import fact, frame, tick
from tests.simulation.configs import document, lane, plan_of_document, strategy
from tests.simulation.disk import decision_lines, records, verdicts
from tests.simulation.live_runs import CREATED, assert_replay_is_identical, make_shadow

START = CREATED + NS_PER_SECOND
OFF: dict[str, Any] = {
    "stale_after_ms": None,
    "max_orders_per_min": None,
    "max_leverage": None,
    "price_collar": None,
}
TOPIC = "tickers.BTCUSDT"


def second(number: float) -> int:
    """A moment of the run, nanoseconds UTC."""
    return START + int(number * NS_PER_SECOND)


def market(at: float, price: float = 100_000.0) -> list[Received]:
    """A ticker and a book around a price, with plenty on both sides."""
    ts = second(at)
    ts_ms = ts // NS_PER_MS
    fields = {"symbol": "BTCUSDT", "lastPrice": f"{price}", "markPrice": f"{price}", "indexPrice": f"{price}"}
    quote = {"bid1Price": f"{price - 0.1:.1f}", "bid1Size": "9", "ask1Price": f"{price + 0.1:.1f}", "ask1Size": "9"}
    book = book_frame(
        "orderbook.50.BTCUSDT",
        "snapshot",
        "BTCUSDT",
        ts_ms=ts_ms,
        bids=levels_text([(f"{price - 0.1:.1f}", "900")]),
        asks=levels_text([(f"{price + 0.1:.1f}", "900")]),
        update_id=ts_ms % 1_000_000,
        seq=ts_ms,
        cts_ms=ts_ms,
    )
    ticker = ticker_frame(TOPIC, "snapshot", ts_ms=ts_ms, seq=ts_ms, fields=fields | quote)
    return [frame(ts, ticker), frame(ts, book)]


def rounds(*moments: float) -> list[Received]:
    """At each moment fresh data, then a tick on which the strategy decides, then data on which orders fill."""
    items: list[Received] = []
    for at in moments:
        items += [*market(at), tick(second(at)), *market(at + 0.1)]
    return items


def buy(at: int, qty: float, price: float | None = None) -> dict[str, Any]:
    return {"at": at, "action": "buy", "qty": qty, "price": price}


class Scene(Struct, frozen=True):
    """A guard under test: its settings, what happens, what the strategy tries, and the verdicts that follow.

    verdicts: code of the guard at each order that was tried.
    """

    guard: str
    settings: dict[str, Any]
    feed: list[Received]
    steps: list[dict[str, Any]]
    verdicts: list[str]


SCENES = {
    "stale_data by age": Scene(
        "stale_data",
        {"stale_after_ms": 1000},
        [*rounds(0), tick(second(5)), *rounds(6)],
        [buy(1, 0.01), buy(2, 0.01), buy(3, 0.01)],
        ["OK", "MARKET_DATA_STALE", "OK"],
    ),
    "stale_data by a silent topic": Scene(
        "stale_data",
        {"stale_after_ms": 60_000},
        [
            *rounds(0),
            fact(second(1), Stale("public-1", TOPIC, "BTCUSDT", stale=True, silent_ms=5000)),
            *rounds(2),
            fact(second(3), Stale("public-1", TOPIC, "BTCUSDT", stale=False, silent_ms=7000)),
            *rounds(4),
        ],
        [buy(1, 0.01), buy(2, 0.01), buy(3, 0.01)],
        ["OK", "MARKET_DATA_STALE", "OK"],
    ),
    "order_rate": Scene(
        "order_rate",
        {"max_orders_per_min": 2},
        rounds(0, 1, 2, 61),
        [buy(number, 0.001) for number in (1, 2, 3, 4)],
        ["OK", "OK", "ORDER_RATE_ABOVE_LIMIT", "OK"],
    ),
    "order_notional": Scene(
        "order_notional",
        {"max_order_notional_usdt": 1000.0},
        rounds(0, 1),
        [buy(1, 0.01), buy(2, 0.011)],
        ["OK", "ORDER_NOTIONAL_ABOVE_LIMIT"],
    ),
    "position": Scene(
        "position",
        {"max_position_notional_usdt": 1500.0},
        rounds(0, 1, 2),
        [buy(1, 0.01), buy(2, 0.006), buy(3, 0.005)],
        ["OK", "POSITION_ABOVE_LIMIT", "OK"],
    ),
    "leverage": Scene(
        "leverage",
        {"max_leverage": 0.5},
        rounds(0, 1),
        [buy(1, 0.04), buy(2, 0.02)],
        ["OK", "LEVERAGE_ABOVE_LIMIT"],
    ),
    "daily_loss": Scene(
        "daily_loss",
        {"max_daily_loss_usdt": 50.0},
        [
            *rounds(0),
            *market(1, 97_000.0),
            tick(second(1)),
            *market(NS_PER_DAY / NS_PER_SECOND, 97_000.0),
            tick(second(NS_PER_DAY / NS_PER_SECOND)),
        ],
        [buy(1, 0.02), buy(2, 0.02), buy(3, 0.02)],
        ["OK", "DAILY_LOSS_ABOVE_LIMIT", "OK"],
    ),
    "price_collar": Scene(
        "price_collar",
        {"price_collar": 0.01},
        rounds(0, 1),
        [buy(1, 0.01, price=99_500.0), buy(2, 0.01, price=98_500.0)],
        ["OK", "PRICE_OUTSIDE_COLLAR"],
    ),
    "halted": Scene(
        "halted",
        {},
        [
            *rounds(0),
            fact(second(1), Command("halt", reason="test")),
            *rounds(2),
            fact(second(3), Command("resume", reason="test")),
            *rounds(4),
        ],
        [buy(1, 0.01), buy(2, 0.01), buy(3, 0.01)],
        ["OK", "LANE_HALTED", "OK"],
    ),
}


def play(folder: Path, scene: Scene) -> Path:
    scripted = strategy("Scripted", "scripted", steps=scene.steps, trigger="tick")
    content = document([lane("guarded", scripted, **(OFF | scene.settings))], symbols=["BTCUSDT"])
    return make_shadow(folder / "logs", plan_of_document(folder, content), scene.feed)


def codes(run_dir: Path, guard: str) -> list[str]:
    """Code of a guard at each order that was tried; a guard that only speaks when it refuses says OK by silence."""
    return [
        next((verdict.code for verdict in line.verdicts if verdict.guard == guard), "OK")
        for line in decision_lines(run_dir)
        if line.decision.reason.startswith("step")
    ]


@pytest.mark.parametrize("name", SCENES)
def test_each_guard_allows_and_denies_live_and_again_in_the_replay(tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    live = play(tmp_path, scene)
    assert codes(live, scene.guard) == scene.verdicts
    replayed = assert_replay_is_identical(live)
    assert verdicts(replayed) == verdicts(live)


@pytest.mark.parametrize("name", SCENES)
def test_what_is_denied_is_not_sent_and_what_is_allowed_is(tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    live = play(tmp_path, scene)
    tried = [line for line in decision_lines(live) if line.decision.reason.startswith("step")]
    allowed = [line.seq for line in tried if all(verdict.allow for verdict in line.verdicts)]
    sent = [one.decision for one in records(live) if isinstance(one, OrderLine) and one.status == OrderStatus.SUBMITTED]
    assert sent == allowed
    assert 0 < len(sent) < len(tried)


def halts(run_dir: Path) -> list[tuple[bool, str]]:
    return [(line.halted, line.reason) for line in records(run_dir) if isinstance(line, HaltLine)]


def test_a_daily_loss_halts_the_lane_until_midnight(tmp_path: Path) -> None:
    live = play(tmp_path, SCENES["daily_loss"])
    assert [halted for halted, _ in halts(live)] == [True, False]
    assert "daily_loss" in halts(live)[0][1]


def test_an_exit_passes_while_the_lane_is_halted(tmp_path: Path) -> None:
    scene = SCENES["halted"]
    steps: Sequence[dict[str, Any]] = [buy(1, 0.01), {"at": 2, "action": "close"}, buy(3, 0.01)]
    live = play(tmp_path, Scene(scene.guard, {}, scene.feed, list(steps), []))
    fills = [(line.side, line.qty) for line in records(live) if isinstance(line, FillLine)]
    assert fills == [(side, Decimal("0.01")) for side in (Side.BUY, Side.SELL, Side.BUY)]
    assert_replay_is_identical(live)


def test_a_strategy_that_raises_halts_its_lane_and_no_other_live_and_in_replay(tmp_path: Path) -> None:
    lanes = [
        lane("bad", strategy("Faulty", "faulty", trigger="tick"), **OFF),
        lane("good", strategy("Scripted", "scripted", trigger="tick", steps=[buy(8, 0.01)]), **OFF),
    ]
    plan = plan_of_document(tmp_path, document(lanes, symbols=["BTCUSDT"]))
    live = make_shadow(tmp_path / "logs", plan, rounds(*range(10)))
    [(halted, reason)] = halts(live)
    assert halted
    assert "RuntimeError" in reason
    lines = decision_lines(live)
    assert sum(line.lane == "bad" for line in lines) == 4
    assert sum(line.lane == "good" for line in lines) == 10
    assert_replay_is_identical(live)
