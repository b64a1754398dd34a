"""Finding strategies, and what is said of those that cannot be used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from daemon.app.strategies import load_strategy
from daemon.core.errors import ConfigError, StrategyFailed
from strategies.baseline_perps import BaselinePerps, Settings
from tests.simulation.configs import STRATEGIES

HEAD = "from msgspec import Struct\n\nclass S(Struct):\n    n: int = 1\n\n"


def test_a_strategy_is_found_by_its_entry_point() -> None:
    loaded = load_strategy("baseline_perps", base=Path(), where="lanes.a")
    assert loaded.factory is BaselinePerps
    assert loaded.settings_type is Settings
    built = loaded.build({"fast": 3, "slow": 9}, "BTCUSDT", "lanes.a.settings")
    assert built.window == 9


def test_a_strategy_is_found_in_a_file_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(STRATEGIES.read_bytes())
    loaded = load_strategy("mine.py:Swing", base=tmp_path, where="lanes.a")
    assert loaded.digest == hashlib.sha256(STRATEGIES.read_bytes()).hexdigest()
    assert loaded.build({}, "BTCUSDT", "lanes.a").window == 4


def test_two_files_of_the_same_name_are_two_modules(tmp_path: Path) -> None:
    for name, window in (("a", 2), ("b", 7)):
        (tmp_path / name).mkdir()
        text = STRATEGIES.read_text().replace("self.window = 4", f"self.window = {window}")
        (tmp_path / name / "mine.py").write_text(text)
    loaded = [load_strategy(f"{name}/mine.py:Swing", base=tmp_path, where="x") for name in ("a", "b")]
    assert [one.build({}, "BTCUSDT", "x").window for one in loaded] == [2, 7]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no class 'Mine'"),
        ("import nothing_of_that_name\n", "cannot be imported: ModuleNotFoundError"),
        ("class Mine:\n", "cannot be imported: "),
        ("import os\nos.no_such_name\n", "cannot be imported: AttributeError"),
        ("class Mine:\n    pass\n", "is not a strategy"),
        (HEAD + "class Mine:\n    def __init__(self, settings: S, symbol: str) -> None: ...\n", "is not a strategy"),
        ("Mine = 3\n", "is not a strategy"),
    ],
)
def test_a_file_without_a_usable_strategy_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_strategy("mine.py:Mine", base=tmp_path, where="lanes.a.use")
    assert said in caught.value.message
    assert caught.value.message.startswith("lanes.a.use: ")
    assert caught.value.cure


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no strategy named 'zzz'") as caught:
        load_strategy("zzz", base=Path(), where="lanes.a.use")
    assert "baseline_perps" in caught.value.cure


def test_settings_that_do_not_fit_are_refused_by_their_key() -> None:
    loaded = load_strategy("baseline_perps", base=Path(), where="lanes.a")
    with pytest.raises(ConfigError, match=r"lanes\.a\.settings.*fast"):
        loaded.build({"fast": "three"}, "BTCUSDT", "lanes.a.settings")


@pytest.mark.parametrize(
    ("body", "said"),
    [("raise RuntimeError('no')", "raised RuntimeError: no"), ("self.window = 3", "has no triggers")],
)
def test_a_strategy_that_cannot_be_made_is_named(tmp_path: Path, body: str, said: str) -> None:
    text = f"{HEAD}class Mine:\n    def __init__(self, settings: S, symbol: str) -> None:\n        {body}\n\n"
    (tmp_path / "mine.py").write_text(text + "    def decide(self, snapshot: object) -> object: ...\n")
    loaded = load_strategy("mine.py:Mine", base=tmp_path, where="x")
    with pytest.raises(StrategyFailed) as caught:
        loaded.build({}, "BTCUSDT", "x")
    assert said in caught.value.message
