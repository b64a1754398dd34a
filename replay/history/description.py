"""What a history file holds, for the manifest of the run that used it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from replay.history.batches import Summary, checked_batches
from replay.history.sequence import Gap
from replay.history.settings import HistoryFile


class FileDescription(Struct, frozen=True, kw_only=True):
    """A file as it was read.

    name: without its folder.  sha256: of the bytes of the file.  rows: those used.
    first_ts, last_ts: nanoseconds UTC; the open of a bar.  gaps, missing_bars: how many; first_gaps: the first 20.
    warn: there are gaps and the settings want them told.  settings: how the file was read, without its folder.
    """

    name: str
    sha256: str
    size_bytes: int
    kind: str
    symbols: tuple[str, ...]
    rows: int
    first_ts: int
    last_ts: int
    gaps: int
    missing_bars: int
    first_gaps: tuple[Gap, ...]
    warn: bool
    settings: dict[str, Any]


def describe(file: HistoryFile) -> FileDescription:
    """Read a file from end to end with all its checks.

    Raises:
        DataError: naming file and row.
    """
    summary = Summary()
    for _ in checked_batches(file, summary):
        pass
    assert summary.first_ts is not None
    assert summary.last_ts is not None
    gaps = summary.gaps
    return FileDescription(
        name=file.name,
        sha256=_digest(file.path),
        size_bytes=Path(file.path).stat().st_size,
        kind=file.kind,
        symbols=tuple(sorted(summary.symbols)),
        rows=summary.rows,
        first_ts=summary.first_ts,
        last_ts=summary.last_ts,
        gaps=gaps.count,
        missing_bars=gaps.missing_bars,
        first_gaps=tuple(gaps.first),
        warn=gaps.count > 0 and file.on_gap == "warn",
        settings=_settings(file),
    )


def _digest(path: str) -> str:
    with Path(path).open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _settings(file: HistoryFile) -> dict[str, Any]:
    settings: dict[str, Any] = msgspec.to_builtins(file)
    return settings | {"path": file.name}
