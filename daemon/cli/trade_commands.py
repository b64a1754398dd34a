"""`lockstep trade`: the one command that may send orders to a venue."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.app.live import run_live
from daemon.app.runs import Mode
from daemon.app.trade import TradeOptions, Trading
from daemon.cli.live_runs import Inputs, Loop, New, Until, live_options, run_and_show
from daemon.cli.options import AsJson, ConfigFile, Logs, logs_of, plan_from
from daemon.cli.run_output import ProgressLines
from daemon.config import require_active_lane

Consent = Annotated[
    list[str] | None,
    typer.Option(help="Account id that may be traded with real money by this start; may be given several times."),
]
Halted = Annotated[bool, typer.Option("--halted", help="Start halted; `lockstep resume` takes it back.")]
Panic = Annotated[bool, typer.Option("--panic", help="Cancel and close everything, and end when that is proved.")]


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(trade)


def trade(
    config: ConfigFile,
    consent: Consent = None,
    halted: Halted = False,
    panic: Panic = False,
    until: Until = "",
    inputs: Inputs = 0,
    new: New = False,
    loop: Loop = "uvloop",
    logs: Logs = None,
    progress: ProgressLines = False,
    as_json: AsJson = False,
) -> int:
    """Decide on the live market and trade at the venue; needs consent. An unfinished run is continued."""
    plan = plan_from(config)
    require_active_lane(plan.config, str(config))
    options = live_options(until, inputs, new, loop, flat=panic)
    where = logs_of(logs, plan)
    wish = TradeOptions(consents=tuple(consent or ()), halted=halted, panic=panic)
    trading = Trading.prepare(plan, where, wish)
    return run_and_show(
        Mode.TRADE,
        options,
        progress,
        as_json,
        lambda watch: run_live(Mode.TRADE, trading.plan, where, options, watch, broker=trading),
    )
