"""Commands that make runs: demo, shadow, record, backtest, replay, sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapters.sandbox.settings import SandboxSettings
from daemon.app import demo as demo_app
from daemon.app.live import run_live
from daemon.app.offline import backtest as run_backtest
from daemon.app.offline import replay as run_replay
from daemon.app.report import first_order, report_run
from daemon.app.runs import Mode, find_run
from daemon.app.sandbox import GatewayChoice, MarketChoice, SandboxReady, run_sandbox, with_accounts
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.live_runs import Inputs, Loop, New, ProgressLines, Until, bar_or_lines, done, live_options, run_and_show
from daemon.cli.options import AsJson, ConfigFile, Logs, logs_of, plan_from
from daemon.cli.output import bar, results, show, show_json, talk
from daemon.config import require_active_lane
from daemon.core.errors import ConfigError


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(demo)
    app.command()(shadow)
    app.command()(record)
    app.command()(backtest)
    app.command()(replay)
    app.command()(sandbox)


def demo(
    directory: Annotated[Path, typer.Option(help="Where the runs go.")] = Path("logs/demo"),
    as_json: AsJson = False,
) -> int:
    """Shadow 24 recorded hours of three symbols, replay the run, compare: no keys, no internet, no server."""
    stages = demo_app.Stages(bar=bar)
    result = demo_app.demo(directory, stages)
    if as_json:
        show_json(result)
    else:
        shadow_dir = Path(result.shadow_dir)
        results.print(render.demo(result, report_run(shadow_dir), first_order(shadow_dir)))
    return Exit.OK if result.parity["equal"] else result.comparison.exit_code


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


def sandbox(
    speed: Annotated[str, typer.Option(help="Market time per real time, such as 60, or `max`.")] = "1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    start: Annotated[str, typer.Option(help="When the market starts: at_once or first_subscription.")] = "at_once",
    frames: Annotated[Path | None, typer.Option(help="Play this file of recorded Bybit frames instead.")] = None,
    binance: Annotated[list[Path] | None, typer.Option(help="Play these raw Binance captures instead.")] = None,
    steps: Annotated[int, typer.Option(min=4, max=600, help="Price steps a minute of the embedded market.")] = 12,
    accounts: Annotated[str, typer.Option(help="An accounts file, or `none`; two accounts by default.")] = "",
    personality: Annotated[str, typer.Option(help="What it plays: demo, live or testnet.")] = "demo",
    faults: Annotated[Path | None, typer.Option(help="A fault plan.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what really happened here, as JSON lines.")] = None,
    no_limits: Annotated[bool, typer.Option("--no-limits", help="Do not count requests against rate limits.")] = False,
    as_json: AsJson = False,
) -> int:
    """Serve a Bybit-compatible exchange on loopback that plays a recorded market, until interrupted."""
    choice = MarketChoice(frames=frames, binance=tuple(binance or ()), steps_per_minute=steps)
    trading = GatewayChoice(
        accounts=accounts, personality=personality, faults=faults, truth=truth, limits=not no_limits
    )
    settings = _sandbox_settings(speed, port, start, trading)

    def ready(where: SandboxReady) -> None:
        show(where, lambda: render.sandbox_ready(where), as_json=as_json)

    sent = run_sandbox(choice, settings, truth=truth, ready=ready)
    talk.print(f"sandbox: stopped after {sent} frames")
    return Exit.OK


def _sandbox_settings(speed: str, port: int, start: str, trading: GatewayChoice) -> SandboxSettings:
    wanted = {"speed": speed if speed == "max" else _number(speed), "port": port, "start": start}
    try:
        settings = msgspec.convert(wanted, SandboxSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"sandbox: {error}", cure="see `lockstep sandbox --help`") from None
    return with_accounts(settings, trading)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--speed: {text!r} is neither a number nor `max`", cure="try --speed 60") from None
