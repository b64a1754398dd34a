"""Commands that look at the set-up: `config check` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sandbox.synthetic_market import demo_market
from daemon.cli.exits import Exit
from tests.daemon.cli.calls import Caller
from tests.simulation.configs import STRATEGIES, SWING, TREND, document, lane, write_config
from tests.simulation.sandboxes import sandbox_thread

TOML = f"""
[feed]
symbols = ["BTCUSDT"]

[accounts.paper]
balance_usdt = "5000"

[[lanes]]
name = "main"
account = "paper"

[[lanes.strategies]]
name = "swing"
use = "{STRATEGIES}:Swing"
"""


def test_config_check_shows_every_default_and_a_digest(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TOML, encoding="utf-8")
    called = call("config", "check", path, "--json")
    assert called.code == Exit.OK
    assert len(called.json["digest"]) == 64
    assert called.json["config"]["feed"]["book_depth"] == 50
    assert called.json["config"]["lanes"][0]["guards"]["max_orders_per_min"] == 60
    assert "the configuration is good" in call("config", "check", path).out


def test_the_same_configuration_in_another_format_has_the_same_digest(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TOML, encoding="utf-8")
    toml = call("config", "check", path, "--json").json
    same = {
        "feed": {"symbols": ["BTCUSDT"]},
        "accounts": {"paper": {"balance_usdt": "5000"}},
        "lanes": [
            {"name": "main", "account": "paper", "strategies": [{"name": "swing", "use": f"{STRATEGIES}:Swing"}]}
        ],
    }
    assert call("config", "check", write_config(tmp_path / "c.json", same), "--json").json["digest"] == toml["digest"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('balance_usdt = "5000"', 'balanse_usdt = "5000"', "balance_usdt"),
        ('balance_usdt = "5000"', "balance_usdt = nan", "balance_usdt"),
        ('account = "paper"', 'account = "papper"', "paper"),
        ('symbols = ["BTCUSDT"]', 'symbols = ["BTCUSD"]', "symbols"),
        ("[feed]", "[feed]\ntimer_ms = -1", "timer_ms"),
        ("[feed]", '[feed]\nsymbols = ["ETHUSDT"]', "each key once"),
        (":Swing", ":Swung", "Swung"),
        ("[[lanes]]", "[[lanes", "line"),
    ],
)
def test_config_check_names_the_key_and_the_cure(
    call: Caller, tmp_path: Path, before: str, after: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TOML.replace(before, after), encoding="utf-8")
    called = call("config", "check", path, "--json")
    assert called.code == Exit.CONFIG
    error = called.json["error"]
    assert said in error["message"] + error["cure"]


def test_doctor_examines_the_machine(call: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    called = call("doctor", "--json")
    found = {one["name"]: one for one in called.json["findings"]}
    assert {"python", "packages", "disk", "fsync", "code"} <= set(found)
    assert found["python"]["ok"]
    assert found["packages"]["ok"]
    assert called.code == (Exit.OK if all(one["ok"] for one in found.values()) else Exit.FAILED)


def test_doctor_says_that_a_configuration_cannot_be_used(call: Caller, tmp_path: Path) -> None:
    called = call("doctor", tmp_path / "none.toml", "--json")
    assert called.code == Exit.FAILED
    [bad] = [one for one in called.json["findings"] if one["name"] == "configuration"]
    assert not bad["ok"]
    assert bad["cure"]


def test_doctor_says_that_a_venue_cannot_be_reached(call: Caller, tmp_path: Path) -> None:
    called = call("doctor", write_config(tmp_path / "config.json", document()))
    assert called.code == Exit.FAILED
    assert "BAD" in called.out
    assert "venue" in called.out


@pytest.mark.process
def test_doctor_asks_a_venue_for_its_time_and_its_instruments(call: Caller, tmp_path: Path) -> None:
    with sandbox_thread(demo_market(["BTCUSDT"], minutes=5)) as ready:
        lanes = [lane("trend", TREND), lane("swing", SWING)]
        config = write_config(tmp_path / "config.json", document(lanes, venue=ready, symbols=["BTCUSDT"]))
        called = call("doctor", config, "--json")
    found = {one["name"]: one for one in called.json["findings"]}
    assert found["venue"]["ok"]
    assert found["clock"]["ok"]
    assert found["configuration"]["found"] == "2 active lanes"
    assert found["instruments"]["found"] == "BTCUSDT"
