"""One daemon for each account: two on one machine would fight over its orders."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from adapters.bybit.hosts import Environment
from daemon.core.errors import LockstepError
from daemon.journal import FileLock

STATE = "LOCKSTEP_STATE_DIR"


def lock_account(account: str, account_id: str, host: Environment, variables: Mapping[str, str]) -> FileLock:
    """Hold an account of an environment for as long as this process lives.

    The locks lie in the user's own state folder: `$LOCKSTEP_STATE_DIR`, else `$XDG_STATE_HOME/lockstep`, else
    `~/.local/state/lockstep`.

    Raises:
        RunLocked: another daemon trades it.
        LockstepError: the folder cannot be made.
    """
    folder = state_dir(variables) / "accounts"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = sha256(f"{host.rest if host.name == 'custom' else host.name} {account_id}".encode()).hexdigest()[:32]
        return FileLock(
            folder / f"{name}.lock",
            name=account,
            doing="is trading this account",
            cure="stop it; one daemon trades an account",
        )
    except OSError as error:
        cure = f"set {STATE} to a folder that you may write to"
        raise LockstepError(f"{folder}: {error.strerror}", cure=cure) from None


def state_dir(variables: Mapping[str, str]) -> Path:
    """Where what belongs to the user and not to a run is kept."""
    if chosen := variables.get(STATE):
        return Path(chosen)
    home = variables.get("XDG_STATE_HOME")
    return Path(home if home else Path.home() / ".local" / "state") / "lockstep"
