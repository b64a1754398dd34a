"""The examples over history files: a run of each, and its replay in another process, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core.records import FillLine, FundingLine, OrderLine, OrderStatus, Record, StopOrderType
from daemon.core.units import NS_PER_SECOND
from tests.simulation.disk import decision_files, records
from tests.simulation.processes import ROOT, call

pytestmark = pytest.mark.process


def backtest_and_replay(name: str, logs: Path) -> list[Record]:
    ran = Path(call("backtest", ROOT / "examples" / name, "--logs", logs)["run_dir"])
    replayed = Path(call("replay", ran, "--logs", logs)["run_dir"])
    assert decision_files(ran) == decision_files(replayed)
    return records(ran)


def test_the_backtest_settles_funding_and_is_repeated_by_its_replay(tmp_path: Path) -> None:
    funding = [line for line in backtest_and_replay("backtest.toml", tmp_path) if isinstance(line, FundingLine)]
    assert {line.symbol for line in funding} >= {"BTCUSDT", "ETHUSDT"}


def test_the_breakout_has_its_exits_at_the_exchange_and_suffers_its_trouble_again(tmp_path: Path) -> None:
    lines = backtest_and_replay("breakout.toml", tmp_path)
    orders = [line for line in lines if isinstance(line, OrderLine)]
    filled = {line.stop_order_type for line in orders if line.status is OrderStatus.FILLED}
    assert filled >= {StopOrderType.NONE, StopOrderType.STOP_LOSS, StopOrderType.TRAILING_STOP}
    assert [line.reason for line in orders if line.status is OrderStatus.REJECTED] == ["10016: server error"]
    submitted = {line.order_id: line.ts for line in orders if line.status is OrderStatus.SUBMITTED}
    fills = [line for line in lines if isinstance(line, FillLine) and line.order_id in submitted]
    late = [fill for fill in fills if fill.ts - submitted[fill.order_id] >= 90 * NS_PER_SECOND]
    assert len(late) == 1
