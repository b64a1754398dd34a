"""Processes that a row talks to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def started(arguments: list[str]) -> Iterator[str]:
    """A process that says in its first line where it is; it is killed at the end."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None, "a pipe was asked for"
            line = process.stdout.readline().strip()
            assert line, "the other process did not start"
            yield line
        finally:
            process.kill()
