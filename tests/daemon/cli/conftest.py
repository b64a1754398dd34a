"""A command line to call, and finished runs to call it on."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from daemon.app.offline import replay
from tests.daemon.cli.calls import Caller
from tests.simulation.configs import SWING, TREND, document, lane, plan_of_document
from tests.simulation.live_runs import make_shadow, market_frames

LANES = [lane("trend", TREND), lane("swing", SWING, max_orders_per_min=2)]


class Runs(Struct, frozen=True):
    """Two runs that lie beside each other: a shadow and its replay."""

    logs: Path
    config: Path
    shadow: Path
    replayed: Path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(capsys)


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Half an hour of one symbol in two lanes. Nobody may change these."""
    folder = tmp_path_factory.mktemp("runs")
    plan = plan_of_document(folder, document(LANES, symbols=["BTCUSDT"]))
    shadow = make_shadow(folder / "logs", plan, market_frames(plan, 30))
    replayed = Path(replay(shadow, folder / "logs").run_dir)
    return Runs(folder / "logs", folder / "config.json", shadow, replayed)
