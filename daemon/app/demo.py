"""`lockstep demo`: the main job end to end, in real processes over real sockets, with no keys and no internet.

A sandbox plays 24 hours of a recorded market; a shadow daemon subscribes to it as it would to Bybit and trades on the
simulated exchange; a new process replays the run; the two decision streams are compared.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from adapters.sandbox.market_data import DEMO_END_MS, DEMO_START_MS, DEMO_SYMBOLS
from daemon.app.parity import compare_runs
from daemon.app.sandbox import WARM_UP_MS
from daemon.config import iso_time
from daemon.core.errors import LockstepError
from daemon.core.units import NS_PER_MINUTE, NS_PER_MS
from replay.compare import Comparison, Verdict

START = (DEMO_START_MS - WARM_UP_MS) * NS_PER_MS
UNTIL = DEMO_END_MS * NS_PER_MS - NS_PER_MINUTE
STOP_AFTER_S = 15.0

CONFIG = """\
# Written by `lockstep demo`. See docs/configuration.md for every key.
[venue]
name = "bybit"
environment = "custom"      # the sandbox on loopback
rest_url = "{rest_url}"
public_url = "{public_url}"
clock = "venue"             # the sandbox runs faster than the world: time is what its frames say

[feed]
symbols = {symbols}
book_depth = 50
trades = true
tickers = true
klines = ["1m"]
timer_ms = 60000

[accounts.paper]
venue = "simulated"
balance_usdt = "10000"
leverage = "5"

[[lanes]]
name = "main"
account = "paper"

[lanes.guards]
max_leverage = 3.0
max_position_notional_usdt = 4000.0
max_daily_loss_usdt = 1000.0

[[lanes.strategies]]
name = "baseline"
use = "baseline_perps"

[lanes.strategies.settings]
fast = 20
slow = 60
position_fraction = 0.3
trailing_stop = 0.02
"""


class DemoResult(Struct, frozen=True, kw_only=True):
    """What the demo leaves behind: two runs, their comparison, and the shadow run's own summary."""

    shadow_run: str
    replay_run: str
    shadow_dir: str
    replay_dir: str
    parity: dict[str, Any]
    comparison: Comparison
    shadow: dict[str, Any]
    replay: dict[str, Any]


class Stages(Struct, frozen=True, kw_only=True):
    """How the demo shows what it does: each opens a bar that is told (done, total)."""

    bar: Callable[[str], Any]


def demo(directory: Path, stages: Stages, *, steps_per_minute: int = 12) -> DemoResult:
    """Run the demo; its runs go below `directory`.

    Raises:
        LockstepError: one of its processes failed; the message holds what it said.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _sandbox(steps_per_minute) as ready:
        config = directory / "demo.toml"
        symbols = msgspec.json.encode(list(DEMO_SYMBOLS)).decode()
        config.write_text(
            CONFIG.format(rest_url=ready["rest_url"], public_url=ready["public_url"], symbols=symbols), encoding="utf-8"
        )
        with stages.bar("shadow: 24 hours of BTC, ETH, SOL over a real websocket") as bar:
            shadow = _shadow(config, directory, bar)
    with stages.bar("replay: the recorded inputs in a new process") as bar:
        replayed = _replay(shadow, directory, bar)
    with stages.bar("compare: decision by decision") as bar:
        comparison = compare_runs(Path(shadow["run_dir"]), Path(replayed["run_dir"]))
        bar(comparison.decisions, comparison.decisions)
    return DemoResult(
        shadow_run=shadow["run"],
        replay_run=replayed["run"],
        shadow_dir=shadow["run_dir"],
        replay_dir=replayed["run_dir"],
        parity={
            "equal": comparison.verdict is Verdict.EQUAL,
            "decisions": comparison.decisions,
            "rate": comparison.rate,
        },
        comparison=comparison,
        shadow=shadow,
        replay=replayed,
    )


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "daemon.cli", *arguments]


@contextmanager
def _sandbox(steps_per_minute: int) -> Iterator[dict[str, str]]:
    arguments = [
        "sandbox",
        "--speed",
        "max",
        "--start",
        "first_subscription",
        "--steps",
        str(steps_per_minute),
        "--json",
    ]
    process = subprocess.Popen(_command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    try:
        assert process.stdout is not None, "a pipe was asked for"
        line = process.stdout.readline()
        if not line:
            raise _failed("sandbox", process)
        yield msgspec.json.decode(line)
    finally:
        process.terminate()
        try:
            process.wait(STOP_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _shadow(config: Path, logs: Path, bar: Callable[[int, int | None], None]) -> dict[str, Any]:
    arguments = [
        "shadow",
        str(config),
        "--new",
        "--until",
        iso_time(UNTIL),
        "--logs",
        str(logs),
        "--json",
        "--progress",
    ]
    minutes = (UNTIL - START) // NS_PER_MINUTE

    def show(progress: dict[str, Any]) -> None:
        bar(max(0, min(minutes, (progress["now"] - START) // NS_PER_MINUTE)), minutes)

    return _run("shadow", arguments, show)


def _replay(shadow: dict[str, Any], logs: Path, bar: Callable[[int, int | None], None]) -> dict[str, Any]:
    arguments = ["replay", shadow["run_dir"], "--logs", str(logs), "--json", "--progress"]
    return _run("replay", arguments, lambda progress: bar(progress["done"], progress["total"]))


def _run(name: str, arguments: list[str], show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run one of our commands; its stderr tells progress as JSON lines, its stdout ends with the result."""
    process = subprocess.Popen(_command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    assert process.stdout is not None, "a pipe was asked for"
    assert process.stderr is not None, "a pipe was asked for"
    try:
        said = _follow(process.stderr, show)
        result = process.stdout.read()
        if process.wait():
            raise LockstepError(f"demo: {name} ended with exit code {process.returncode}: {said}")
        decoded: dict[str, Any] = msgspec.json.decode(result)
        return decoded
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def _follow(pipe: IO[bytes], show: Callable[[dict[str, Any]], None]) -> str:
    """Show progress lines as they come; returns the last other lines."""
    said: list[bytes] = []
    for line in pipe:
        if line.startswith(b'{"progress":'):
            show(msgspec.json.decode(line)["progress"])
        else:
            said = [*said[-20:], line]
    return b"".join(said).decode(errors="replace").strip()


def _failed(name: str, process: subprocess.Popen[bytes]) -> LockstepError:
    process.wait(STOP_AFTER_S)
    said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    return LockstepError(f"demo: {name} did not start: {said}")
