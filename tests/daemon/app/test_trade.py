"""What a trading start does before it asks anybody: keys read and hidden, cores off, refusals in time."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.bybit import key_identity
from adapters.bybit.hosts import Environment
from adapters.bybit.key_identity import KeyIdentity
from adapters.bybit.signing import Credentials
from daemon.app.lanes import Plan
from daemon.app.trade import TradeOptions, Trading
from daemon.app.venue import venue_environment
from daemon.core.account_events import Answered, Armed, Op
from daemon.core.errors import ArmingRefused, RunLocked
from daemon.core.events import Command, Fact
from daemon.ports import Received
from tests.daemon.app.test_arming import ID, identity
from tests.daemon.app.test_lanes import at_bybit

KEYS = {"LOCKSTEP_MAIN_KEY": "canary-key-12345", "LOCKSTEP_MAIN_SECRET": "canary-secret-67890"}


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_STATE_DIR", str(tmp_path / "state"))


def consenting(folder: Path) -> Plan:
    """A plan with consent, not yet wired for trading."""
    plan = at_bybit(folder)
    account = msgspec.structs.replace(plan.config.accounts["main"], consent=ID)
    config = msgspec.structs.replace(plan.config, accounts=plan.config.accounts | {"main": account})
    return Plan(config, plan.base)


def prepare(folder: Path, variables: dict[str, str] | None = None, **options: Any) -> Trading:
    given = dict(KEYS) if variables is None else variables
    return Trading.prepare(consenting(folder), folder / "logs", TradeOptions(**options), given)


def test_the_lanes_are_wired_the_keys_taken_and_core_dumps_off(tmp_path: Path) -> None:
    variables = dict(KEYS)
    trading = prepare(tmp_path, variables)
    assert [lane.name for lane in trading.plan.remote_lanes] == ["main"]
    assert variables == {}
    assert set(trading.secrets) == set(KEYS.values())
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def test_without_a_key_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(ArmingRefused, match="KEY_MISSING"):
        prepare(tmp_path, {})


def test_without_consent_no_key_is_even_read(tmp_path: Path) -> None:
    variables = dict(KEYS)
    with pytest.raises(ArmingRefused, match="CONSENT_MISSING"):
        Trading.prepare(at_bybit(tmp_path), tmp_path, TradeOptions(), variables)
    assert variables == KEYS


def told(monkeypatch: pytest.MonkeyPatch, who: KeyIdentity) -> None:
    """Let the venue say whose the key is."""

    async def identify(_host: Environment, _keys: Credentials) -> KeyIdentity:
        return who

    monkeypatch.setattr(key_identity, "identify", identify)


def arm(trading: Trading) -> list[Fact]:
    async def scene() -> list[Fact]:
        return list(await trading.arm(venue_environment(trading.plan.config)))

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("options", "commands"),
    [
        ({}, []),
        ({"halted": True}, [Command("halt", reason="started with --halted")]),
        ({"panic": True, "halted": True}, [Command("panic", reason="started with --panic")]),
    ],
)
def test_an_armed_start_tells_the_run_so_and_its_first_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], commands: list[Command]
) -> None:
    told(monkeypatch, identity())
    trading = prepare(tmp_path, None, **options)
    first, *rest = arm(trading)
    assert isinstance(first, Armed)
    assert first.account == "main"
    assert rest == commands
    asyncio.run(trading.close())


def test_the_account_is_held_from_before_the_question_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, identity())
    first = prepare(tmp_path)
    arm(first)
    with pytest.raises(RunLocked):
        arm(prepare(tmp_path))
    asyncio.run(first.close())
    second = prepare(tmp_path)
    arm(second)
    asyncio.run(second.close())


def test_a_key_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, identity(account_id="100002"))
    trading = prepare(tmp_path)
    with pytest.raises(ArmingRefused, match="ACCOUNT_DIFFERS"):
        arm(trading)
    asyncio.run(trading.close())


def test_who_spoke_is_noted_but_not_that_a_request_had_no_answer(tmp_path: Path) -> None:
    trading = prepare(tmp_path)
    delivered: list[Received] = []
    take = trading._hearing(delivered.append)
    items = [
        Received(1, "private.main", b"{}"),
        Received(2, "rest.main", fact=Answered(account="main", request="r-1", op=Op.WALLET, error="no answer")),
    ]
    for item in items:
        take(item)
    assert delivered == items
    assert list(trading.heard) == ["private.main"]
    take(Received(3, "rest.main", fact=Answered(account="main", request="r-1", op=Op.WALLET, status=200)))
    assert trading.heard["rest.main"] >= trading.heard["private.main"] > 0
