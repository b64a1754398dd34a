"""What the commands that make live runs share: their options, and how they go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from daemon.app.live import LiveOptions, Watchers
from daemon.app.runs import Mode, RunResult
from daemon.cli.options import parse_time
from daemon.cli.run_output import PROGRESS_EVERY, bar_or_lines, done, progress_line
from daemon.core.errors import ConfigError
from daemon.core.units import NEVER

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
                progress_line({"done": inputs, "total": None, "now": now})
            else:
                step(inputs, options.inputs_max or None)

        result = run(Watchers(live=live, folding=step))
    return done(result, as_json)
