"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.lanes import Plan
from daemon.config import load_config, parse_moment
from daemon.core.errors import ConfigError

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
ConfigFile = Annotated[Path, typer.Argument(help="Configuration file: TOML, YAML or JSON.")]
Logs = Annotated[Path | None, typer.Option(help="Where runs lie; storage.directory of the configuration by default.")]
RunName = Annotated[str, typer.Argument(help="A run: its folder, its id, or `latest`.")]


def plan_from(path: Path) -> Plan:
    """Load a configuration; its relative paths start from its folder.

    Raises:
        ConfigError: it cannot be used.
    """
    return Plan(load_config(path), path.resolve().parent)


def parse_time(option: str, text: str) -> int:
    """Nanoseconds UTC of an ISO 8601 time; UTC where it names no zone.

    Raises:
        ConfigError: it is not a time.
    """
    try:
        return parse_moment(text)
    except ValueError:
        raise ConfigError(
            f"{option}: {text!r} is not a time", cure='write for example "2026-01-31T12:00:00Z"'
        ) from None


def logs_of(logs: Path | None, plan: Plan) -> Path:
    """Where runs of a configuration go."""
    return logs or Path(plan.config.storage.directory)
