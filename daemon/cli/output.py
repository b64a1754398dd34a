"""Where a command writes: results on stdout, talk on stderr; `--json` turns the result into one JSON object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH_OF_A_FILE = 200

talk = Console(stderr=True, highlight=False)
results = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)

Step = Callable[[int, int | None], None]


def show(value: Any, view: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Print a result as JSON, or as the picture that `view` makes of it."""
    if as_json:
        show_json(value)
    else:
        results.print(view())


def show_json(value: Any) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=_plain).decode() + "\n")
    sys.stdout.flush()


def _plain(value: object) -> str:
    """Paths are told as text."""
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"nothing that a command returns may hold a {type(value).__name__}")


@contextmanager
def bar(title: str, total: int | None = None) -> Iterator[Step]:
    """A progress bar on stderr; without a terminal only its beginning and end are told."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not talk.is_terminal
    if quiet:
        talk.print(f"{title} ...")
    with Progress(*columns, console=talk, disable=quiet) as progress:
        task = progress.add_task(title, total=total)

        def step(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield step
    if quiet:
        talk.print(f"{title}: done")
