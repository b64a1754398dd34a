"""From a configuration to lanes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from daemon.app.lanes import build_pipeline, strategy_digests
from daemon.core.errors import ConfigError
from daemon.core.events import Timer
from daemon.core.records import Record, TransferLine
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
