"""Commands that follow a live market on paper: shadow, record."""

from __future__ import annotations

import typer

from daemon.app.live import run_live
from daemon.app.runs import Mode
from daemon.cli.live_runs import Inputs, Loop, New, Until, live_options, run_and_show
from daemon.cli.options import AsJson, ConfigFile, Logs, logs_of, plan_from
from daemon.cli.run_output import ProgressLines
from daemon.config import require_active_lane


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(shadow)
    app.command()(record)


def shadow(
    config: ConfigFile,
    until: Until = "",
    inputs: Inputs = 0,
    new: New = False,
    loop: Loop = "uvloop",
    logs: Logs = None,
    progress: ProgressLines = False,
    as_json: AsJson = False,
) -> int:
    """Decide on the live market and trade on the simulated exchange; an unfinished run is continued."""
    plan = plan_from(config)
    require_active_lane(plan.config, str(config))
    options = live_options(until, inputs, new, loop)
    where = logs_of(logs, plan)
    return run_and_show(
        Mode.SHADOW, options, progress, as_json, lambda watch: run_live(Mode.SHADOW, plan, where, options, watch)
    )


def record(
    config: ConfigFile,
    until: Until = "",
    inputs: Inputs = 0,
    new: New = False,
    loop: Loop = "uvloop",
    logs: Logs = None,
    progress: ProgressLines = False,
    as_json: AsJson = False,
) -> int:
    """Record the live feed without deciding anything; an unfinished recording is continued."""
    plan = plan_from(config)
    options = live_options(until, inputs, new, loop)
    where = logs_of(logs, plan)
    return run_and_show(
        Mode.RECORD, options, progress, as_json, lambda watch: run_live(Mode.RECORD, plan, where, options, watch)
    )
