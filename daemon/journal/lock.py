"""One writer: a run's folder is locked by the process that writes it, for as long as that process lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from daemon.core.errors import RunLocked
from daemon.journal.layout import LOCK


class RunLock:
    """Holds a run's folder; a context manager. The kernel lets go when the process dies, however it dies.

    Raises:
        RunLocked: another process (or another lock of this one) holds the folder; the message names its pid.
    """

    def __init__(self, run_dir: Path) -> None:
        path = run_dir / LOCK
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            self.release()
            cure = "wait until it ends, stop it, or use another run"
            raise RunLocked(f"{run_dir}: process {holder} is writing this run", cure=cure) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go; calling it again does nothing. The file stays: removing it would let two processes in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
