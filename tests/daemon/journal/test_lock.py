from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.core.errors import RunLocked
from daemon.journal import RunLock


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(RunLocked, match=f"process {os.getpid()} is writing"):
        RunLock(tmp_path)


def test_a_released_run_can_be_locked_again(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    lock.release()
    lock.release()
    with RunLock(tmp_path):
        assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"


def test_a_refused_writer_leaves_the_holders_pid_in_place(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        with pytest.raises(RunLocked):
            RunLock(tmp_path)
        with pytest.raises(RunLocked, match=str(os.getpid())):
            RunLock(tmp_path)
