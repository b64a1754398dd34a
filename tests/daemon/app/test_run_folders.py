"""Runs on disk: finding and listing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.app.run_folders import find_run, list_runs, overview, parent_dir
from daemon.core.errors import JournalError
from daemon.journal import read_manifest
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.live_runs import make_shadow, market_frames


def test_a_run_is_found_by_folder_by_id_and_as_the_latest(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    logs = tmp_path / "logs"
    first, second = (make_shadow(logs, plan, market_frames(plan, 1), name=name) for name in ("shadow-1", "shadow-2"))
    (logs / "not-a-run").mkdir()
    assert list_runs(logs) == [first, second]
    assert find_run(str(first), logs) == first
    assert find_run("shadow-1", logs) == first
    assert find_run("latest", logs) == second
    with pytest.raises(JournalError, match="there is no run 'shadow-3'"):
        find_run("shadow-3", logs)
    with pytest.raises(JournalError, match="no runs yet"):
        find_run("latest", tmp_path / "none")
    assert [one.run for one in overview(logs)] == ["shadow-1", "shadow-2"]


def test_a_replay_whose_parent_is_gone_says_where_it_should_be(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    run_dir = make_shadow(tmp_path / "logs", plan, [])
    with pytest.raises(JournalError, match="which is not in") as caught:
        parent_dir(run_dir, read_manifest(run_dir))
    assert caught.value.cure == "put both runs into one folder"


def test_a_run_whose_manifest_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    good, bad = (make_shadow(tmp_path / "logs", plan, market_frames(plan, 1), name=name) for name in ("good", "bad"))
    (bad / "manifest.json").write_text("{", encoding="utf-8")
    assert list_runs(tmp_path / "logs") == [good]
