"""Two daemons never trade one account."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.bybit.hosts import DEMO, MAINNET, custom_environment
from daemon.app.account_lock import lock_account, state_dir
from daemon.core.errors import LockstepError, RunLocked


def test_an_account_is_held_once_and_free_again_afterwards(tmp_path: Path) -> None:
    variables = {"LOCKSTEP_STATE_DIR": str(tmp_path)}
    with lock_account("main", "100001", DEMO, variables):
        with pytest.raises(RunLocked, match=r"^other: process \d+ is trading this account"):
            lock_account("other", "100001", DEMO, variables)
        lock_account("main", "100002", DEMO, variables).release()
        lock_account("main", "100001", MAINNET, variables).release()
    lock_account("main", "100001", DEMO, variables).release()


def test_accounts_of_two_sandboxes_are_two(tmp_path: Path) -> None:
    variables = {"LOCKSTEP_STATE_DIR": str(tmp_path)}
    one, other = (
        custom_environment("custom", rest=f"http://127.0.0.1:{port}", public_linear="ws://[::1]", private="ws://[::1]")
        for port in (1, 2)
    )
    with lock_account("main", "100001", one, variables), lock_account("main", "100001", other, variables):
        pass


def test_no_file_tells_the_account_id(tmp_path: Path) -> None:
    with lock_account("main", "100001", DEMO, {"LOCKSTEP_STATE_DIR": str(tmp_path)}):
        assert not [path for path in tmp_path.rglob("*") if "100001" in path.name]


def test_the_folder_is_the_chosen_one_or_the_users(tmp_path: Path) -> None:
    assert state_dir({"LOCKSTEP_STATE_DIR": "/a", "XDG_STATE_HOME": "/b"}) == Path("/a")
    assert state_dir({"XDG_STATE_HOME": "/b"}) == Path("/b/lockstep")
    assert state_dir({}) == Path.home() / ".local/state/lockstep"


def test_a_folder_that_cannot_be_made_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LockstepError, match="LOCKSTEP_STATE_DIR"):
        lock_account("main", "1", DEMO, {"LOCKSTEP_STATE_DIR": str(tmp_path / "file")})
