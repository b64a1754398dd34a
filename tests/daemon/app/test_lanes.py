"""From a configuration to lanes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.simulated.exchange import SimulatedExchange
from daemon.app.lanes import Plan, build_pipeline, strategy_digests
from daemon.core.errors import ConfigError
from daemon.core.events import Link, Timer
from daemon.core.records import Record, TransferLine
from daemon.core.remote.exchange import RemoteExchange
from tests.simulation.configs import SWING, TREND, document, lane, plan_of_document, strategy


def test_every_active_lane_has_a_runner_for_each_strategy_and_symbol(tmp_path: Path) -> None:
    one = TREND | {"symbols": ["ETHUSDT"], "weight": 0.25}
    lanes = [lane("both", one, SWING | {"weight": 0.5}), lane("off", SWING) | {"active": False}]
    plan = plan_of_document(tmp_path, document(lanes))
    [built] = build_pipeline(plan, None).engine.lanes
    found = [(runner.name, runner.symbol, runner.share) for runner in built.runners]
    assert found == [("trend", "ETHUSDT", 0.25), ("swing", "BTCUSDT", 0.5), ("swing", "ETHUSDT", 0.5)]
    assert len({id(runner.strategy) for runner in built.runners}) == 3


def test_an_account_opens_with_its_balance(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], balance="123.45"))
    written: list[Record] = []
    build_pipeline(plan, written.append).fact(1, 1, Timer("tick", 1))
    [opening] = written
    assert isinstance(opening, TransferLine)
    assert (opening.amount, opening.cash) == (Decimal("123.45"), Decimal("123.45"))


def test_a_recording_follows_its_symbols_without_lanes(tmp_path: Path) -> None:
    engine = build_pipeline(plan_of_document(tmp_path, document()).without_lanes(), None).engine
    assert engine.lanes == ()
    assert engine.market("BTCUSDT") is not None
    assert engine.market("SOLUSDT") is None


def test_a_strategy_that_cannot_be_used_is_named_by_its_key(tmp_path: Path) -> None:
    lanes = [lane("good", TREND), lane("bad", SWING | {"weight": 0.5}, strategy("nothing", "two") | {"weight": 0.5})]
    with pytest.raises(ConfigError, match=r"lanes\.bad\.strategies\[1\]\.use"):
        build_pipeline(plan_of_document(tmp_path, document(lanes)), None)


def test_the_source_of_each_strategy_in_use_is_digested(tmp_path: Path) -> None:
    found = strategy_digests(plan_of_document(tmp_path, document()))
    assert found.keys() == {"trend.trend", "swing.swing"}
    assert len(set(found.values())) == 2


def at_bybit(folder: Path, *, orders: Mapping[str, str] | None = None, **changes: Any) -> Plan:
    """A lane at Bybit with a twin, and one that is simulated; wired for trading."""
    content = document([lane("main", SWING) | {"twin": True} | changes, lane("paper", TREND)])
    content["venue"] |= {"private_url": "ws://127.0.0.1:1/v5/private"}
    content["accounts"]["main"] |= {"venue": "bybit", "account_id": "100001", "orders": dict(orders or {})}
    return msgspec.structs.replace(plan_of_document(folder, content), trade=True)


def test_a_lane_at_a_venue_trades_there_and_its_twin_is_simulated(tmp_path: Path) -> None:
    found = build_pipeline(at_bybit(tmp_path), None, "lineage").engine.lanes
    kinds = [(one.name, one.account, type(one.exchange)) for one in found]
    assert kinds == [
        ("main", "main", RemoteExchange),
        ("main_twin", "", SimulatedExchange),
        ("paper", "", SimulatedExchange),
    ]
    first, twin = found[0], found[1]
    assert [runner.name for runner in first.runners] == [runner.name for runner in twin.runners]
    assert first.runners[0].strategy is not twin.runners[0].strategy


@pytest.mark.parametrize(("environment", "days"), [("demo", 7), ("mainnet", 730), ("testnet", 730), ("custom", None)])
def test_a_lane_knows_for_how_long_its_venue_remembers(tmp_path: Path, environment: str, days: int | None) -> None:
    plan = at_bybit(tmp_path)
    venue = msgspec.structs.replace(plan.config.venue, environment=environment)
    plan = msgspec.structs.replace(plan, config=msgspec.structs.replace(plan.config, venue=venue))
    remote = build_pipeline(plan, None, "lineage").engine.lanes[0].exchange
    assert isinstance(remote, RemoteExchange)
    assert remote._context.settings.history_days == days


def test_wherever_no_order_may_go_to_the_venue_its_lane_is_simulated_and_has_no_twin(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(at_bybit(tmp_path), trade=False)
    found = build_pipeline(plan, None).engine.lanes
    assert [(one.name, one.account, type(one.exchange)) for one in found] == [
        ("main", "", SimulatedExchange),
        ("paper", "", SimulatedExchange),
    ]


def test_requests_of_a_remote_lane_leave_through_the_outbox_of_its_pipeline(tmp_path: Path) -> None:
    pipeline = build_pipeline(at_bybit(tmp_path), None, "lineage")
    pipeline.frame(1, 1, "private.main", b'{"op":"pong"}')
    pipeline.fact(2, 10**18, Link("private.main", up=True))
    assert {request.account for request in pipeline.outbox} == {"main"}
    assert not any(request.acts for request in pipeline.outbox)
