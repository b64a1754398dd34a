"""What the commands that make runs show: their progress, and how they ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.app.catalog import add_run
from daemon.app.runs import RunResult
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.output import Step, bar, show

PROGRESS_EVERY = 2_000
ProgressLines = Annotated[bool, typer.Option("--progress", hidden=True, help="Tell progress as JSON lines on stderr.")]


def bar_or_lines(title: str, lines: bool) -> AbstractContextManager[Step]:
    """A progress bar, or JSON lines of progress."""
    return nullcontext(_every(PROGRESS_EVERY)) if lines else bar(title)


def _every(inputs: int) -> Callable[[int, int | None], None]:
    last = 0

    def step(done: int, total: int | None) -> None:
        nonlocal last
        if done - last >= inputs or done == total:
            last = done
            progress_line({"done": done, "total": total, "now": 0})

    return step


def progress_line(progress: dict[str, int | None]) -> None:
    """Tell progress as one JSON line."""
    sys.stderr.write(msgspec.json.encode({"progress": progress}).decode() + "\n")
    sys.stderr.flush()


def done(result: RunResult, as_json: bool) -> int:
    """Show how a run ended; one that was stopped at once is not sealed."""
    add_run(Path(result.run_dir))
    show(result, lambda: render.run_result(result), as_json=as_json)
    return Exit.OK if result.sealed else Exit.INTERRUPTED
