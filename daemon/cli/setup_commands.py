"""Commands that look at the set-up: config check, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.app.doctor import examine
from daemon.app.lanes import build_pipeline
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.options import AsJson, ConfigFile, plan_from
from daemon.cli.output import bar, show
from daemon.config import config_digest, config_document


def add(app: typer.Typer) -> None:
    """Register the commands."""
    config = typer.Typer(help="Work with configuration files.", no_args_is_help=True)
    config.command("check")(check)
    app.add_typer(config, name="config")
    app.command()(doctor)


def check(config: ConfigFile, as_json: AsJson = False) -> int:
    """Load a configuration and its strategies as a run would, and show it with all defaults filled in."""
    plan = plan_from(config)
    build_pipeline(plan, None)
    found = {"digest": config_digest(plan.config), "config": config_document(plan.config)}
    show(found, lambda: render.configuration(found), as_json=as_json)
    return Exit.OK


def doctor(
    config: Annotated[str, typer.Argument(help="Configuration whose venue is asked too.")] = "", as_json: AsJson = False
) -> int:
    """Examine the machine: interpreter, packages, disk, clock, and with a configuration the venue."""
    with bar("doctor: examining") as step:
        found = examine(config, step)
    show(found, lambda: render.examination(found), as_json=as_json)
    return Exit.OK if all(finding.ok for finding in found.findings) else Exit.FAILED
