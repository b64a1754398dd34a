"""Nothing is armed unless mode, host, key and consent agree: every combination, and each reason by its own word."""

from __future__ import annotations

import asyncio
import itertools
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.bybit.hosts import DEMO, MAINNET, TESTNET, Environment, custom_environment
from adapters.bybit.key_identity import KeyIdentity
from adapters.bybit.order_port import BybitPort
from adapters.bybit.signing import Credentials
from daemon.app.arming import Grounds, PortTimes, armed, build_port, check_grounds, check_identity, check_plan
from daemon.app.runs import Mode
from daemon.cli.exits import Exit, exit_of
from daemon.config import AccountSettings, fingerprint
from daemon.core.errors import ArmingRefused
from daemon.core.units import NS_PER_DAY
from tests.daemon.app.test_lanes import at_bybit
from tests.simulation.configs import SWING, document, lane, plan_of_document

ROOT = Path(__file__).parents[3]
ID, OTHER = "100001", "100002"
NOW = 1_746_489_600_000_000_000
SANDBOX = custom_environment(
    "custom",
    rest="http://127.0.0.1:1",
    public_linear="ws://127.0.0.1:1/v5/public/linear",
    private="ws://127.0.0.1:1/v5/private",
)
ABROAD = custom_environment(
    "custom", rest="https://api.example.com", public_linear="wss://s.example.com/p", private="wss://s.example.com/q"
)
KEYS = Credentials("key", "secret")
TIMES = PortTimes(now=lambda: NOW, venue_now=lambda: NOW)


def identity(**changes: Any) -> KeyIdentity:
    """A key that may trade contracts and nothing else, bound to one address."""
    plain: dict[str, Any] = {
        "account_id": ID,
        "read_only": False,
        "permissions": {"ContractTrade": ("Order", "Position")},
        "ips": ("192.0.2.1",),
        "unified": 5,
        "asked": NOW,
    }
    return KeyIdentity(**(plain | changes))


def grounds(
    host: Environment = SANDBOX,
    *,
    mode: Mode = Mode.TRADE,
    consent: str | None = ID,
    consents: Sequence[str] = (),
    account_id: str | None = ID,
    **settings: Any,
) -> Grounds:
    account = AccountSettings(venue="bybit", account_id=account_id, consent=consent, **settings)
    return Grounds(mode=mode, host=host, account="demo", settings=account, consents=consents)


def outcome(found: Grounds, key: KeyIdentity) -> str:
    """The word of the refusal, or "armed"; whether a port came out is what decides."""

    async def scene() -> str:
        try:
            port = build_port(found, key, KEYS, TIMES, lambda _: None)
        except ArmingRefused as refused:
            return refused.code if exit_of(refused) is Exit.ARMING and refused.cure else "without a cure"
        assert isinstance(port, BybitPort)
        await port.close()
        return "armed"

    return asyncio.run(scene())


HOSTS: Mapping[str, Environment] = {
    "mainnet": MAINNET,
    "testnet": TESTNET,
    "demo": DEMO,
    "sandbox": SANDBOX,
    "abroad": ABROAD,
}
CONSENTS: Mapping[str, str | None] = {"given": ID, "other": OTHER, "none": None}
STARTS: Mapping[str, tuple[str, ...]] = {"typed": (ID,), "typed for another": (OTHER,), "not typed": ()}


def test_a_port_comes_out_of_exactly_those_combinations_that_agree() -> None:
    """Every mode x host x key x consent in the file x consent at the start."""
    found: set[tuple[str, str, str, str, str]] = set()
    for mode, host, key, consent, start in itertools.product(Mode, HOSTS, (ID, OTHER), CONSENTS, STARTS):
        given = grounds(HOSTS[host], mode=mode, consent=CONSENTS[consent], consents=STARTS[start])
        if outcome(given, identity(account_id=key)) == "armed":
            found.add((mode, host, key, consent, start))
    without_money = {
        (Mode.TRADE, host, ID, "given", start) for host in ("testnet", "demo", "sandbox") for start in STARTS
    }
    assert found == without_money | {(Mode.TRADE, "mainnet", ID, "given", "typed")}


