"""Real processes: the command line as users start it, and children that are cheap to kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
POLL_S = 0.002
LOADED = ["daemon.cli", "daemon.cli.live_commands"]
"""What a fork server has loaded already when a child runs a command."""


def command(*arguments: object, flags: tuple[str, ...] = ()) -> list[str]:
    """A command line of ours."""
    return [sys.executable, *flags, "-m", "daemon.cli", *(str(argument) for argument in arguments)]


def start(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command; its output is kept."""
    environment = {**os.environ, **(env or {})}
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
    )


def finish(process: subprocess.Popen[bytes], timeout_s: float = PATIENCE_S) -> tuple[int, bytes, str]:
    """Wait for a command: exit code, stdout, stderr."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {timeout_s} s: {err.decode()}") from None
    return process.returncode, out, err.decode()


def call(*arguments: object, env: Mapping[str, str] | None = None) -> Any:
    """Run a command that must succeed, and return its JSON."""
    code, out, err = finish(start(*arguments, "--json", env=env))
    assert code == 0, err
    return msgspec.json.decode(out)


@contextmanager
def sandbox(*options: str) -> Iterator[dict[str, str]]:
    """A `lockstep sandbox` process that waits for its first client; yields its addresses."""
    process = start("sandbox", "--start", "first_subscription", "--json", *options)
    assert process.stdout is not None
    try:
        yield msgspec.json.decode(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def run_cli(arguments: list[str], output: str) -> None:
    """Body of a child: a command line, with everything it says in a file."""
    with Path(output).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from daemon.cli import run  # noqa: PLC0415 - loaded by the fork server already

    os._exit(run(arguments))


def fork_cli(*arguments: object, output: Path) -> ForkServerProcess:
    """Run a command in a process of its own that is forked, so that it need not import everything first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LOADED, "tests.simulation.processes"])
    process = context.Process(target=run_cli, args=([str(argument) for argument in arguments], str(output)))
    process.start()
    return process


def pause(pid: int) -> None:
    """Stop a process in the middle of whatever it does, and wait until every thread of it stands still."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(_state(task / "stat") in "TZX" for task in _entries(tasks)), "the process stops")


def state_of(pid: int) -> str:
    """State of a process as the kernel tells it: R, S, D, T, Z; X when there is none."""
    return _state(Path(f"/proc/{pid}/stat"))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _state(stat: Path) -> str:
    try:
        return stat.read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Look again and again until something holds.

    Raises:
        AssertionError: it does not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain until {what}"
        time.sleep(POLL_S)
