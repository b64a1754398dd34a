"""Which module holds which command. One is loaded when it is asked for: to halt a daemon takes no HTTP server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

import typer
from typer.core import TyperGroup

_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sandbox_commands": ("demo", "sandbox"),
        "live_commands": ("shadow", "record"),
        "offline_commands": ("backtest", "replay"),
        "trade_commands": ("trade",),
        "accept_commands": ("accept",),
        "control_commands": ("halt", "panic", "resume", "status"),
        "inspect_commands": ("compare", "verify", "explain", "report", "runs", "index"),
        "setup_commands": ("config", "doctor"),
    }
)
_HOMES = {name: part for part, names in _PARTS.items() for name in names}


class _OnDemand(Mapping[str, Any]):
    """Commands by name."""

    def __getitem__(self, name: str) -> Any:
        part = typer.Typer(add_completion=False, rich_markup_mode=None)
        import_module(f"daemon.cli.{_HOMES[name]}").add(part)
        return typer.main.get_group(part).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


class Commands(TyperGroup):
    """All commands; one is loaded when it is called, all of them to show the help of all."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", _OnDemand())
