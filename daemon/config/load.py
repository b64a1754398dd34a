"""From a file to a checked configuration."""

from __future__ import annotations

from pathlib import Path

from daemon.config.document import config_from_document
from daemon.config.schema import Config
from daemon.config.syntax import Format, format_of, read_document
from daemon.core.errors import ConfigError


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: the file cannot be read, or is wrong; the message starts with the path as given.
    """
    name = str(path)
    kind = format_of(path.suffix, name)
    return parse_config(_read(path, name), kind, name)


def parse_config(text: str, format: Format, name: str) -> Config:  # noqa: A002 - the word users know
    """Read and check a configuration text.

    Args:
        text: the whole file.
        format: "toml", "yaml" or "json".
        name: what to call it in errors.

    Raises:
        ConfigError: every problem found, each with its path and cure.
    """
    return config_from_document(read_document(text, format, name), name)


def require_active_lane(config: Config, name: str) -> None:
    """Refuse a configuration that would trade nothing; every command but `record` needs an active lane.

    Raises:
        ConfigError: there is no active lane.
    """
    if not config.active_lanes:
        what = "no lane is active" if config.lanes else "there are no lanes"
        raise ConfigError(
            f"{name}: lanes: {what}", cure="Add a [[lanes]] table, or set active = true; only `record` runs without."
        )


def _read(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{name}: no such file", cure="Check the path, or copy one from examples/.") from None
    except IsADirectoryError:
        raise ConfigError(f"{name}: this is a folder", cure="Name the file itself.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 at byte {error.start}", cure="Save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(f"{name}: cannot be read: {reason}", cure="Check the path and the permissions.") from None
