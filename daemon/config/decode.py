"""Plain data to structs, with the exact path of everything that is wrong.

msgspec stops at the first problem and does not name the keys of tables; this walks the data beside the types first
and reports every unknown key, missing key and wrong value of the file at once.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from daemon.config import hints
from daemon.config.plain import check_data
from daemon.config.problem import Problem, as_error, join
from daemon.core.errors import LockstepError

T = TypeVar("T", bound=Struct)

OFF = "off"
_WORDS = {"`object`": "a table", "`array`": "a list", "`null`": "nothing", "`": ""}


def decode(data: object, kind: type[T], *, name: str, path: str = "") -> T:
    """Turn plain data into a struct and refuse what it does not know; also for the settings struct of a strategy.

    The text "off" stands for None in a key that may be None, because TOML has no null.

    Args:
        data: tables, lists and scalars.
        kind: the struct to make.
        name: file that the data came from, for errors.
        path: key path of the data in that file.

    Raises:
        ConfigError: every problem found, each with its path and cure.
    """
    check_data(data, name, path)
    data = _without_off(data, kind)
    problems = list(_problems(data, kind, path, _places(kind, "")))
    if problems:
        raise as_error(name, problems)
    return msgspec.convert(data, kind)


def _problems(data: object, kind: Any, path: str, places: Mapping[str, str]) -> list[Problem]:
    """Problems of a value against its type; those of its parts hide its own."""
    found = list(_part_problems(data, _bare(kind), path, places))
    return found or list(_own_problem(data, kind, path))


def _part_problems(data: object, bare: Any, path: str, places: Mapping[str, str]) -> Iterator[Problem]:
    if isinstance(data, dict) and _is_struct(bare):
        yield from _struct_problems(data, bare, path, places)
    elif isinstance(data, dict) and get_origin(bare) is dict:
        key_kind, item_kind = get_args(bare)
        for key, item in data.items():
            yield from _own_problem(key, key_kind, join(path, key), key="symbol")
            yield from _problems(item, item_kind, join(path, key), places)
    elif isinstance(data, list | tuple) and get_origin(bare) in (tuple, list):
        for index, item in enumerate(data):
            yield from _problems(item, get_args(bare)[0], join(path, index), places)


def _struct_problems(
    data: dict[str, Any], kind: type[Struct], path: str, places: Mapping[str, str]
) -> Iterator[Problem]:
    known = {each.encode_name: each for each in fields(kind)}
    for key, item in data.items():
        if key in known:
            yield from _problems(item, known[key].type, join(path, key), places)
        elif kind.__struct_config__.forbid_unknown_fields:
            yield Problem(join(path, key), "unknown key", hints.unknown_key(key, known, places))
    for key, each in known.items():
        if each.required and key not in data:
            yield Problem(join(path, key), "missing", hints.missing_key(key))


def _own_problem(data: object, kind: Any, path: str, key: str = "") -> Iterator[Problem]:
    try:
        msgspec.convert(data, kind)
    except (msgspec.ValidationError, ArithmeticError) as error:
        reason = str(error).partition(" - at `")[0] if isinstance(error, msgspec.ValidationError) else "not a number"
        if isinstance(data, dict) and (named := _field_named(reason, kind)):
            path, data = join(path, named), data.get(named)
            reason = reason.removeprefix(f"{named}: ")
        last = key or path.rpartition(".")[2].partition("[")[0]
        yield Problem(path, _plain(reason, data), hints.wrong_value(last, data, reason))
    except LockstepError as error:
        yield Problem(path, error.message, error.cure)


def _field_named(reason: str, kind: Any) -> str:
    """The field whose name begins a message of `__post_init__`; empty when there is none."""
    bare = _bare(kind)
    word = re.match(r"\w*", reason)
    named = word[0] if word else ""
    return named if _is_struct(bare) and any(each.encode_name == named for each in fields(bare)) else ""


def _plain(reason: str, data: object) -> str:
    """A reason of msgspec in plain words, with the value that was found."""
    for word, plain in _WORDS.items():
        reason = reason.replace(word, plain)
    if not reason.startswith("Expected") or not isinstance(data, str | int | float):
        return reason
    return f"{reason.partition(', got ')[0]}, got {repr(data)[:60]}"


def _without_off(data: object, kind: Any) -> object:
    """The data with None where "off" was written for something that may be None."""
    if data == OFF and type(None) in get_args(kind) and str not in get_args(kind):
        return None
    bare = _bare(kind)
    if isinstance(data, dict) and _is_struct(bare):
        kinds = {each.encode_name: each.type for each in fields(bare)}
        return {key: _without_off(item, kinds.get(key)) for key, item in data.items()}
    if isinstance(data, dict) and get_origin(bare) is dict:
        return {key: _without_off(item, get_args(bare)[1]) for key, item in data.items()}
    if isinstance(data, list | tuple) and get_origin(bare) in (tuple, list):
        return [_without_off(item, get_args(bare)[0]) for item in data]
    return data


def _bare(kind: Any) -> Any:
    """A type without its constraints and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        others = [each for each in get_args(kind) if each is not type(None)]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _places(kind: Any, place: str) -> dict[str, str]:
    """Each key below a type and the name of the first table that it may stand in."""
    bare = _bare(kind)
    if get_origin(bare) in (tuple, list):
        return _places(get_args(bare)[0], f"{place}[]")
    if get_origin(bare) is dict:
        return _places(get_args(bare)[1], f"{place}.*")
    if not _is_struct(bare):
        return {}
    found = {each.encode_name: place or "the top of the file" for each in fields(bare)}
    for each in fields(bare):
        found = {**_places(each.type, join(place, each.encode_name)), **found}
    return found
