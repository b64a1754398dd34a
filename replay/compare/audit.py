"""The parameter audit: every value that differs between two nested structures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay.compare.result import Difference


def differences(left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    """List what differs between two configurations (or any JSON values) as (path, left, right).

    Paths are keys joined by dots with list places in brackets, such as `lanes[0].capital`, in sorted order; a value
    that one side lacks is None. 1, 1.0 and true are three different values, as they are in a file.
    """
    return [(item.path, item.left, item.right) for item in walk("", left, right)]


def walk(path: str, left: Any, right: Any) -> Iterator[Difference]:
    """Yield the differences below a path."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from _walk_item(f"{path}.{key}" if path else str(key), key, left, right)
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for index in range(max(len(left), len(right))):
            yield from _walk_item(f"{path}[{index}]", index, dict(enumerate(left)), dict(enumerate(right)))
    elif type(left) is not type(right) or left != right:
        yield Difference(path, left, right)


def _walk_item(path: str, key: Any, left: dict[Any, Any], right: dict[Any, Any]) -> Iterator[Difference]:
    if key in left and key in right:
        yield from walk(path, left[key], right[key])
    else:
        yield Difference(path, left.get(key), right.get(key))
