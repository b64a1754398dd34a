"""The examples load, and the documentation names every key."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from adapters.sandbox.risk_tiers import tiers_of
from daemon.config import (
    AccountSettings,
    Config,
    OrderSettings,
    RiskTierSettings,
    config_document,
    config_from_document,
    load_config,
    schema,
)
from daemon.core.guards import GuardSettings
from daemon.core.venue import ExchangeSettings
from replay.history import HistoryFile
from strategies.baseline_perps import Settings

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
STRUCTS: list[type[Struct]] = [
    Config,
    *(getattr(schema, name) for name in dir(schema) if name.endswith("Settings") or name == "StaleAfter"),
    GuardSettings,
    ExchangeSettings,
    RiskTierSettings,
    OrderSettings,
    HistoryFile,
    Settings,
]


def test_there_are_the_promised_examples() -> None:
    assert [path.name for path in EXAMPLES] == [
        "backtest.toml",
        "breakout.toml",
        "demo.toml",
        "lanes.toml",
        "record.toml",
        "shadow.toml",
    ]
    readme = (ROOT / "examples" / "README.md").read_text()
    assert all(f"`{path.name}`" in readme for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads(path: Path) -> None:
    config = load_config(path)
    assert bool(config.active_lanes) == (path.name != "record.toml")
    assert config_document(config_from_document(config_document(config))) == config_document(config)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_names_strategies_settings_and_files_that_exist(path: Path) -> None:
    config = load_config(path)
    used = [strategy for lane in config.lanes for strategy in lane.strategies]
    assert all(msgspec.convert(strategy.settings, Settings) for strategy in used if strategy.use == "baseline_perps")
    files = [msgspec.convert(entry, HistoryFile) for entry in config.history]
    assert all((path.parent / file.path).is_file() for file in files)
    assert all(file.symbol in config.instruments for file in files)


def test_the_tiers_of_an_example_are_the_first_of_the_sandbox() -> None:
    instruments = load_config(ROOT / "examples" / "backtest.toml").instruments
    tiers = instruments["BTCUSDT"].instrument("BTCUSDT").risk_tiers
    assert len(tiers) == 3
    assert tiers == tiers_of("BTCUSDT")[:3]


def test_the_commented_example_shows_the_defaults() -> None:
    shadow = load_config(ROOT / "examples" / "shadow.toml")
    plain = Config(feed=schema.FeedSettings(symbols=shadow.feed.symbols))
    assert (shadow.venue, shadow.feed, shadow.storage) == (plain.venue, plain.feed, plain.storage)
    assert shadow.accounts["paper"] == AccountSettings()
    assert msgspec.convert(shadow.lanes[0].strategies[0].settings, Settings) == Settings()


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_key_is_documented(kind: type[Struct]) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    keys = [field.encode_name for field in msgspec.structs.fields(kind)]
    tables = re.findall(r"^## `\[+([a-z]+)", text, re.MULTILINE)
    assert [key for key in keys if f"`{key}`" not in text and key not in tables] == []


def test_the_documented_defaults_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    for kind in STRUCTS:
        for field in msgspec.structs.fields(kind):
            row = re.search(rf"^\| `{field.encode_name}` \| `\"?([^`\"]*)\"?` \|", text, re.MULTILINE)
            if row and isinstance(field.default, int | float) and kind not in (GuardSettings, schema.StaleAfter):
                assert row[1] == str(field.default).lower(), field.encode_name
