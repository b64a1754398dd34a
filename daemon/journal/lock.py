"""One writer: a run's folder is locked by the process that writes it, and an account by the one that trades it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.core.errors import RunLocked
from daemon.journal.layout import LOCK


class FileLock:
    """Holds a file; a context manager. The kernel lets go when the process dies, however it dies.

    Args:
        path: the file; its folder must be there.
        name, doing: what the message says when another holds it: "NAME: process 17 DOING".
        cure: what is then to be done.

    Raises:
        RunLocked: another process (or another lock of this one) holds it.
    """

    def __init__(self, path: Path, *, name: str, doing: str, cure: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            self.release()
            raise RunLocked(f"{name}: process {holder} {doing}", cure=cure) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go; calling it again does nothing. The file stays: removing it would let two processes in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class RunLock(FileLock):
    """Holds a run's folder.

    Raises:
        RunLocked: another process writes the run; the message names its pid.
    """

    def __init__(self, run_dir: Path) -> None:
        cure = "wait until it ends, stop it, or use another run"
        super().__init__(run_dir / LOCK, name=str(run_dir), doing="is writing this run", cure=cure)
