"""Commands that make runs of what lies on the disk: backtest, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.offline import backtest as run_backtest
from daemon.app.offline import replay as run_replay
from daemon.app.run_folders import find_run
from daemon.cli.options import AsJson, ConfigFile, Logs, logs_of, plan_from
from daemon.cli.run_output import ProgressLines, bar_or_lines, done


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(backtest)
    app.command()(replay)


def backtest(config: ConfigFile, logs: Logs = None, progress: ProgressLines = False, as_json: AsJson = False) -> int:
    """Run the configured strategies over the configured history files."""
    plan = plan_from(config)
    with bar_or_lines("backtest", progress) as step:
        result = run_backtest(plan, logs_of(logs, plan), progress=step)
    return done(result, as_json)


def replay(
    run: Annotated[str, typer.Argument(help="A run: its folder, its id, or `latest`.")],
    config: Annotated[Path | None, typer.Option(help="Try another configuration on the same inputs.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Where the new run goes; beside the old one by default.")] = None,
    progress: ProgressLines = False,
    as_json: AsJson = False,
) -> int:
    """Run a recorded run's inputs again, into a new run; compare the two with `lockstep compare`."""
    directory = logs or Path("logs")
    run_dir = find_run(run, directory)
    plan = plan_from(config) if config else None
    with bar_or_lines("replay", progress) as step:
        result = run_replay(run_dir, logs or run_dir.parent, progress=step, plan=plan)
    return done(result, as_json)
