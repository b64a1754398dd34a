"""The journal's only way to change files. Tests put an object in its place that fails at the k-th call."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from daemon.journal.layout import TEMPORARY


class Files:
    """The operating system's file operations; all raise OSError."""

    def open(self, path: Path, *, empty: bool = False) -> int:
        """Open for appending, created readable by its owner only; `empty` drops what was in it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags | os.O_TRUNC if empty else flags, 0o600)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write at least one byte; returns how many."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Wait until what was written is on the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to `size` bytes and wait until that is on the disk."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, replacing what had it."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def fsync_dir(self, path: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size(self, descriptor: int) -> int:
        """Return the bytes in an open file."""
        return os.fstat(descriptor).st_size

    def is_at(self, descriptor: int, path: Path) -> bool:
        """Whether an open file is still the one that `path` names."""
        try:
            return os.path.samestat(os.fstat(descriptor), path.stat())
        except FileNotFoundError:
            return False


def write_file(files: Files, path: Path, blocks: Iterable[bytes]) -> None:
    """Write a whole file so that after a crash `path` names the old content or the new, never a part.

    Raises:
        OSError: `path` is unchanged; a `.tmp` file may be left.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = files.open(temporary, empty=True)
    try:
        for block in blocks:
            write_all(files, descriptor, block)
        files.fsync(descriptor)
    finally:
        files.close(descriptor)
    files.rename(temporary, path)
    files.fsync_dir(path.parent)


def write_all(files: Files, descriptor: int, data: bytes) -> None:
    """Write all of `data`, going on after a short write."""
    rest = memoryview(data)
    while rest:
        rest = rest[files.write(descriptor, rest) :]
