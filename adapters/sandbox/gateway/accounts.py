"""Accounts of the sandbox and their API keys: the default ones, and those of an accounts file.

    [[accounts]]
    uid = "100001"
    name = "main"
    balance_usdt = "25000"
    leverage = "5"
    margin_mode = "cross"
    position_mode = "hedge"

    [[accounts.keys]]
    key = "my-key"
    secret = "my-secret"
    read_only = true

A key belongs to one environment, as at Bybit; on the server of another one it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from daemon.config import decode
from daemon.config.syntax import format_of, read_document
from daemon.core.errors import ConfigError

Personality = Literal["demo", "live", "testnet"]
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Uid = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}$")]

EVERYTHING: dict[str, tuple[str, ...]] = {
    "ContractTrade": ("Order", "Position"),
    "Spot": ("SpotTrade",),
    "Wallet": ("AccountTransfer", "SubMemberTransferList"),
    "Options": ("OptionsTrade",),
    "Derivatives": ("DerivativesTrade",),
    "Exchange": ("ExchangeHistory",),
}
ANYWHERE = "*"
BOUNDS = (
    ("balance_usdt", "0", "1e12"),
    ("leverage", "1", "200"),
    ("taker_fee", "-0.01", "0.05"),
    ("maker_fee", "-0.01", "0.05"),
)


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key of an account.

    secret: what requests are signed with.  read_only: it may ask and not act.  permissions: Bybit's words by group.
    ips: addresses it may be used from, "*" for any.  expires_ms: market time in milliseconds UTC from which it is
    refused; None never.  personality: the only environment that knows it; "" takes the server's.
    """

    key: Word
    secret: Annotated[str, Meta(min_length=1, max_length=128)]
    read_only: bool = False
    permissions: dict[str, tuple[str, ...]] = field(default_factory=EVERYTHING.copy)
    ips: Annotated[tuple[str, ...], Meta(min_length=1)] = (ANYWHERE,)
    expires_ms: int | None = None
    note: str = "sandbox"
    personality: Literal["", "demo", "live", "testnet"] = ""

    def __repr__(self) -> str:
        return f"ApiKey({self.key})"


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account.

    uid: Bybit's user id.  balance_usdt: what it starts with.  leverage: of every symbol at the start.
    taker_fee, maker_fee: fractions of the executed value.
    """

    uid: Uid
    name: Word
    keys: tuple[ApiKey, ...] = ()
    balance_usdt: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)
    margin_mode: Literal["isolated", "cross"] = "isolated"
    position_mode: Literal["one_way", "hedge"] = "one_way"
    taker_fee: Decimal = Decimal("0.00055")
    maker_fee: Decimal = Decimal("0.0002")

    def __post_init__(self) -> None:
        for name, low, high in BOUNDS:
            value = getattr(self, name)
            if not (value.is_finite() and Decimal(low) <= value <= Decimal(high)):
                raise ValueError(f"{name}: {value} is not between {low} and {high}")


class AccountsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole accounts file."""

    accounts: Annotated[tuple[Account, ...], Meta(min_length=1)]


def default_accounts() -> tuple[Account, ...]:
    """Two accounts, so that a client can be tried that must not touch the other one's orders.

    The key of the first may trade contracts and nothing else, as a key that a daemon is given should; that of the
    second may do everything.
    """
    trades = {group: EVERYTHING[group] for group in ("ContractTrade", "Derivatives")}
    first = ApiKey(key="sandbox-key-1", secret="sandbox-secret-1", permissions=trades)  # noqa: S106
    return (
        Account(uid="100001", name="main", keys=(first,)),
        Account(uid="100002", name="second", keys=(ApiKey(key="sandbox-key-2", secret="sandbox-secret-2"),)),  # noqa: S106
    )


def load_accounts(path: Path) -> tuple[Account, ...]:
    """Read an accounts file (TOML, YAML or JSON).

    Raises:
        ConfigError: it cannot be read, or is wrong; the message names the file and the path of the key.
    """
    name = str(path)
    accounts = decode(read_table(path), AccountsFile, name=name).accounts
    check_accounts(accounts, name)
    return accounts


def read_table(path: Path) -> object:
    """Read a settings file of the sandbox into tables, lists and scalars.

    Raises:
        ConfigError: it cannot be read or is no TOML, YAML or JSON.
    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: cannot be read: {error}", cure="Check the path.") from None
    return read_document(text, format_of(path.suffix, name), name)


def check_accounts(accounts: Sequence[Account], name: str = "accounts") -> None:
    """Refuse accounts that cannot be told apart.

    Raises:
        ConfigError: a uid, a name or a key stands twice.
    """
    keys = [key.key for account in accounts for key in account.keys]
    for what, words in (
        ("uid", [account.uid for account in accounts]),
        ("name", [account.name for account in accounts]),
        ("key", keys),
    ):
        for word in words:
            if words.count(word) > 1:
                raise ConfigError(f"{name}: accounts: {what} {word!r} stands twice", cure=f"Give each its own {what}.")


class KeyRing:
    """Every key of the server, with its account. Keys of another environment are not in it."""

    def __init__(self, accounts: Sequence[Account], personality: Personality) -> None:
        self._keys = {
            key.key: (account, key)
            for account in accounts
            for key in account.keys
            if key.personality in {"", personality}
        }

    def find(self, key: str) -> tuple[Account, ApiKey] | None:
        """Account and key of that name."""
        return self._keys.get(key)


def permits(permissions: Mapping[str, Sequence[str]], wanted: str) -> bool:
    """Whether a permission such as "Order" is in any group."""
    return any(wanted in words for words in permissions.values())
