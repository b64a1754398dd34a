"""Plain data: what a configuration may hold in any of its formats.

Text, true, false, null, lists, tables with text as keys, and numbers that are finite and fit 64 bits.
"""

from __future__ import annotations

import math
from typing import Any

from daemon.config.problem import Problem, as_error, join

MAX_DEPTH = 24
ONCE = "Write each key once; remove or rename one of them."
A_NUMBER = "Write a number, or remove the key to get the default."
NOT_NUMBERS = frozenset({"nan", "inf", "infinity", "snan"})


class Repeated(dict[str, Any]):
    """A table in which `key` stood more than once; only `scan` knows its path."""

    key: str


def check_data(data: object, name: str, path: str) -> None:
    """Refuse plain data that no configuration file could hold (not finite, too large, keys that are not text).

    Raises:
        ConfigError: with the path of each such value, below `path`.
    """
    if problems := scan(data, path):
        raise as_error(name, problems)


def scan(value: object, path: str, depth: int = 0) -> list[Problem]:
    """Everything in plain data that is not allowed, with its path below `path`."""
    if depth > MAX_DEPTH:
        return [Problem(path, "nested too deeply", f"Nest at most {MAX_DEPTH} levels.")]
    if isinstance(value, dict):
        return _scan_table(value, path, depth)
    if isinstance(value, list | tuple):
        return [found for index, item in enumerate(value) for found in scan(item, join(path, index), depth + 1)]
    reason = _refusal(value)
    return [Problem(path, *reason)] if reason else []


def _scan_table(table: dict[Any, Any], path: str, depth: int) -> list[Problem]:
    found = [Problem(join(path, table.key), "the key stands twice", ONCE)] if isinstance(table, Repeated) else []
    for key, item in table.items():
        if not isinstance(key, str) or not key.isprintable():
            found.append(Problem(path, f"the key {key!r} is not printable text", "Write keys as words."))
        else:
            found.extend(scan(item, join(path, key), depth + 1))
    return found


def _refusal(value: object) -> tuple[str, str] | None:
    """What is wrong with a scalar, and the cure; None when it is fine."""
    refused: tuple[str, str] | None = None
    match value:
        case None | bool():
            pass
        case float() if not math.isfinite(value):
            refused = f"{value} is not a finite number", A_NUMBER
        case int() if not -(2**63) <= value < 2**63:
            refused = "the number does not fit 64 bits", "Write a smaller number, or text in quotes."
        case str() if value.strip().lstrip("+-").lower() in NOT_NUMBERS:
            refused = f"{value!r} is not a finite number", A_NUMBER
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            refused = "the text holds half a character (a lone surrogate)", "Write the character itself."
        case int() | float() | str():
            pass
        case _:
            refused = f"{describe(value)} is not allowed here", "Write it as text, in quotes."
    return refused


def describe(value: object) -> str:
    """A value in words, for errors."""
    names = {dict: "a table", list: "a list", str: "a text", type(None): "nothing", bool: "true or false"}
    return names.get(type(value), f"a value of type {type(value).__name__}")
