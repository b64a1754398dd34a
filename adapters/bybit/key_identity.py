"""Whose a key is and what it may do, as the venue says, and whether such a key may be traded with.

Source: Bybit v5 docs, "Get API Key Information" and "Get Account Info". A key that could move money away is refused
everywhere; so are keys that cannot trade. With real money it must also have no other rights than those of unified
trading (which come together), and be bound to addresses, or that risk accepted by name.

The demo service does not list the question of whose a key is among those it answers. Where it refuses it, nothing is
known of the key but that it is one of that service, where no order costs money: `account_id` is then believed only if
that, too, was accepted by name.

| code | meaning |
|---|---|
| `KEY_REFUSED` | the venue does not know the key, the signature or the address, or the key has expired |
| `KEY_UNKNOWN` | the venue cannot be asked whose key it is |
| `KEY_NOT_TOLD` | the venue does not say whose key it is |
| `KEY_READ_ONLY` | it may not trade |
| `KEY_CANNOT_TRADE` | it lacks the rights for orders or positions of contracts |
| `KEY_MAY_WITHDRAW`, `KEY_MAY_TRANSFER` | it could move money away |
| `KEY_MAY_MORE` | it has rights that have nothing to do with contracts |
| `KEY_NOT_BOUND` | it works from every address of the world |
| `KEY_EXPIRED`, `KEY_EXPIRES` | it expired, or does so within two days |
| `ACCOUNT_NOT_UNIFIED` | the account is not a unified one of version 2 |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from adapters.bybit.capabilities import capabilities
from adapters.bybit.carrier import Carrier, Ticket
from adapters.bybit.hosts import ENVIRONMENTS, Environment
from adapters.bybit.http_call import HttpClient
from adapters.bybit.instruments import server_time
from adapters.bybit.signing import Credentials
from daemon.clock import SystemClock
from daemon.core.errors import ArmingRefused, FeedError
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_DAY, NS_PER_SECOND

KEY_CALL = Call("GET", "/v5/user/query-api", "")
ACCOUNT_CALL = Call("GET", "/v5/account/info", "")
WINDOW_MS = 5000
SECONDS = 10.0
EXPIRY_REFUSED = 2 * NS_PER_DAY
EXPIRY_WARNED = 14 * NS_PER_DAY
UNIFIED = frozenset({5, 6})
WITHDRAWING = frozenset({"Withdraw"})
TRADING_GROUPS = frozenset({"ContractTrade", "Derivatives", "Spot", "Options"})
NOT_TOLD = "KEY_NOT_TOLD"
NOT_FOUND = 404
NOT_IN_DEMO = 10032
_CONTRACT_WORDS = frozenset({"Order", "Position"})

Body = TypeVar("Body")


class KeyIdentity(Struct, frozen=True, kw_only=True):
    """What the venue says of a key and its account.

    account_id: the venue's user id, digits; empty where the venue does not say whose a key is, nor what it may do.
    permissions: rights by product, the venue's words.
    ips: addresses it is bound to, empty for any.  expires: nanoseconds UTC, None for never.  master: of a main account.
    third_party: made for an application.  margin_mode, unified: how the account is set, the venue's words and number.
    asked: the venue's time of asking, nanoseconds UTC.
    """

    account_id: str
    read_only: bool
    permissions: Mapping[str, tuple[str, ...]]
    ips: tuple[str, ...] = ()
    expires: int | None = None
    master: bool = False
    third_party: bool = False
    margin_mode: str = ""
    unified: int = 0
    asked: int = 0


class KeyProblem(Struct, frozen=True):
    """Why a key may not be traded with."""

    code: str
    what: str
    cure: str


class _KeyInfo(Struct, frozen=True, rename="camel"):
    """The result of user/query-api, as far as it is read.

    {"id":"13770661","readOnly":0,"permissions":{"ContractTrade":["Order","Position"],"Wallet":[]},"ips":["*"],
    "type":1,"deadlineDay":83,"expiredAt":"2023-05-15T03:21:05Z","uta":1,"userID":24617703,"isMaster":true}
    """

    read_only: Annotated[int, Meta(ge=0, le=1)]
    permissions: dict[str, list[str] | None]
    user_id: Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}$")] = field(name="userID")
    ips: list[str] | None = None
    expired_at: str = ""
    type: int = 1
    is_master: bool = False


class _AccountInfo(Struct, frozen=True, rename="camel"):
    margin_mode: str = ""
    unified_margin_status: int = 0


class _Answer(Struct, frozen=True, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")


async def identify(environment: Environment, credentials: Credentials, *, proxy: bool = False) -> KeyIdentity:
    """Ask the venue whose a key is. The questions are signed by the venue's own time.

    Raises:
        ArmingRefused: the venue refuses the key, or cannot be asked.
    """
    monotonic = SystemClock().monotonic
    http = HttpClient(connect_seconds=SECONDS, seconds=SECONDS, proxy=proxy)
    asked = since = 0
    # Made before the time is asked: loading what it needs takes a second or more, and the time would be stale.
    carrier = Carrier(environment, credentials, venue_now_ns=lambda: asked + monotonic() - since, http=http)
    try:
        asked = await server_time(environment.rest)
        since = monotonic()
        info = await _ask_whose(carrier, environment)
        account = await _ask(carrier, environment, ACCOUNT_CALL, _AccountInfo)
    except FeedError as error:
        raise ArmingRefused(error.message, code="KEY_UNKNOWN", cure=error.cure) from error
    finally:
        await http.close()
    return _identity(info, account, asked)


def key_problems(
    identity: KeyIdentity,
    *,
    real_money: bool,
    unbound_ip_accepted: bool = False,
    unverified_id_accepted: bool = False,
    now: int = 0,
) -> Iterator[KeyProblem]:
    """Everything that speaks against a key, worst first.

    Args:
        identity: what the venue says.
        real_money: whether orders there can cost money.
        unbound_ip_accepted: whether a key that works from everywhere was accepted by name.
        unverified_id_accepted: whether an account whose id the venue does not tell was, where orders cost nothing.
        now: the venue's time, nanoseconds UTC; that of asking if it is later.
    """
    if identity.account_id:
        yield from _rights(identity, real_money=real_money, unbound_ip_accepted=unbound_ip_accepted)
    elif real_money or not unverified_id_accepted:
        cure = "if it is account_id's, set unverified_id_accepted for the account; only where orders cost nothing"
        yield KeyProblem(NOT_TOLD, "the venue does not say whose the key is", cure)
    yield from _expiry(identity, max(now, identity.asked))
    if identity.unified not in UNIFIED:
        what = f"the account is no unified account of version 2 (unifiedMarginStatus {identity.unified})"
        yield KeyProblem("ACCOUNT_NOT_UNIFIED", what, "upgrade the account on Bybit's site")


def _rights(identity: KeyIdentity, *, real_money: bool, unbound_ip_accepted: bool) -> Iterator[KeyProblem]:
    wallet = set(identity.permissions.get("Wallet", ()))
    if wallet & WITHDRAWING:
        yield KeyProblem("KEY_MAY_WITHDRAW", "the key may withdraw", "make one without the rights of the wallet")
    if wallet - WITHDRAWING:
        words = ", ".join(sorted(wallet - WITHDRAWING))
        yield KeyProblem("KEY_MAY_TRANSFER", f"the key may move money: {words}", "make one without those rights")
    if identity.read_only:
        yield KeyProblem("KEY_READ_ONLY", "the key is read-only", "make one that may read and write")
    elif not _may_trade(identity):
        what = "the key may not trade contracts"
        yield KeyProblem("KEY_CANNOT_TRADE", what, "give it the rights for orders and positions of unified trading")
    if real_money and (more := sorted(set(identity.permissions) - TRADING_GROUPS - {"Wallet"})):
        what = f"the key has rights beyond trading: {', '.join(more)}"
        yield KeyProblem("KEY_MAY_MORE", what, "make one with the rights of unified trading only")
    if real_money and not identity.ips and not unbound_ip_accepted:
        cure = "bind it to the address of this machine, or set unbound_ip_accepted for the account"
        yield KeyProblem("KEY_NOT_BOUND", "the key works from every address", cure)


def expiry_warning(identity: KeyIdentity, now: int) -> str:
    """A sentence when a key expires within fourteen days, else nothing. now: nanoseconds UTC."""
    if identity.expires is None or identity.expires - now > EXPIRY_WARNED:
        return ""
    return f"the key expires in {max(0, identity.expires - now) // NS_PER_DAY} days"


def _expiry(identity: KeyIdentity, now: int) -> Iterator[KeyProblem]:
    if identity.expires is None:
        return
    left = identity.expires - now
    if left <= 0:
        yield KeyProblem("KEY_EXPIRED", "the key has expired", "make a new one")
    elif left <= EXPIRY_REFUSED:
        yield KeyProblem(
            "KEY_EXPIRES", f"the key expires in {left // (NS_PER_DAY // 24)} hours", "renew it, or make one"
        )


def _may_trade(identity: KeyIdentity) -> bool:
    """Unified accounts know two groups of rights for contracts; either suffices."""
    contract = set(identity.permissions.get("ContractTrade", ()))
    derivatives = set(identity.permissions.get("Derivatives", ()))
    return contract >= _CONTRACT_WORDS or "DerivativesTrade" in derivatives


def _identity(info: _KeyInfo | None, account: _AccountInfo, asked: int) -> KeyIdentity:
    margin_mode, unified = account.margin_mode, account.unified_margin_status
    if info is None:
        return KeyIdentity(
            account_id="", read_only=False, permissions={}, margin_mode=margin_mode, unified=unified, asked=asked
        )
    return KeyIdentity(
        account_id=str(info.user_id),
        read_only=bool(info.read_only),
        permissions={group: tuple(words) for group, words in sorted(info.permissions.items()) if words},
        ips=tuple(one for one in info.ips or () if one not in {"", "*"}) if "*" not in (info.ips or ()) else (),
        expires=_expires(info.expired_at),
        master=info.is_master,
        third_party=info.type == 2,
        margin_mode=margin_mode,
        unified=unified,
        asked=asked,
    )


def _expires(text: str) -> int | None:
    """Nanoseconds of a date; keys without one say 1970, or nothing."""
    try:
        seconds = int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return None
    return seconds * NS_PER_SECOND if seconds > 0 else None


async def _ask_whose(carrier: Carrier, environment: Environment) -> _KeyInfo | None:
    """What the venue says of the key; None where it does not answer that question, and need not."""
    try:
        return await _ask(carrier, environment, KEY_CALL, _KeyInfo)
    except ArmingRefused as refused:
        if refused.code != NOT_TOLD or capabilities(environment.name).key_info or environment.real_money:
            raise
        return None


async def _ask(carrier: Carrier, environment: Environment, call: Call, type_: type[Body]) -> Body:
    answer = await carrier.carry(Ticket(call, WINDOW_MS))
    where = f"{environment.rest}{call.path}"
    if call is KEY_CALL and answer.status == NOT_FOUND:
        raise ArmingRefused(f"{where}: HTTP 404", code=NOT_TOLD, cure="check the address of the environment")
    if answer.error or not answer.body:
        what = answer.error or f"HTTP {answer.status} without a body"
        raise ArmingRefused(f"{where}: {what}", code="KEY_UNKNOWN", cure="check the network and the environment")
    try:
        told = msgspec.json.decode(answer.body, type=_Answer)
        if told.ret_code == 0:
            return msgspec.json.decode(told.result, type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        message = f"{where}: HTTP {answer.status}, not an answer of Bybit's v5 API"
        raise ArmingRefused(message, code="KEY_UNKNOWN", cure="check the address of the environment") from error
    raise _refusal(told, environment, where, may_be_silent=call is KEY_CALL)


def _refusal(told: _Answer, environment: Environment, where: str, *, may_be_silent: bool) -> ArmingRefused:
    """What a refused question about a key means, and what to do about it."""
    others = " or ".join(name for name in ENVIRONMENTS if name != environment.name)
    cures = {
        10002: "set this machine's clock right",
        10003: f"the {environment.name} environment does not know this key: it was made in {others}, or deleted",
        10004: "the secret does not belong to this key; copy both anew",
        10005: "give the key the rights for orders and positions",
        10010: "this machine's address is not among those that the key is bound to; add it",
        33004: "the key has expired; make a new one",
    }
    cure = cures.get(told.ret_code, "look the code up in Bybit's v5 docs")
    message = f"{where}: retCode {told.ret_code}, {told.ret_msg[:100]}"
    if may_be_silent and told.ret_code == NOT_IN_DEMO:
        return ArmingRefused(message, code=NOT_TOLD, cure=cure)
    code = "KEY_REFUSED" if told.ret_code in cures else "KEY_UNKNOWN"
    return ArmingRefused(message, code=code, cure=cure)
