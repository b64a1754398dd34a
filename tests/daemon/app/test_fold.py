"""Folding the inputs of any run again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from adapters.bybit.decoder import FrameDecoder
from daemon.app.fold import check_sources, describe_sources, fold_history, fold_run, history_files
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.offline import backtest, replay
from daemon.config import TroubleSettings, iso_time, load_config
from daemon.core.engine import Engine
from daemon.core.errors import ConfigError, DataError
from daemon.core.events import Bar, Fact, Instrument, VenueTrouble
from daemon.core.records import Record
from daemon.core.units import NS_PER_SECOND
from daemon.journal import read_manifest
from daemon.loop import Pipeline
from tests.golden.runs import FOLDER
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.disk import records
from tests.simulation.live_runs import assert_replay_is_identical, make_shadow, market_frames

BARS = Plan(load_config(FOLDER / "bars.toml"), FOLDER)


def fold_again(run_dir: Path, plan: Plan) -> tuple[list[Record], list[tuple[int, int | None]]]:
    again: list[Record] = []
    told: list[tuple[int, int | None]] = []
    fold_run(run_dir, build_pipeline(plan, again.append), lambda done, total: told.append((done, total)))
    return again, told


def test_a_shadow_and_its_replay_fold_to_the_same_records(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    run_dir = make_shadow(tmp_path / "logs", plan, market_frames(plan, 5))
    replayed = assert_replay_is_identical(run_dir)
    for one in (run_dir, replayed):
        again, told = fold_again(one, plan)
        assert again == records(run_dir)
        assert told[-1] == (told[-1][1], told[-1][1])


def test_a_run_that_has_not_ended_folds_as_far_as_it_goes(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    run_dir = make_shadow(tmp_path / "logs", plan, market_frames(plan, 5), sealed=False)
    again, told = fold_again(run_dir, plan)
    assert again == records(run_dir)
    assert told[-1][1] is None


def test_a_backtest_folds_its_files_again(tmp_path: Path) -> None:
    result = backtest(BARS, tmp_path)
    again, told = fold_again(Path(result.run_dir), BARS)
    assert again == records(Path(result.run_dir))
    assert told[-1][0] == result.inputs == 301


class Heard(Engine):
    """Notes what it is told instead of handling it."""

    def __init__(self) -> None:
        super().__init__([])
        self.facts: list[tuple[int, int, Fact]] = []

    def step(self, seq: int, ts_recv: int, fact: Fact) -> None:
        self.facts.append((seq, ts_recv, fact))


def heard(plan: Plan) -> list[tuple[int, int, Fact]]:
    engine = Heard()
    fold_history(plan, Pipeline(FrameDecoder(), engine))
    return engine.facts


def with_trouble(*troubles: dict[str, object]) -> Plan:
    planned = [msgspec.convert({"kind": "reject", **one}, TroubleSettings) for one in troubles]
    return Plan(msgspec.structs.replace(BARS.config, trouble=tuple(planned)), BARS.base)


def test_planned_trouble_stands_among_the_facts_of_a_backtest_at_its_time() -> None:
    plain = heard(BARS)
    first = plain[0][1]
    plan = with_trouble(
        {"after_ms": 90_000, "reason": "second"},
        {"after_ms": 0, "reason": "first"},
        {"at": iso_time(first + 120 * NS_PER_SECOND), "reason": "third"},
        {"after_ms": 10**9, "reason": "after the end"},
        {"at": "2001-01-01", "reason": "before the start"},
    )
    facts = heard(plan)
    troubles = [(ts - first, fact.reason) for _, ts, fact in facts if isinstance(fact, VenueTrouble)]
    seconds = NS_PER_SECOND
    assert troubles == [(0, "first"), (90 * seconds, "second"), (120 * seconds, "third")]
    assert [(ts, fact) for _, ts, fact in facts if not isinstance(fact, VenueTrouble)] == [one[1:] for one in plain]
    assert [seq for seq, _, _ in facts] == list(range(1, len(plain) + 4))
    assert [ts for _, ts, _ in facts] == sorted(ts for _, ts, _ in facts)
    assert [type(fact) for _, _, fact in facts[:3]] == [Instrument, VenueTrouble, Bar]


def test_a_backtest_with_planned_trouble_replays_and_other_configurations_see_it_too(tmp_path: Path) -> None:
    plan = with_trouble({"after_ms": 3_600_000, "count": 2}, {"kind": "late", "delay_ms": 90_000, "after_ms": 60_000})
    result = backtest(plan, tmp_path)
    assert result.inputs == 303
    run_dir = Path(result.run_dir)
    assert_replay_is_identical(run_dir)
    assert replay(run_dir, tmp_path, plan=BARS).inputs == 303


def test_a_backtest_names_each_file_with_its_digest_and_rows(tmp_path: Path) -> None:
    [source] = describe_sources(BARS)
    assert source.rows == 300
    assert len(source.sha256) == 64
    assert Path(source.path).is_absolute()
    manifest = read_manifest(Path(backtest(BARS, tmp_path).run_dir))
    assert manifest.sources == (source,)
    check_sources(manifest)


def test_a_history_entry_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document() | {"history": [{"path": "a.csv", "kind": "bars"}]})
    with pytest.raises(ConfigError, match=r"history\[0\]"):
        history_files(plan)
    with pytest.raises(ConfigError, match="no files are named"):
        history_files(plan_of_document(tmp_path, document()))


def test_a_history_file_that_is_gone_is_a_data_error(tmp_path: Path) -> None:
    entry = dict(BARS.config.history[0]) | {"path": "gone.csv"}
    plan = plan_of_document(tmp_path, document() | {"history": [entry]})
    with pytest.raises(DataError, match=r"gone\.csv"):
        describe_sources(plan)
