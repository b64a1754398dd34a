"""Finds strategies: by entry point (`lockstep.strategies`) or as `path/to/file.py:Class`."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeGuard, get_type_hints

from msgspec import Struct

from daemon.config import decode
from daemon.core.errors import ConfigError, StrategyFailed
from daemon.core.strategy import Strategy

GROUP = "lockstep.strategies"
PARTS = ("triggers", "window", "warmup")


class LoadedStrategy(Struct, frozen=True):
    """A strategy class, the type of its settings, and the SHA-256 of the file that defines it."""

    factory: Any
    settings_type: type[Struct]
    digest: str

    def build(self, settings: dict[str, Any], symbol: str, where: str) -> Strategy:
        """Make one instance for a symbol.

        Raises:
            ConfigError: the settings do not fit; the message names the key below `where`.
            StrategyFailed: its constructor raised, or left out what a strategy must have.
        """
        decoded = decode(settings, self.settings_type, name="configuration", path=where)
        try:
            built: Strategy = self.factory(decoded, symbol)
        except Exception as error:
            message = f"{where}: making the strategy for {symbol} raised {type(error).__name__}: {error}"
            raise StrategyFailed(message, cure="mend its __init__, or its settings") from error
        missing = [name for name in PARTS if not hasattr(built, name)]
        if missing:
            cure = "set them in __init__; see docs/strategies.md"
            raise StrategyFailed(f"{where}: the strategy has no {', '.join(missing)}", cure=cure)
        return built


def load_strategy(use: str, *, base: Path, where: str) -> LoadedStrategy:
    """Load a strategy class.

    Args:
        use: name of an entry point, or a file and a class, the file relative to `base`.
        base: folder of the configuration file.
        where: path of the key, for errors.

    Raises:
        ConfigError: there is no such strategy, or it is not shaped like one.
    """
    factory = _from_file(use, base, where) if ":" in use else _from_entry_point(use, where)
    settings_type = get_type_hints(factory.__init__).get("settings")
    if not _is_struct(settings_type) or not callable(getattr(factory, "decide", None)):
        message = f"{where}: {use} is not a strategy"
        raise ConfigError(message, cure="give it __init__(self, settings: YourSettings, symbol: str) and decide()")
    source = inspect.getsourcefile(factory)
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest() if source else ""
    return LoadedStrategy(factory, settings_type, digest)


def _is_struct(kind: object) -> TypeGuard[type[Struct]]:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _from_entry_point(use: str, where: str) -> Any:
    found = {point.name: point for point in entry_points(group=GROUP)}
    if use not in found:
        close = get_close_matches(use, found, n=1)
        hint = (
            f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(found))}; a file is path.py:Class"
        )
        raise ConfigError(f"{where}: there is no strategy named {use!r}", cure=hint)
    return found[use].load()


def _from_file(use: str, base: Path, where: str) -> Any:
    name, _, attribute = use.rpartition(":")
    path = (base / name).resolve()
    if not path.is_file():
        raise ConfigError(f"{where}: there is no file {path}", cure="the path is relative to the configuration file")
    module_name = f"lockstep_strategy_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{where}: {path} is not a Python file", cure="name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        message = f"{where}: {path} cannot be imported: {type(error).__name__}: {error}"
        raise ConfigError(message, cure="mend the file; `python <file>` shows where it fails") from error
    if not hasattr(module, attribute):
        raise ConfigError(f"{where}: {path} has no class {attribute!r}", cure="check the name after the colon")
    return getattr(module, attribute)
