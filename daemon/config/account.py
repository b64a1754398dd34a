"""Accounts: simulated ones, and those at Bybit, with what must agree before an order may go there."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from daemon.config.instrument import LEVERAGE_MAX, ONE
from daemon.config.ranges import MONEY_MAX, check_range
from daemon.core.remote.settings import OrderSettings, RemoteSettings
from daemon.core.venue import ExchangeSettings

_ID = re.compile("[0-9]{1,20}")
IdText = Annotated[str, Meta(pattern="^([0-9]{1,20}|#[0-9a-f]{16})$")]


def fingerprint(account_id: str) -> str:
    """What stands for a venue's account id in everything that is written: `#` and 16 hexadecimal digits.

    A fingerprint is its own fingerprint, so that a configuration read back from a run is the one that was written.
    """
    if not _ID.fullmatch(account_id):
        return account_id
    return "#" + hashlib.sha256(f"lockstep account {account_id}".encode()).hexdigest()[:16]


class AccountSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account and its capital.

    balance_usdt: what a simulated one starts with, and the paper account that stands for one at Bybit wherever no order
    may go there.  leverage: a factor, for margin.  exchange: how the simulated exchange fills.
    account_id: Bybit's user id, digits.  consent: the same id again, without which nothing is traded there.
    secrets: path of a file with key and secret; without it they come from the environment.
    unbound_ip_accepted: whether a key that may be used from every address is taken where orders cost money.
    unverified_id_accepted: whether account_id is believed where the venue does not say whose a key is, and orders cost
    nothing.
    """

    venue: Literal["simulated", "bybit"] = "simulated"
    balance_usdt: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(5)
    exchange: ExchangeSettings = ExchangeSettings()
    account_id: IdText | None = None
    consent: IdText | None = None
    secrets: Annotated[str, Meta(min_length=1)] | None = None
    unbound_ip_accepted: bool = False
    unverified_id_accepted: bool = False
    orders: OrderSettings = OrderSettings()

    def __post_init__(self) -> None:
        check_range("balance_usdt", self.balance_usdt, ONE, MONEY_MAX)
        check_range("leverage", self.leverage, ONE, LEVERAGE_MAX)

    def remote(self, *, speed: float, history_days: int | None) -> RemoteSettings:
        """Settings of the exchange that stands for this account, at a venue with such a clock and such a memory."""
        return RemoteSettings(
            **msgspec.structs.asdict(self.orders),
            leverage=self.leverage,
            margin_mode=self.exchange.margin_mode,
            history_days=history_days,
            time_scale=speed,
        )

    def without_ids(self) -> AccountSettings:
        """The same account as it may be written down: fingerprints stand for ids."""
        return msgspec.structs.replace(
            self,
            account_id=None if self.account_id is None else fingerprint(self.account_id),
            consent=None if self.consent is None else fingerprint(self.consent),
        )
