"""The command line: reads arguments, calls `daemon.app`, renders what comes back, ends with a documented exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer._click.exceptions import ClickException  # typer ships its own click and re-exports a part

from daemon import __version__
from daemon.cli.commands import Commands
from daemon.cli.exits import Exit, exit_of
from daemon.cli.output import results, show_json, talk
from daemon.core.errors import LockstepError
from daemon.log import log_to_stderr

HELP = "An event-sourced trading daemon: trade, shadow, replay and backtest with one engine, and proof that they agree."

app = typer.Typer(
    name="lockstep",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        results.print(f"lockstep {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `lockstep` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Stack traces are for bugs only."""
    as_json = "--json" in arguments
    log_to_stderr()
    try:
        code = app(list(arguments), standalone_mode=False, prog_name="lockstep")
    except typer.Abort:
        return Exit.INTERRUPTED
    except ClickException as error:
        error.show(sys.stderr)
        return Exit.USAGE if arguments else Exit.OK
    except LockstepError as error:
        talk.print(f"error: {error}", markup=False, soft_wrap=True)
        if as_json:
            show_json({"error": {"kind": type(error).__name__, "message": error.message, "cure": error.cure}})
        return exit_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return int(code or 0)
