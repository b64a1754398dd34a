"""Problems of a configuration: where, what, and the cure; several are reported together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from daemon.core.errors import ConfigError

SHOWN = 20


class Problem(Struct, frozen=True):
    """One thing that is wrong. path: the key, such as `lanes[0].guards.max_leverage`; empty for the whole file."""

    path: str
    what: str
    cure: str


def join(path: str, key: str | int) -> str:
    """Path of a key or of the item at an index below a path."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def repeated(names: Iterable[str], path: str, key: str = "") -> Iterator[Problem]:
    """A problem for each name that stands before; `key` is that of the name in the items of a list at `path`."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            place = join(path, index)
            yield Problem(join(place, key) if key else place, f"{name!r} stands twice", "Each must be unique.")
        seen.add(name)


def as_error(name: str, problems: Sequence[Problem]) -> ConfigError:
    """One error for all problems of the file called `name`; its message starts with the file and the first path."""
    shown = problems[:SHOWN]
    lines = [f"{_line(name, problem)}\n  cure: {problem.cure}" for problem in shown[:-1]]
    left = len(problems) - len(shown)
    cure = shown[-1].cure + (f" ({left} more problems are not shown.)" if left else "")
    return ConfigError("\n".join([*lines, _line(name, shown[-1])]), cure=cure)


def _line(name: str, problem: Problem) -> str:
    return ": ".join(part for part in (name, problem.path, problem.what) if part)
