"""Text to plain data: TOML, YAML and JSON read so that the same keys mean the same in all three.

A key may stand once. YAML is read by the scalar rules of its version 1.2 ("off", "no" and "1:30" are text, 1e-3 is a
number), without tags, anchors and aliases, so that a file can neither name code nor grow when read.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, Literal

import yaml

from daemon.config.plain import MAX_DEPTH, ONCE, Repeated, describe, scan
from daemon.config.problem import Problem, as_error
from daemon.core.errors import ConfigError

Format = Literal["toml", "yaml", "json"]

MAX_CHARACTERS = 1 << 20


class _Refused(Exception):
    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.problem = Problem("", what, cure)


def read_document(text: str, kind: Format, name: str) -> dict[str, Any]:
    """Read a configuration text into plain data.

    Args:
        text: the whole file.
        kind: its format.
        name: what to call it in errors.

    Raises:
        ConfigError: it is not well formed, or holds what a configuration may not hold.
    """
    try:
        document = _parse(text, kind)
        problems = scan(document, "")
    except _Refused as refused:
        raise as_error(name, [refused.problem]) from None
    if problems:
        raise as_error(name, problems)
    if not isinstance(document, dict):
        what = f"the file holds {describe(document)} instead of a table"
        raise as_error(name, [Problem("", what, "Begin with keys such as [feed] and [[lanes]]; see examples/.")])
    return document


def _parse(text: str, kind: Format) -> object:
    if len(text) > MAX_CHARACTERS:
        raise _Refused("the file is longer than 1 MiB", "A configuration is a few pages; is this another file?")
    try:
        return _PARSERS[kind](text)
    except RecursionError:
        raise _Refused("lists or tables are nested too deeply", f"Nest at most {MAX_DEPTH} levels.") from None
    except yaml.YAMLError as error:
        raise _Refused(_yaml_reason(error), "Correct the YAML at that place.") from None
    except ValueError as error:
        cure = ONCE if "overwrite" in str(error) or "twice" in str(error) else f"Correct the {kind.upper()} there."
        raise _Refused(f"not {kind.upper()}: {error}", cure) from None


def _yaml_reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"not YAML: {error.problem} (at line {mark.line + 1}, column {mark.column + 1})"
    return f"not YAML: {' '.join(str(error).split())}"


def _parse_toml(text: str) -> object:
    return tomllib.loads(text)


def _parse_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_once)


def _parse_yaml(text: str) -> object:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


_PARSERS: dict[Format, Callable[[str], object]] = {"toml": _parse_toml, "yaml": _parse_yaml, "json": _parse_json}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) == len(pairs):
        return table
    seen: set[str] = set()
    marked = Repeated(table)
    marked.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return marked


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2, without tags, anchors and aliases; refuses a key that comes twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - filled below, per class

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        at = f"(at line {event.start_mark.line + 1}, column {event.start_mark.column + 1})"
        if getattr(event, "anchor", None) is not None:
            raise _Refused(f"YAML anchors and aliases are not read {at}", "Write the value out where it is needed.")
        if getattr(event, "tag", None) is not None:
            raise _Refused(f"YAML tags are not read {at}", "Remove the word that begins with an exclamation mark.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            mark = key_node.start_mark
            at = f"(at line {mark.line + 1}, column {mark.column + 1})"
            if key_node.tag != "tag:yaml.org,2002:str":
                raise _Refused(f"a key is not text {at}", "Write keys as words, or in quotes.")
            if key_node.value in seen:
                raise _Refused(f"the key {key_node.value!r} stands twice {at}", ONCE)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


_NUMBER_STARTS = list("-+0123456789.")
for _tag, _shape, _first in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", _NUMBER_STARTS),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", _NUMBER_STARTS),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", _NUMBER_STARTS),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_shape})\Z"), _first)


def format_of(suffix: str, name: str) -> Format:
    """Format of a file by the ending of its name.

    Raises:
        ConfigError: the ending is none of .toml, .yaml, .yml and .json.
    """
    formats: dict[str, Format] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
    found = formats.get(suffix.lower())
    if found is None:
        raise ConfigError(
            f"{name}: cannot tell the format from the ending {suffix!r}",
            cure="Name the file .toml, .yaml, .yml or .json.",
        )
    return found
