"""Every error the project raises on purpose.

    LockstepError                 what failed, where, and how to cure it
    |-- ConfigError               the configuration cannot be used
    |-- ArmingRefused             an account at a venue may not be traded by this start
    |-- DataError                 a history file cannot be used
    |-- JournalError              a run on disk cannot be read or written
    |   |-- JournalCorrupt        bytes that no crash explains: a person must look
    |   |-- JournalFailed         a write or fsync failed; the run stops at once
    |   `-- RunLocked             another process writes this run
    |-- FrameError                bytes of a venue that are not what its protocol allows
    |-- FeedError                 the venue cannot be reached or refuses us for good
    |-- ControlFailed             a running daemon cannot be reached, or does not do what it was asked
    |-- IndexFailed               the index of runs cannot be read or written; the runs are untouched
    |-- ReplayDiverged            recomputed decisions differ from the recorded ones
    |-- StrategyFailed            strategy code raised
    `-- InvariantBroken           an impossible state; the lane, or the process, stops

What the outside does (a reject, a disconnect) is a fact, not an exception.
"""

from __future__ import annotations


class LockstepError(Exception):
    """An expected failure. Shown to people without a stack trace.

    Args:
        message: what failed and where.
        cure: what the reader can do about it; one sentence.
    """

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n  cure: {self.cure}" if self.cure else self.message


class ConfigError(LockstepError):
    """The configuration cannot be used; the message starts with the path of the key."""


class ArmingRefused(LockstepError):
    """An account at a venue may not be traded by this start; nothing was sent to it but questions about its key.

    Args:
        message: what does not agree; begins with the name of the account where there is one.
        code: one word for each reason, such as `CONSENT_MISSING`.
        cure: as in LockstepError.
    """

    def __init__(self, message: str, *, code: str = "", cure: str = "") -> None:
        super().__init__(f"{code}: {message}" if code else message, cure=cure)
        self.code = code


class DataError(LockstepError):
    """A history file cannot be used; the message names file and row."""


class JournalError(LockstepError):
    """A run on disk cannot be read or written."""


class JournalCorrupt(JournalError):
    """Bytes on disk that a crash cannot have left.

    Args:
        message: what is wrong (flipped byte, missing, swapped or foreign line).
        file: name of the segment.
        offset: byte offset of the first bad byte's line in the uncompressed segment.
        seq: sequence number expected there.
        cure: as in LockstepError.
    """

    def __init__(self, message: str, *, file: str, offset: int, seq: int, cure: str = "") -> None:
        super().__init__(f"{file}: byte {offset}, record {seq}: {message}", cure=cure)
        self.reason = message
        self.file = file
        self.offset = offset
        self.seq = seq


class JournalFailed(JournalError):
    """A write or an fsync failed. Nothing that waited for it counts as durable."""


class RunLocked(JournalError):
    """Another process is writing this run."""


class FrameError(LockstepError):
    """Bytes of a venue that do not parse; they are journaled, counted and quarantined."""


class FeedError(LockstepError):
    """The venue cannot be reached, or refuses us for good."""


class ControlFailed(LockstepError):
    """A running daemon cannot be reached, or does not do what it was asked."""


class IndexFailed(LockstepError):
    """The index cannot be read or written. The runs are not touched."""


class ReplayDiverged(LockstepError):
    """Recomputed decisions differ from the recorded ones."""


class StrategyFailed(LockstepError):
    """Strategy code raised; the cause is chained."""


class InvariantBroken(LockstepError):
    """An impossible state. In a lane's exchange or books it stops that lane, elsewhere the process; with evidence."""
