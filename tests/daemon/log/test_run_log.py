from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from daemon.log import RunLog
from daemon.log.run_log import RETRY_NS

LINE = b'{"event": "x"}\n'


def test_lines_are_appended_to_a_file_of_the_owner(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", lambda: 0)
    for _ in range(3):
        log.write(LINE)
    log.close()
    log.write(LINE)
    log.close()
    assert (tmp_path / "run.log").read_bytes() == LINE * 4
    assert (tmp_path / "run.log").stat().st_mode & 0o777 == 0o600
    assert log.lost == 0


def test_a_full_file_is_rotated_and_one_older_is_kept(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run.log", lambda: 0, bytes_max=len(LINE) * 4)
    for _ in range(11):
        log.write(LINE)
    log.close()
    assert (tmp_path / "run.log").read_bytes() == LINE * 3
    assert (tmp_path / "run.log.1").read_bytes() == LINE * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.log", "run.log.1"]


def test_a_line_that_a_crash_has_cut_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_bytes(LINE + b'{"event": "cu')
    log = RunLog(tmp_path / "run.log", lambda: 0)
    log.write(LINE)
    log.close()
    assert (tmp_path / "run.log").read_bytes() == LINE + b'{"event": "cu\n' + LINE


def test_a_disk_that_is_full_costs_lines_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    log = RunLog(tmp_path / "run.log", lambda: now)
    log.write(LINE)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        log.write(LINE)
    log.write(LINE)
    assert log.lost == 2
    now = RETRY_NS
    log.write(LINE)
    log.close()
    assert (tmp_path / "run.log").read_bytes() == LINE * 2


def test_a_line_that_the_disk_took_in_part_counts_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    log = RunLog(tmp_path / "run.log", lambda: now)
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        log.write(LINE)
    now = RETRY_NS
    log.write(LINE)
    log.close()
    assert log.lost == 1
    assert (tmp_path / "run.log").read_bytes() == LINE[:5] + b"\n" + LINE


def test_a_folder_that_is_missing_or_a_link_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"untouched")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "missing" / "run.log", tmp_path / "link", tmp_path):
        log = RunLog(path, lambda: 0)
        log.write(LINE)
        log.close()
        assert log.lost == 1
    assert (tmp_path / "elsewhere").read_bytes() == b"untouched"
