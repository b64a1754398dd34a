from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from adapters.sandbox.faults import Faults
from adapters.sandbox.settings import SandboxSettings
from daemon.app.sandbox import GatewayChoice, with_accounts
from daemon.core.errors import ConfigError
from tests.adapters.sandbox.gateway.world import signed_headers
from tests.simulation.processes import sandbox

PLAN = """
[public]
duplicate = [3]

[[requests]]
name = "told nothing"
when = { route = "/v5/position/set-leverage" }
answer = { http = 502, body = "<html>502 Bad Gateway</html>", accepted = true }
"""
ACCOUNTS = """
[[accounts]]
uid = "7"
name = "seven"
leverage = "3"
keys = [{ key = "k7", secret = "s7" }]
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_choice_there_are_two_demo_accounts_and_limits() -> None:
    gateway = with_accounts(SandboxSettings(), GatewayChoice()).gateway
    assert gateway is not None
    assert ([account.uid for account in gateway.accounts], gateway.personality) == (["100001", "100002"], "demo")
    assert gateway.limits.enabled


def test_a_sandbox_without_accounts_still_meets_the_public_part_of_a_plan(tmp_path: Path) -> None:
    plan = written(tmp_path, "plan.toml", "[public]\nduplicate = [3]\n")
    settings = with_accounts(SandboxSettings(), GatewayChoice(accounts="none", faults=plan))
    assert (settings.gateway, settings.public_faults) == (None, Faults(duplicate=(3,)))


@pytest.mark.parametrize("more", [{"truth": Path("t")}, {"faults": "plan"}, {"accounts": "none.toml"}])
def test_choices_that_contradict_each_other_are_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {"accounts": "none"} | more
    if "faults" in wanted:
        wanted["faults"] = written(tmp_path, "plan.toml", PLAN)
    with pytest.raises(ConfigError):
        with_accounts(SandboxSettings(), GatewayChoice(**wanted))


@pytest.mark.process
def test_the_command_serves_the_accounts_and_the_trouble_of_its_files_and_tells_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    files = [
        *("--accounts", str(written(tmp_path, "accounts.toml", ACCOUNTS))),
        *("--faults", str(written(tmp_path, "plan.toml", PLAN))),
        *("--truth", str(truth), "--personality", "testnet", "--no-limits"),
    ]
    with sandbox(*files) as addresses:
        ready: dict[str, Any] = {**addresses}
        assert ready["trade_url"].endswith("/v5/trade")
        assert ready["keys"] == [{"uid": "7", "account": "seven", "key": "k7", "secret": "s7"}]
        now_ms = json.load(urlopen(f"{ready['rest_url']}/v5/market/time", timeout=10))["time"]
        body = '{"category":"linear","symbol":"BTCUSDT","buyLeverage":"5","sellLeverage":"5"}'
        with pytest.raises(HTTPError) as caught:
            urlopen(signed(ready, "/v5/position/set-leverage", now_ms, body=body), timeout=10)
        assert (caught.value.code, caught.value.read()) == (502, b"<html>502 Bad Gateway</html>")
        caught.value.close()
        query = "category=linear&symbol=BTCUSDT"
        positions = json.load(urlopen(signed(ready, "/v5/position/list", now_ms, query=query), timeout=10))
        assert positions["result"]["list"][0]["leverage"] == "5"
        entries = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert [one["rule"] for one in entries if one["what"] == "fault"] == ["told nothing"]
    answers = [one for one in entries if one["what"] == "answer"]
    assert [(one["decision"], one["told"]) for one in answers] == [
        ("accepted", 0),
        ("accepted", "forged"),
        ("accepted", 0),
    ]


def signed(ready: dict[str, Any], path: str, now_ms: int, *, query: str = "", body: str = "") -> Request:
    url = f"{ready['rest_url']}{path}" + (f"?{query}" if query else "")
    headers = signed_headers(query or body, now_ms, key="k7", secret="s7")
    return Request(url, data=body.encode() or None, headers=headers, method="POST" if body else "GET")
