"""The command line as a whole: help, usage, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daemon import __version__
from daemon.cli.exits import Exit, exit_of
from daemon.core import errors
from tests.daemon.cli.calls import Caller
from tests.simulation.processes import finish, start

COMMANDS = (
    "demo",
    "shadow",
    "record",
    "backtest",
    "replay",
    "sandbox",
    "compare",
    "verify",
    "explain",
    "report",
    "runs",
    "config",
    "doctor",
)


def test_lockstep_alone_shows_its_help(call: Caller) -> None:
    called = call()
    assert called.code == Exit.OK
    assert all(name in called.out + called.err for name in COMMANDS)


def test_it_tells_its_version(call: Caller) -> None:
    called = call("--version")
    assert (called.code, called.out, called.err) == (Exit.OK, f"lockstep {__version__}\n", "")


def test_a_command_loads_what_it_needs_and_not_what_others_do() -> None:
    """To halt a daemon must not take the time that an HTTP server, Arrow and a database need to be loaded."""
    code = (
        "import sys; from daemon.cli import run; code = run(['status', 'none', '--logs', 'none']); "
        "heavy = ('aiohttp', 'pyarrow', 'sqlite_utils', 'ccxt', 'websockets', 'daemon.app.live'); "
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{Exit.JOURNAL.value} []"


def test_a_misspelt_command_is_told_which_one_was_meant(call: Caller) -> None:
    called = call("halte")
    assert called.code == Exit.USAGE
    assert "Did you mean 'halt'?" in called.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(call: Caller, command: str) -> None:
    called = call(command, "--help")
    assert called.code == Exit.OK
    assert f"Usage: lockstep {command}" in called.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["shadow"],
        ["shadow", "a.toml", "--fly"],
        ["shadow", "a.toml", "--inputs", "-1"],
        ["explain", "latest", "first"],
        ["explain", "latest", "0"],
        ["compare", "a", "b", "--min-rate", "2"],
        ["sandbox", "--port", "70000"],
        ["config"],
    ],
)
def test_a_command_line_that_makes_no_sense_is_a_usage_error(call: Caller, arguments: list[str]) -> None:
    called = call(*arguments)
    assert called.code == Exit.USAGE
    assert called.out == ""
    assert "lockstep" in called.err or "Usage" in called.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 3),
        (errors.DataError, 4),
        (errors.JournalError, 5),
        (errors.JournalFailed, 5),
        (errors.FeedError, 6),
        (errors.ReplayDiverged, 7),
        (errors.RunLocked, 8),
        (errors.LockstepError, 9),
        (errors.FrameError, 9),
        (errors.StrategyFailed, 9),
        (errors.InvariantBroken, 70),
    ],
)
def test_every_error_has_its_exit_code(kind: type[errors.LockstepError], code: int) -> None:
    assert exit_of(kind("what", cure="how")) == code


def test_a_corrupt_run_ends_like_any_run_that_cannot_be_read() -> None:
    assert exit_of(errors.JournalCorrupt("flipped", file="inputs-000001.jsonl", offset=1, seq=2)) == 5


@pytest.mark.process
@pytest.mark.parametrize("option", ["--json", "--help"])
def test_a_reader_that_leaves_early_sees_no_stack_trace(tmp_path: Path, option: str) -> None:
    process = start("runs", "--logs", tmp_path, option)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, _, said = finish(process)
    assert said == ""
