"""Runs on disk: naming, finding, describing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from daemon.app.runs import (
    Mode,
    check_space,
    find_run,
    find_unfinished,
    iso_time,
    list_runs,
    new_run_dir,
    overview,
    parent_dir,
    plan_of,
)
from daemon.config import config_digest
from daemon.core.errors import JournalError, LockstepError
from daemon.journal import read_manifest
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.live_runs import CREATED, make_shadow, market_frames


def test_times_are_told_to_the_millisecond_in_utc() -> None:
    assert iso_time(CREATED) == "2025-05-06T00:00:00.000Z"
    assert iso_time(CREATED + 999_999_999) == "2025-05-06T00:00:00.999Z"


def test_a_new_run_is_named_by_mode_and_time_and_never_twice(tmp_path: Path) -> None:
    names = {new_run_dir(tmp_path, Mode.SHADOW, CREATED).name for _ in range(20)}
    assert len(names) > 15
    assert all(name.startswith("shadow-20250506T000000Z-") for name in names)


def test_the_name_of_a_run_does_not_depend_on_the_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    try:
        assert new_run_dir(tmp_path, Mode.SHADOW, CREATED).name.startswith("shadow-20250506T000000Z-")
        assert iso_time(CREATED) == "2025-05-06T00:00:00.000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


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


def test_only_an_unfinished_run_of_the_same_mode_and_configuration_is_continued(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    other = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"], balance="9"))
    logs = tmp_path / "logs"
    left = make_shadow(logs, plan, market_frames(plan, 1), sealed=False)
    assert find_unfinished(logs, Mode.SHADOW, plan) == left
    assert find_unfinished(logs, Mode.RECORD, plan) is None
    assert find_unfinished(logs, Mode.SHADOW, other) is None
    assert find_unfinished(tmp_path / "none", Mode.SHADOW, plan) is None


def test_a_manifest_gives_back_the_configuration_of_its_run(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    manifest = read_manifest(make_shadow(tmp_path / "logs", plan, []))
    found = plan_of(manifest)
    assert found == plan
    assert config_digest(found.config) == manifest.config_digest


def test_a_replay_whose_parent_is_gone_says_where_it_should_be(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    run_dir = make_shadow(tmp_path / "logs", plan, [])
    with pytest.raises(JournalError, match="which is not in") as caught:
        parent_dir(run_dir, read_manifest(run_dir))
    assert caught.value.cure == "put both runs into one folder"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LockstepError, match="Not a directory"):
        check_space(tmp_path / "file" / "logs", 0)
    check_space(tmp_path / "logs", 0)
    assert (tmp_path / "logs").is_dir()


def test_a_run_whose_manifest_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    plan = plan_of_document(tmp_path, document([lane("swing", SWING)], symbols=["BTCUSDT"]))
    good, bad = (make_shadow(tmp_path / "logs", plan, market_frames(plan, 1), name=name) for name in ("good", "bad"))
    (bad / "manifest.json").write_text("{", encoding="utf-8")
    assert list_runs(tmp_path / "logs") == [good]
