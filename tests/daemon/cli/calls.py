"""Calling the command line in the test's own process."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from daemon.cli import run

RESULT = {
    "run",
    "run_dir",
    "mode",
    "inputs",
    "frames",
    "decision_lines",
    "quarantined",
    "books_lost",
    "reason",
    "resumed",
    "sealed",
    "seconds",
}
"""Fields of what a run ends with."""


class Called(Struct, frozen=True):
    """Exit code, stdout and stderr of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object that `--json` prints, on one line."""
        [line] = self.out.splitlines()
        return msgspec.json.decode(line)


class Caller:
    """Calls commands and checks that none ever shows a stack trace."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Called:
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Called(code, said.out, said.err)
