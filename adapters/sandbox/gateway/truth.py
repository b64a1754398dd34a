"""The truth log: what the sandbox was asked, did, pushed and did wrong on purpose. Tests judge by it, not by answers.

Entries are JSON objects with `n` (counted from 1), `ts` (market time, milliseconds UTC) and `what`; the other fields
depend on what happened, see docs/sandbox.md. Entries of one cause stand in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from daemon.core.errors import ConfigError

Entry = dict[str, object]


class TruthLog:
    """Keeps entries in memory, in a file, or both.

    Args:
        path: JSON lines go here as they come; an older file is replaced.
        keep: whether `entries` holds them too.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, path: Path | None = None, *, keep: bool = True) -> None:
        self.entries: list[Entry] = []
        self.now_ms = 0
        self._keep = keep
        self._count = 0
        self._encode = msgspec.json.Encoder(decimal_format="string").encode
        self._file = _opened(path)

    def note(self, what: str, fields: Mapping[str, object]) -> None:
        """Add an entry with the time last set in `now_ms`."""
        self._count += 1
        entry: Entry = {"n": self._count, "ts": self.now_ms, "what": what, **fields}
        if self._keep:
            self.entries.append(entry)
        if self._file is not None:
            self._file.write(self._encode(entry) + b"\n")

    def of(self, *what: str) -> list[Entry]:
        """Kept entries of these kinds, oldest first."""
        return [entry for entry in self.entries if entry["what"] in what]

    def close(self) -> None:
        """Close the file; what comes later is only kept."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _opened(path: Path | None) -> BinaryIO | None:
    if path is None:
        return None
    try:
        # Unbuffered: a line that was written survives the process.
        return path.open("wb", buffering=0)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error}", cure="Choose another file for the truth.") from None