REFUSALS: dict[str, tuple[Grounds, KeyIdentity]] = {
    "HOST_UNKNOWN": (grounds(ABROAD, consents=(ID,)), identity()),
    "ACCOUNT_ID_MISSING": (grounds(account_id=None), identity()),
    "CONSENT_MISSING": (grounds(consent=None), identity()),
    "CONSENT_DIFFERS": (grounds(consent=OTHER), identity()),
    "START_CONSENT_MISSING": (grounds(MAINNET), identity()),
    "ACCOUNT_DIFFERS": (grounds(), identity(account_id=OTHER)),
    "KEY_MAY_WITHDRAW": (grounds(), identity(permissions={"Wallet": ("Withdraw",)})),
    "KEY_MAY_TRANSFER": (grounds(), identity(permissions={"Wallet": ("AccountTransfer",)})),
    "KEY_READ_ONLY": (grounds(), identity(read_only=True)),
    "KEY_CANNOT_TRADE": (grounds(), identity(permissions={})),
    "KEY_EXPIRED": (grounds(), identity(expires=NOW)),
    "KEY_EXPIRES": (grounds(), identity(expires=NOW + NS_PER_DAY)),
    "KEY_NOT_BOUND": (grounds(MAINNET, consents=(ID,)), identity(ips=())),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_each_disagreement_has_its_own_word(code: str) -> None:
    assert outcome(*REFUSALS[code]) == code


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.TRADE])
def test_paper_modes_get_no_port_whatever_else_agrees(mode: Mode) -> None:
    assert outcome(grounds(mode=mode), identity()) == "MODE_IS_PAPER"


def test_a_fingerprint_arms_nothing_although_it_agrees_with_itself() -> None:
    """What a run wrote down of a configuration is no permission."""
    hidden = fingerprint(ID)
    given = grounds(account_id=hidden, consent=hidden, consents=(hidden,))
    assert outcome(given, identity(account_id=hidden)) == "ACCOUNT_ID_MISSING"


def test_an_unbound_key_is_taken_where_that_was_accepted_by_name() -> None:
    given = grounds(MAINNET, consents=(ID,), unbound_ip_accepted=True)
    check_identity(given, identity(ips=()))


def test_an_id_that_the_venue_does_not_tell_is_believed_where_that_was_accepted_by_name() -> None:
    nobody = identity(account_id="", permissions={}, expires=None)
    check_identity(grounds(DEMO, unverified_id_accepted=True), nobody)
    with pytest.raises(ArmingRefused, match="KEY_NOT_TOLD"):
        check_identity(grounds(DEMO), nobody)
    with pytest.raises(ArmingRefused, match="KEY_NOT_TOLD"):
        check_identity(grounds(MAINNET, consents=(ID,), unverified_id_accepted=True), nobody)
    with pytest.raises(ArmingRefused, match="ACCOUNT_DIFFERS"):
        check_identity(grounds(DEMO, unverified_id_accepted=True), identity(account_id=OTHER))


def test_every_word_is_on_the_page_that_people_read() -> None:
    text = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    source = (ROOT / "daemon" / "app" / "arming.py").read_text(encoding="utf-8")
    words = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', source))
    assert len(words) > 8
    assert [word for word in words if f"`{word}`" not in text] == []


def test_what_the_run_is_told_holds_a_fingerprint_and_not_the_id() -> None:
    fact = armed(grounds(MAINNET))
    assert (fact.account, fact.environment, fact.real_money) == ("demo", "mainnet", True)
    assert ID not in str(msgspec.json.encode(fact))
    check_grounds(grounds())


def test_a_configuration_that_trades_nothing_is_refused(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(plan_of_document(tmp_path, document([lane("swing", SWING)])), trade=True)
    with pytest.raises(ArmingRefused, match="NO_ACCOUNT"):
        check_plan(plan, ())


def test_consent_for_an_account_that_is_not_traded_is_refused(tmp_path: Path) -> None:
    check_plan(at_bybit(tmp_path), (ID,))
    with pytest.raises(ArmingRefused, match="START_CONSENT_DIFFERS"):
        check_plan(at_bybit(tmp_path), (ID, OTHER))


def test_storage_that_is_not_durable_is_refused(tmp_path: Path) -> None:
    plan = at_bybit(tmp_path)
    storage = msgspec.structs.replace(plan.config.storage, fsync="none")
    plan = msgspec.structs.replace(plan, config=msgspec.structs.replace(plan.config, storage=storage))
    with pytest.raises(ArmingRefused, match="STORAGE_NOT_DURABLE"):
        check_plan(plan, ())


def test_nothing_but_an_armed_start_loads_what_can_trade() -> None:
    """The whole command line, a demo configuration and its paper lanes included."""
    code = (
        "import sys; from daemon.cli import run; code = run(['config', 'check', 'examples/demo.toml', '--json']); "
        "trading = ('ccxt', 'adapters.bybit.order_port', 'adapters.bybit.carrier'); "
        "print(code, [name for name in trading if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    for path in (ROOT / "daemon").rglob("*.py"):
        if "order_port" in path.read_text(encoding="utf-8"):
            assert path.name == "arming.py", path
