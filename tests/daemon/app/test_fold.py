"""Folding the inputs of any run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.app.fold import check_sources, describe_sources, fold_run, history_files
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.offline import backtest
from daemon.config import load_config
from daemon.core.errors import ConfigError, DataError
from daemon.core.records import Record
from daemon.journal import read_manifest
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
