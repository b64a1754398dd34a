"""`run.log`: the operator's log of one run on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from daemon.core.units import NS_PER_SECOND

RETRY_NS = 10 * NS_PER_SECOND


class RunLog:
    """A file of JSON lines, moved to `run.log.1` when it is full. Never raises; counts the lines it lost.

    After a failure it waits ten seconds before it tries again.

    Args:
        path: the file; created with mode 0600, never opened through a symbolic link.
        now: nanoseconds.
        bytes_max: size at which the file is rotated; one older file is kept.
    """

    def __init__(self, path: Path, now: Callable[[], int], *, bytes_max: int = 8 << 20) -> None:
        self._path = path
        self._now = now
        self._bytes_max = bytes_max
        self._descriptor: int | None = None
        self._size = 0
        self._retry_at: int | None = None
        self.lost = 0

    def write(self, line: bytes) -> None:
        """Append a line, given with its newline, or count it as lost."""
        now = self._now()
        if self._retry_at is not None and now < self._retry_at:
            self.lost += 1
            return
        try:
            self._append(line)
        except OSError:
            self.lost += 1
            self._retry_at = now + RETRY_NS
            self.close()

    def close(self) -> None:
        """Release the file; the next write opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.close(descriptor)
            except OSError:
                self.lost += 1

    def _append(self, line: bytes) -> None:
        descriptor = self._open() if self._descriptor is None else self._descriptor
        if self._size and self._size + len(line) > self._bytes_max:
            self.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            descriptor = self._open()
        written = os.write(descriptor, line)
        self._size += written
        if written < len(line):
            raise OSError("the disk took only a part of the line")

    def _open(self) -> int:
        """Open the file at its end, and end a line that a crash or a full disk has cut."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(descriptor).st_size
        if self._size and os.pread(descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(descriptor, b"\n")
        return descriptor
