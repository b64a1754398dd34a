"""Exit codes, the same for every command. docs/commands.md lists them."""

from __future__ import annotations

from enum import IntEnum

from daemon.core.errors import (
    ArmingRefused,
    ConfigError,
    DataError,
    FeedError,
    InvariantBroken,
    JournalError,
    LockstepError,
    ReplayDiverged,
    RunLocked,
)


class Exit(IntEnum):
    """What a command ends with."""

    OK = 0
    DIFFERENT = 1
    CANNOT_TELL = 2
    CONFIG = 3
    DATA = 4
    JOURNAL = 5
    FEED = 6
    DIVERGED = 7
    LOCKED = 8
    FAILED = 9
    ARMING = 10
    USAGE = 64
    INVARIANT = 70
    INTERRUPTED = 130


_BY_ERROR: tuple[tuple[type[LockstepError], Exit], ...] = (
    (ConfigError, Exit.CONFIG),
    (ArmingRefused, Exit.ARMING),
    (DataError, Exit.DATA),
    (RunLocked, Exit.LOCKED),
    (JournalError, Exit.JOURNAL),
    (FeedError, Exit.FEED),
    (ReplayDiverged, Exit.DIVERGED),
    (InvariantBroken, Exit.INVARIANT),
)


def exit_of(error: LockstepError) -> Exit:
    """The exit code of an error."""
    for kind, code in _BY_ERROR:
        if isinstance(error, kind):
            return code
    return Exit.FAILED
