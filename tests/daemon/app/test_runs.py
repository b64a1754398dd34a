"""Runs on disk: naming, finding, describing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from daemon.app.runs import Mode, check_space, find_unfinished, new_run_dir, plan_of
from daemon.config import config_digest, iso_time
from daemon.core.errors import LockstepError
from daemon.journal import read_manifest
from tests.simulation.configs import SWING, document, lane, plan_of_document
from tests.simulation.live_runs import CREATED, make_shadow, market_frames


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


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LockstepError, match="Not a directory"):
        check_space(tmp_path / "file" / "logs", 0)
    check_space(tmp_path / "logs", 0)
    assert (tmp_path / "logs").is_dir()
