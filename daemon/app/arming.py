"""The one place where an order port is built, and everything that must agree before it is.

Mode, host, key identity and consent form one declared whole. Each disagreement has its own code; all of them end the
start with exit code 10. In paper modes nothing imports the port.

| code | what does not agree |
|---|---|
| `MODE_IS_PAPER` | only `trade` may build a port |
| `HOST_UNKNOWN` | a custom host off this machine, or addresses that do not belong together |
| `NO_ACCOUNT` | no active lane has an account at a venue |
| `ACCOUNT_ID_MISSING` | `account_id` is not the digits of an id |
| `CONSENT_MISSING`, `CONSENT_DIFFERS` | `consent` must repeat `account_id` |
| `START_CONSENT_MISSING` | with real money, `--consent ACCOUNT_ID` must be typed at this start |
| `START_CONSENT_DIFFERS` | `--consent` names an account that is not traded |
| `STORAGE_NOT_DURABLE` | `storage.fsync` is `none` |
| `ACCOUNT_DIFFERS` | the key belongs to another account |
| `KEY_...` | what the venue says of the key, see `adapters.bybit.key_identity` |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.bybit.capabilities import host_problems
from adapters.bybit.hosts import Environment
from adapters.bybit.signing import Credentials
from daemon.app.lanes import Plan
from daemon.app.runs import Mode
from daemon.config import AccountSettings, fingerprint
from daemon.core.account_events import Armed
from daemon.core.errors import ArmingRefused
from daemon.ports import OrderPort, Received

if TYPE_CHECKING:
    from adapters.bybit.key_identity import KeyIdentity


class Grounds(Struct, frozen=True, kw_only=True):
    """What an account may be traded on.

    consents: account ids typed at this start.  now: the venue's time, nanoseconds UTC, by which a key expires.
    """

    mode: Mode
    host: Environment
    account: str
    settings: AccountSettings
    consents: Sequence[str]
    now: int = 0

    @property
    def account_id(self) -> str:
        """The id that must agree everywhere; empty where the configuration names none."""
        return self.settings.account_id or ""


class PortTimes(Struct, frozen=True, kw_only=True):
    """The clocks that a port goes by, nanoseconds UTC, and how much faster than the world the venue's runs."""

    now: Callable[[], int]
    venue_now: Callable[[], int]
    speed: float = 1.0


def check_plan(plan: Plan, consents: Sequence[str]) -> None:
    """What can be told of a whole configuration before anybody is asked.

    Raises:
        ArmingRefused: see the table of this module.
    """
    traded = {plan.config.accounts[lane.account].account_id for lane in plan.remote_lanes}
    if not traded:
        cure = 'write venue = "bybit" into the account of a lane, or use `lockstep shadow`'
        raise ArmingRefused("no active lane has an account at a venue", code="NO_ACCOUNT", cure=cure)
    if plan.config.storage.fsync == "none":
        message = "storage.fsync is none, so an order could leave before its record is safe"
        raise ArmingRefused(message, code="STORAGE_NOT_DURABLE", cure='write fsync = "group"')
    if strange := [one for one in consents if one not in traded]:
        message = f"--consent {strange[0]} names no account of an active lane"
        raise ArmingRefused(message, code="START_CONSENT_DIFFERS", cure="name the account_id of the account meant")


def check_grounds(grounds: Grounds) -> None:
    """What can be told of one account before its key is asked about.

    Raises:
        ArmingRefused: see the table of this module.
    """
    account, host, settings = grounds.account, grounds.host, grounds.settings
    if grounds.mode is not Mode.TRADE:
        raise _refused(account, "MODE_IS_PAPER", f"{grounds.mode} sends no orders", "use `lockstep trade`")
    if host.name == "custom" and host.real_money:
        what = f"{host.rest} is neither one of Bybit's environments nor on this machine"
        raise _refused(account, "HOST_UNKNOWN", what, "write environment = mainnet, testnet or demo")
    for what in host_problems(host):
        raise _refused(account, "HOST_UNKNOWN", what, "correct the addresses in [venue]")
    if not grounds.account_id.isdecimal():
        what = f"accounts.{account}.account_id is not the digits of a user id"
        raise _refused(account, "ACCOUNT_ID_MISSING", what, "write the user id that Bybit shows")
    if settings.consent is None:
        cure = f"read docs/live.md, then write consent = the account id into accounts.{account}"
        raise _refused(account, "CONSENT_MISSING", "there is no consent to trade it", cure)
    if settings.consent != grounds.account_id:
        cure = f"let accounts.{account}.consent repeat its account_id, if that is the account meant"
        raise _refused(account, "CONSENT_DIFFERS", "consent is for another account", cure)
    if host.real_money and grounds.account_id not in grounds.consents:
        cure = "add --consent and the account id to this command, every time"
        raise _refused(account, "START_CONSENT_MISSING", "orders here cost real money", cure)


def check_identity(grounds: Grounds, identity: KeyIdentity) -> None:
    """What the venue says of the key must fit.

    Raises:
        ArmingRefused: see the table of this module.
    """
    from adapters.bybit.key_identity import key_problems  # noqa: PLC0415 - see `build_port`

    account = grounds.account
    if identity.account_id not in ("", grounds.account_id):
        what = "the key belongs to another account than account_id names"
        raise _refused(account, "ACCOUNT_DIFFERS", what, "use a key of that account, or correct account_id and consent")
    for problem in key_problems(
        identity,
        real_money=grounds.host.real_money,
        unbound_ip_accepted=grounds.settings.unbound_ip_accepted,
        unverified_id_accepted=grounds.settings.unverified_id_accepted,
        now=grounds.now,
    ):
        raise _refused(account, problem.code, problem.what, problem.cure)


def build_port(
    grounds: Grounds,
    identity: KeyIdentity,
    credentials: Credentials,
    times: PortTimes,
    deliver: Callable[[Received], None],
) -> OrderPort:
    """Build the order port of an account. Nothing else in the project does, and nothing else imports it.

    Raises:
        ArmingRefused: something does not agree; see the table of this module.
    """
    check_grounds(grounds)
    check_identity(grounds, identity)
    from adapters.bybit.order_port import BybitPort  # noqa: PLC0415 - paper modes never load what can trade

    return BybitPort(
        grounds.host,
        credentials,
        account=grounds.account,
        now_ns=times.now,
        venue_now_ns=times.venue_now,
        deliver=deliver,
        recv_window_ms=grounds.settings.orders.recv_window_ms,
        timeout_ms=grounds.settings.orders.answer_ms,
        speed=times.speed,
    )


def armed(grounds: Grounds) -> Armed:
    """What the run is told of an account that may be traded."""
    return Armed(
        account=grounds.account,
        environment=grounds.host.name,
        real_money=grounds.host.real_money,
        fingerprint=fingerprint(grounds.account_id),
    )


def _refused(account: str, code: str, what: str, cure: str) -> ArmingRefused:
    return ArmingRefused(f"{account}: {what}", code=code, cure=cure)
