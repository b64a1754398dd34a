"""Whatever is written, in whatever format: the same configuration, or a ConfigError that says where."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config import Format, config_digest, config_document, config_from_document, parse_config
from daemon.core.errors import ConfigError
from tests.daemon.config.builders import FORMATS, documents, parse, places, write

many = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
hundred = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        return {key: shuffled(item, random) for key, item in items}
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


@hundred
@given(documents(), st.randoms(use_true_random=False))
def test_the_format_and_the_order_of_keys_do_not_change_the_digest(document: dict[str, Any], random: Any) -> None:
    configs = [parse(document, kind) for kind in FORMATS]
    configs += [parse(shuffled(document, random), kind) for kind in FORMATS]
    assert configs.count(configs[0]) == len(configs)
    assert len({config_digest(config) for config in configs}) == 1


@hundred
@given(documents())
def test_a_document_gives_back_the_same_configuration(document: dict[str, Any]) -> None:
    config = parse(document)
    again = config_from_document(config_document(config))
    assert again == config
    assert config_digest(again) == config_digest(config)
    assert all(parse(config_document(config), kind) == config for kind in ("json", "yaml"))


@hundred
@given(documents(), st.data())
def test_a_changed_value_changes_the_digest(document: dict[str, Any], data: st.DataObject) -> None:
    before = config_digest(parse(document))
    document["feed"]["timer_ms"] = 20_000 + data.draw(st.integers(0, 100))
    assert config_digest(parse(document)) != before


def test_where_a_run_is_written_does_not_change_the_digest() -> None:
    feed = '[feed]\nsymbols = ["BTCUSDT"]\n[storage]\n'
    texts = (feed + 'directory = "here"\nmin_free_mb = 1\n', feed + 'directory = "there"\nsegment_mb = 2\n')
    assert len({config_digest(parse_config(text, "toml", "storage.toml")) for text in texts}) == 1


def mutants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value of a document broken in each way in turn, with the path that an error must name."""
    for index, (path, _, _) in enumerate(places(document)):
        for kind in ("number", "type", "rename"):
            mutant = copy.deepcopy(document)
            _, container, key = list(places(mutant))[index]
            if (below := break_value(container, key, path, kind)) is not None:
                yield path.removesuffix(str(key)) + below if isinstance(key, str) else path, mutant


def break_value(container: Any, key: str | int, path: str, kind: str) -> str | None:
    """Break one value; returns the new key, or None when this cannot be broken in this way."""
    named_by_user = path.count(".") == 1 and path.startswith("accounts")
    free = ".settings." in path
    if kind == "number":
        container[key] = math.nan
    elif free or named_by_user:
        return None
    elif kind == "type":
        container[key] = 17 if isinstance(container[key], dict) else {"unexpected": [["?"]]}
    elif isinstance(key, int):
        return None
    else:
        container[f"{key}_x"] = container.pop(key)
        return f"{key}_x"
    return str(key)


def test_every_mutant_is_refused_with_the_path_of_the_mutation() -> None:
    seen = 0

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(documents().filter(lambda document: bool(document["lanes"])), st.sampled_from(FORMATS[::2]))
    def check(document: dict[str, Any], kind: Format) -> None:
        nonlocal seen
        for path, mutant in mutants(document):
            with pytest.raises(ConfigError) as caught:
                parse(mutant, kind, "folder/my.toml")
            assert str(caught.value).startswith("folder/my.toml: ")
            assert f"folder/my.toml: {path}" in str(caught.value)
            assert caught.value.cure
            seen += 1

    check()
    assert seen >= 1000


@many
@given(st.text(max_size=300) | st.text("{}[]:,\"'=#-&*!|>%@ \n\tab01.e+~", max_size=80), st.sampled_from(FORMATS))
def test_no_text_raises_anything_but_a_configuration_error(text: str, kind: Format) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, kind, "fuzz")
    assert str(caught.value).startswith("fuzz: ")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.sampled_from(FORMATS), st.data())
def test_a_damaged_file_is_read_or_refused(document: dict[str, Any], kind: Format, data: st.DataObject) -> None:
    text = write(document, kind)
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 5))
    damaged = text[:start] + data.draw(st.text(max_size=4)) + text[start + length :]
    try:
        config = parse_config(damaged, kind, "fuzz")
    except ConfigError as error:
        assert str(error).startswith("fuzz: ")  # noqa: PT017 - both outcomes are fine
    else:
        assert config_from_document(config_document(config)) == config
