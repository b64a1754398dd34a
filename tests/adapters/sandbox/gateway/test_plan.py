from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct

from adapters.sandbox.faults import Faults
from adapters.sandbox.gateway.accounts import (
    Account,
    AccountsFile,
    ApiKey,
    check_accounts,
    default_accounts,
    load_accounts,
)
from adapters.sandbox.gateway.plan import (
    Disconnect,
    Event,
    FillByHand,
    Forged,
    Lose,
    Maintenance,
    Plan,
    PushFault,
    RequestFault,
    Skew,
    StreamFault,
    When,
    load_plan,
)
from adapters.sandbox.gateway.settings import GatewaySettings, check_gateway
from daemon.config import decode
from daemon.core.errors import ConfigError
from tests.adapters.sandbox.gateway.world import World


def plan(text: str) -> Plan:
    return decode(tomllib.loads(text), Plan, name="plan.toml")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("sed = 1", "sed"),
        ("[[requests]]\nloose = { accepted = true }", "requests[0].loose"),
        ("[[requests]]\nlose = { accepted = true, how = 'slowly' }", "requests[0].lose.how"),
        ("[[requests]]\nlose = { how = 'reset' }", "requests[0].lose.accepted"),
        ("[[requests]]\nwhen = { route = '*' }", "requests[0].when"),
        ("[[requests]]\nlose = { accepted = true }\nanswer = { code = 1 }", "requests[0].answer"),
        ("[[requests]]\nanswer = { code = 1, body = '' }", "requests[0].answer.code"),
        ("[[requests]]\nanswer = { code = 1, http = 99 }", "requests[0].answer.http"),
        ("[[requests]]\ndelay_ms = -1", "requests[0].delay_ms"),
        ("[[requests]]\ndelay_ms = 1\nwhen = { nth = [0] }", "requests[0].when.nth[0]"),
        ("[[requests]]\ndelay_ms = 1\nwhen = { probability = 1.5 }", "requests[0].when.probability"),
        ("[[requests]]\ndelay_ms = 1\nwhen = { from_s = 5, until_s = 5 }", "requests[0].when.until_s"),
        ("[[requests]]\ndelay_ms = 1\nwhen = { nth = [1], every = 2 }", "requests[0].when.every"),
        ("[[pushes]]\npermute = [1, 2]", "pushes[0].permute"),
        ("[[pushes]]\npermute = [1, 0]\nshuffle = 3", "pushes[0].shuffle"),
        ("[[pushes]]\nwhen = {}", "pushes[0].when"),
        ("[[pushes]]\nclose = 1006", "pushes[0].close"),
        ("[[streams]]\nclose = 999", "streams[0].close"),
        ("[[streams]]\nrefuse = 200", "streams[0].refuse"),
        ("[[streams]]\neffect = false", "streams[0].when"),
        ("[[maintenance]]\nfrom_s = 5\nuntil_s = 1", "maintenance[0].until_s"),
        ("[[events]]\nat_s = 1\nuid = '1'", "events[0].at_s"),
        ("[[events]]\nat_s = 1\nuid = '1'\nforget = true\ntransfer = '1'", "events[0].at_s"),
        ("[[events]]\nat_s = 1\nuid = '1'\nadl = { symbol = 'BTCUSDT', share = 2.0 }", "events[0].adl.share"),
        ("[[events]]\nat_s = 1\nuid = '1'\ntransfer = 'NaN'", "events[0].transfer"),
        ("[[events]]\nat_s = 1\nuid = '1'\nfill = { symbol = 'BTCUSDT', qty = '0' }", "events[0].fill.qty"),
        ("[[events]]\nat_s = 1\nuid = '1'\nfunding = { symbol = 'BTCUSDT', rate = '7' }", "events[0].funding.rate"),
        ("[[requests]]\ndelay_ms = 1\nwhen = { topic = 'order' }", "requests[0].when"),
        ("[[pushes]]\ndrop = true\nwhen = { route = '/v5/order/create' }", "pushes[0].when"),
        ("[[streams]]\nswallow = true\nwhen = { symbol = 'BTCUSDT' }", "streams[0].when"),
        ("[public]\ndrop_at = [1]", "public.drop_at"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_with_the_path_of_the_key_and_a_cure(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(text)
    assert caught.value.message.startswith(f"plan.toml: {where}: ")
    assert caught.value.cure


def test_a_plan_is_read_from_a_file_and_covers_public_frames_too(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        "seed = 3\n[public]\ndrop_after = [10]\nmute = [{ topic = 'tickers.BTCUSDT', first = 1, frames = 2 }]\n"
        "[[clock]]\nskew_ms = 5\n",
        encoding="utf-8",
    )
    read = load_plan(file)
    assert (read.seed, read.public.drop_after, read.public.mute[0].frames, read.clock[0].skew_ms) == (3, (10,), 2, 5)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_plan(tmp_path / "none.toml")


def test_a_plan_may_only_speak_of_accounts_that_are_there() -> None:
    for text in (
        "[[events]]\nat_s = 1\nuid = '7'\nforget = true",
        "[[pushes]]\nwhen = { uid = '7' }\ndrop = true",
    ):
        with pytest.raises(ConfigError, match=r"there is no account 7"):
            check_gateway(GatewaySettings(plan=plan(text)))


def test_a_plan_may_only_speak_of_contracts_that_are_played() -> None:
    event = plan("[[events]]\nat_s = 1\nuid = '100001'\nadl = { symbol = 'DOGEUSDT' }")
    with pytest.raises(ConfigError, match="there is no contract DOGEUSDT"):
        World(event)


ACCOUNT = "[[accounts]]\nuid = '5'\nname = 'five'\n"


def test_accounts_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(
        ACCOUNT + "balance_usdt = '250'\nleverage = '3'\nmargin_mode = 'cross'\nposition_mode = 'hedge'\n"
        "[[accounts.keys]]\nkey = 'k'\nsecret = 's'\nread_only = true\nips = ['10.0.0.1']\n",
        encoding="utf-8",
    )
    (account,) = load_accounts(file)
    assert (account.uid, account.balance_usdt, account.position_mode) == ("5", Decimal(250), "hedge")
    assert (account.keys[0].read_only, account.keys[0].ips) == (True, ("10.0.0.1",))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "accounts"),
        ("accounts = []", "accounts"),
        (ACCOUNT + "balance = '1'", "accounts[0].balance"),
        (ACCOUNT + "balance_usdt = '-1'", "accounts[0].balance_usdt"),
        (ACCOUNT + "leverage = '0.5'", "accounts[0].leverage"),
        (ACCOUNT + "taker_fee = '1'", "accounts[0].taker_fee"),
        (ACCOUNT + "margin_mode = 'portfolio'", "accounts[0].margin_mode"),
        ("[[accounts]]\nuid = 'abc'\nname = 'x'", "accounts[0].uid"),
        (ACCOUNT + "[[accounts.keys]]\nkey = 'k'", "accounts[0].keys[0].secret"),
        (ACCOUNT + "[[accounts.keys]]\nkey = 'k'\nsecret = 's'\nips = []", "accounts[0].keys[0].ips"),
    ],
)
def test_accounts_that_are_wrong_are_refused_with_the_path_of_the_key(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(tomllib.loads(text), AccountsFile, name="accounts.toml")
    assert caught.value.message.startswith(f"accounts.toml: {where}: ")


def test_accounts_and_keys_that_stand_twice_are_refused() -> None:
    first, second = default_accounts()
    check_accounts([first, second])
    with pytest.raises(ConfigError, match="uid '100001' stands twice"):
        check_accounts([first, first])
    with pytest.raises(ConfigError, match="there are none"):
        check_gateway(GatewaySettings(accounts=()))


PAGE = (Path(__file__).parents[4] / "docs" / "sandbox.md").read_text(encoding="utf-8")
TABLES = (When, Lose, Forged, RequestFault, PushFault, StreamFault, Skew, Maintenance, Event, FillByHand, Disconnect)


@pytest.mark.parametrize("kind", [*TABLES, Faults, Plan, Account, ApiKey])
def test_every_key_of_plans_and_accounts_is_explained(kind: type[Struct]) -> None:
    blocks = re.findall(r"^```toml\n.*?^```$", PAGE, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"\w+", " ".join([*blocks, *re.findall(r"`[^`\n]+`", prose)])))
    assert {name for name in kind.__struct_fields__ if name not in named} == set()


