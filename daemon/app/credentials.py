"""Where the key of an account comes from: two variables of the environment, or a file that only its owner can read.

Never from the command line, which every process of the machine can see. Variables are taken out of the environment, so
that no child process inherits them.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from adapters.bybit.signing import Credentials
from daemon.app.identity import ROOT
from daemon.config import AccountSettings
from daemon.core.errors import ArmingRefused

FILE_MAX = 64 << 10
PRIVATE = 0o600
_KEYS = ("key", "secret")


def account_credentials(
    account: str, settings: AccountSettings, *, base: Path, logs: Path, variables: MutableMapping[str, str]
) -> Credentials:
    """The key and secret of an account, from where its configuration says.

    Args:
        account: its name in the configuration.
        settings: its settings.
        base: folder that relative paths start from.
        logs: where runs go, in which no secret may lie.
        variables: the environment; what is read is removed.

    Raises:
        ArmingRefused: see `read_credentials`.
    """
    path = None if settings.secrets is None else base / Path(settings.secrets).expanduser()
    return read_credentials(account, path, variables=variables, outside=[ROOT, logs])


def read_credentials(
    account: str, path: Path | None, *, variables: MutableMapping[str, str], outside: Sequence[Path]
) -> Credentials:
    """The key and secret of an account.

    Args:
        account: its name in the configuration.
        path: of its secrets file; None for the environment.
        variables: the environment; what is read is removed.
        outside: folders in which no secret may lie.

    Raises:
        ArmingRefused: there are none, or the file may be read or replaced by others; the message says which.
    """
    names = [f"LOCKSTEP_{account.upper()}_{key.upper()}" for key in _KEYS]
    given = {name: variables.pop(name, "") for name in names}
    if path is not None:
        return _from_file(account, path, outside)
    missing = [name for name, value in given.items() if not value]
    if missing:
        message = f"{account}: no key: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        cure = f"set them for this command, or name a file in accounts.{account}.secrets"
        raise ArmingRefused(message, code="KEY_MISSING", cure=cure)
    return Credentials(*given.values())


def _from_file(account: str, path: Path, outside: Sequence[Path]) -> Credentials:
    _check_place(account, path, outside)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _refused(account, path, "SECRETS_MISSING", "there is no such file", "make it, with mode 0600") from None
    except OSError as error:
        if path.is_symlink():
            what, cure = "it is a symbolic link", "name the file itself"
            raise _refused(account, path, "SECRETS_LINK", what, cure) from None
        what, cure = f"it cannot be read: {error.strerror}", "make it yours, with mode 0600"
        raise _refused(account, path, "SECRETS_UNREADABLE", what, cure) from None
    try:
        _check_file(account, path, os.fstat(descriptor))
        content = os.read(descriptor, FILE_MAX)  # of the very file that was checked
    finally:
        os.close(descriptor)
    return _parse(account, path, content)


def _check_place(account: str, path: Path, outside: Sequence[Path]) -> None:
    """A secret in a folder that is shared, copied or published is no secret for long."""
    place = path.parent.resolve()
    for folder in outside:
        if place.is_relative_to(folder.resolve()):
            cure = "move it to a folder of your own, such as ~/.config/lockstep"
            raise _refused(account, path, "SECRETS_IN_PROJECT", f"it lies inside {folder}", cure)
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            what = f"it lies in a git working tree, {folder}"
            raise _refused(account, path, "SECRETS_IN_GIT", what, "move it out of every repository")


def _check_file(account: str, path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(account, path, "SECRETS_NO_FILE", "it is not a regular file", "name a regular file")
    if found.st_uid != os.geteuid():
        raise _refused(account, path, "SECRETS_OWNER", "it belongs to another user", f"chown it: chown $USER {path}")
    if stat.S_IMODE(found.st_mode) != PRIVATE:
        what = f"its mode is {stat.S_IMODE(found.st_mode):04o}, not 0600"
        raise _refused(account, path, "SECRETS_MODE", what, f"chmod 600 {path}")


def _parse(account: str, path: Path, content: bytes) -> Credentials:
    """The two values; what the file holds is never shown, not even in an error."""
    cure = (
        'write key = "..." and secret = "..." into a .toml file, or {"key": "...", "secret": "..."} into a .json file'
    )
    try:
        found: Any = msgspec.json.decode(content) if path.suffix == ".json" else tomllib.loads(content.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise _refused(account, path, "SECRETS_UNREADABLE", "it is neither TOML nor JSON", cure) from None
    if isinstance(found, dict) and set(found) == set(_KEYS):
        key, secret = (found[name] for name in _KEYS)
        if isinstance(key, str) and isinstance(secret, str) and key and secret:
            return Credentials(key, secret)
    raise _refused(account, path, "SECRETS_UNREADABLE", "it does not hold exactly key and secret, as text", cure)


def _refused(account: str, path: Path, code: str, what: str, cure: str) -> ArmingRefused:
    return ArmingRefused(f"{account}: the secrets file {path}: {what}", code=code, cure=cure)
