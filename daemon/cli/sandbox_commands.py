"""Commands around the embedded market: demo, sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapters.sandbox.settings import SandboxSettings
from daemon.app import demo as demo_app
from daemon.app.report import first_order, report_run
from daemon.app.sandbox import GatewayChoice, MarketChoice, SandboxReady, run_sandbox, with_accounts
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.options import AsJson
from daemon.cli.output import bar, results, show, show_json, talk
from daemon.core.errors import ConfigError


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(demo)
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