def test_the_plan_and_the_accounts_of_the_page_can_be_used() -> None:
    plans, accounts = [], []
    for block in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        tables = tomllib.loads(block)
        if "accounts" in tables:
            accounts.append(decode(tables, AccountsFile, name="accounts.toml"))
        elif "requests" in tables:
            plans.append(decode(tables, Plan, name="plan.toml"))
    assert len(plans) == len(accounts) == 1
    assert len(accounts[0].accounts[0].keys) == 2


def examples(table: str) -> list[str]:
    """The example column of a table of the page, one after the other."""
    part = PAGE.partition(f"### {table}")[2].partition("\n###")[0].partition("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [code for row in rows[2:] for code in re.findall(r"`([^`]+ = [^`]+)`", row[-1])]


@pytest.mark.parametrize("example", examples("`[[requests]]`"))
def test_an_example_of_a_request_fault_can_be_used(example: str) -> None:
    plan(f"[[requests]]\n{example}")


@pytest.mark.parametrize("example", examples("`[[pushes]]`"))
def test_an_example_of_a_push_fault_can_be_used(example: str) -> None:
    plan(f"[[pushes]]\n{example}")


def test_the_page_has_examples() -> None:
    assert len(examples("`[[requests]]`")) == 14
    assert len(examples("`[[pushes]]`")) == 11
