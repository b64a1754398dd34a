"""What the commands that make live runs share: their options, their progress, how their end is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.app.catalog import add_run
from daemon.app.live import LiveOptions, Watchers
from daemon.app.runs import Mode, RunResult
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.options import parse_time
from daemon.cli.output import Step, bar, show
from daemon.core.errors import ConfigError
from daemon.core.units import NEVER

PROGRESS_EVERY = 2_000
ProgressLines = Annotated[bool, typer.Option("--progress", hidden=True, help="Tell progress as JSON lines on stderr.")]
Until = Annotated[str, typer.Option(help="Stop at this time of the run's clock, ISO 8601, UTC unless it says so.")]
Inputs = Annotated[int, typer.Option(min=0, help="Stop after this many inputs; 0 for no limit.")]
New = Annotated[bool, typer.Option("--new", help="Start a new run even if one can be continued.")]
Loop = Annotated[str, typer.Option(help="Event loop: uvloop or asyncio.")]


def live_options(until: str, inputs: int, new: bool, loop: str, *, flat: bool = False) -> LiveOptions:
    """Options of a live run, as typed.

    Raises:
        ConfigError: one cannot be used.
    """
    if loop not in ("uvloop", "asyncio"):
        raise ConfigError(f"--loop: {loop!r} is not an event loop", cure="use uvloop or asyncio")
    return LiveOptions(
        until=parse_time("--until", until) if until else NEVER,
        inputs_max=inputs,
        new=new,
        flat=flat,
        event_loop="asyncio" if loop == "asyncio" else "uvloop",
    )


def run_and_show(
    mode: Mode, options: LiveOptions, lines: bool, as_json: bool, run: Callable[[Watchers], RunResult]
) -> int:
    """Make a live run with a progress bar, or JSON lines of progress, and show how it ended."""
    with bar_or_lines(f"{mode}: inputs", lines) as step:
        last = 0

        def live(inputs: int, now: int) -> None:
            nonlocal last
            if inputs - last < PROGRESS_EVERY:
                return
            last = inputs
            if lines:
                _line({"done": inputs, "total": None, "now": now})
            else:
                step(inputs, options.inputs_max or None)

        result = run(Watchers(live=live, folding=step))
    return done(result, as_json)


def bar_or_lines(title: str, lines: bool) -> AbstractContextManager[Step]:
    """A progress bar, or JSON lines of progress."""
    return nullcontext(_every(PROGRESS_EVERY)) if lines else bar(title)


def _every(inputs: int) -> Callable[[int, int | None], None]:
    last = 0

    def step(done: int, total: int | None) -> None:
        nonlocal last
        if done - last >= inputs or done == total:
            last = done
            _line({"done": done, "total": total, "now": 0})

    return step


def _line(progress: dict[str, int | None]) -> None:
    sys.stderr.write(msgspec.json.encode({"progress": progress}).decode() + "\n")
    sys.stderr.flush()


def done(result: RunResult, as_json: bool) -> int:
    """Show how a run ended; one that was stopped at once is not sealed."""
    add_run(Path(result.run_dir))
    show(result, lambda: render.run_result(result), as_json=as_json)
    return Exit.OK if result.sealed else Exit.INTERRUPTED
