"""The control socket of a run. Its path may be 107 bytes long at most, so the folder is named by a descriptor."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "control.sock"


def bind(run_dir: Path) -> socket.socket:
    """A listening socket for its owner only. Whoever calls holds the run, so that a socket found there is stale."""
    with suppress(FileNotFoundError):
        (run_dir / NAME).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(run_dir) as path:
            os.fchmod(listener.fileno(), 0o600)  # Linux makes the file with the mode of the socket, never wider
            listener.bind(path)
        listener.listen(16)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def connect(run_dir: Path, timeout_s: float) -> socket.socket:
    """A connection to the daemon of a run.

    Raises:
        OSError: there is none.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with _short(run_dir) as path:
            connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _short(run_dir: Path) -> Iterator[str]:
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
