"""Bybit v5 private frames and answers (linear) as msgspec structs, and the numbers in them as Decimal.

Source: Bybit v5 docs, "WebSocket Stream > Private", "Trade", "Position", "Account". The same things look a little
different on the stream and in answers: a price that is not set is "", "0" or "0.00", or its key is missing; the average
price of a position is `entryPrice` here and `avgPrice` there. Numbers stay text until they are read by `number` and
its kind, which know of no exponent, no infinity and no float.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from daemon.core.errors import FrameError
from daemon.core.units import NS_PER_MS, ZERO

Number: TypeAlias = Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None
Id: TypeAlias = Annotated[str, Meta(max_length=128)]
Told: TypeAlias = Annotated[str, Meta(max_length=64)]
Word: TypeAlias = Told | None
Symbol: TypeAlias = Annotated[str, Meta(min_length=1, max_length=32)]
Flag: TypeAlias = bool | None

_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_MILLISECONDS = range(10**12, 9 * 10**12)  # as nanoseconds they fit into 64 bits


class OrderRow(Struct, frozen=True, rename="camel", gc=False):
    """An order: topic `order`, order/realtime, order/history.

    {"category":"linear","symbol":"ETHUSDT","orderId":"5cf98598-39a7-459e-97bf-76ca765ee020","orderLinkId":"",
    "side":"Sell","orderType":"Market","price":"72.5","qty":"1","timeInForce":"IOC","orderStatus":"Filled",
    "createType":"CreateByUser","cancelType":"UNKNOWN","rejectReason":"EC_NoError","avgPrice":"75","leavesQty":"0",
    "cumExecQty":"1","stopOrderType":"","triggerPrice":"","triggerBy":"","triggerDirection":0,"reduceOnly":false,
    "closeOnTrigger":false,"positionIdx":0,"createdTime":"1672364262444","updatedTime":"1672364262457"}
    """

    symbol: Symbol
    order_id: Id
    side: Told
    order_type: Told
    order_status: Told
    qty: Number
    cum_exec_qty: Number
    updated_time: Number
    category: Word = None
    order_link_id: Id | None = None
    price: Number = None
    time_in_force: Word = None
    reduce_only: Flag = None
    close_on_trigger: Flag = None
    position_idx: Number = None
    reject_reason: Word = None
    cancel_type: Word = None
    create_type: Word = None
    stop_order_type: Word = None
    trigger_price: Number = None
    trigger_by: Word = None
    trigger_direction: Number = None
    created_time: Number = None


class ExecutionRow(Struct, frozen=True, rename="camel", gc=False):
    """An execution: topic `execution`, execution/list. `exec_fee` above zero is paid, also of funding.

    {"category":"linear","symbol":"BTCUSDT","execFee":"26.3725275","execId":"0ab1bdf7-4219-438b-b30a-32ec863018f7",
    "execPrice":"95900.1","execQty":"0.5","execType":"Trade","execTime":"1746270400353","feeRate":"0.00055",
    "markPrice":"95901.48","orderId":"9aac161b-8ed6-450d-9cab-c5cc67c21784","orderLinkId":"","orderQty":"0.5",
    "orderType":"Market","stopOrderType":"UNKNOWN","side":"Sell","isMaker":false,"createType":"CreateByUser"}
    """

    symbol: Symbol
    exec_id: Annotated[str, Meta(min_length=1, max_length=128)]
    order_id: Id
    side: Told
    exec_price: Number
    exec_qty: Number
    exec_type: Told
    exec_time: Number
    exec_fee: Number
    category: Word = None
    order_link_id: Id | None = None
    is_maker: Flag = None
    create_type: Word = None
    stop_order_type: Word = None
    order_type: Word = None
    order_qty: Number = None
    fee_rate: Number = None
    mark_price: Number = None


class PositionRow(Struct, frozen=True, rename="camel", gc=False):
    """A position: topic `position` (entryPrice), position/list (avgPrice). `side` is empty when flat; `size` unsigned.

    {"category":"linear","symbol":"XRPUSDT","side":"Buy","size":"75","positionIdx":0,"entryPrice":"0.3615",
    "leverage":"10","markPrice":"0.3374","liqPrice":"","takeProfit":"0","stopLoss":"0","trailingStop":"0",
    "positionStatus":"Normal","updatedTime":"1672364174449"}
    """

    symbol: Symbol
    size: Number
    updated_time: Number
    side: Word = None
    category: Word = None
    position_idx: Number = None
    entry_price: Number = None
    avg_price: Number = None
    leverage: Number = None
    mark_price: Number = None
    liq_price: Number = None
    take_profit: Number = None
    stop_loss: Number = None
    trailing_stop: Number = None
    position_status: Word = None


class CoinRow(Struct, frozen=True, gc=False):
    """One coin of a wallet; keys of margins begin with a capital after `total`, as in totalOrderIM."""

    coin: Word = None
    wallet_balance: Number = field(name="walletBalance", default=None)
    equity: Number = None
    order_margin: Number = field(name="totalOrderIM", default=None)
    position_margin: Number = field(name="totalPositionIM", default=None)
    maintenance_margin: Number = field(name="totalPositionMM", default=None)


class WalletRow(Struct, frozen=True, rename="camel"):
    """A wallet: topic `wallet`, account/wallet-balance."""

    coin: list[Raw]
    account_type: Word = None


class AccountRow(Struct, frozen=True, rename="camel", gc=False):
    """account/info: {"marginMode":"ISOLATED_MARGIN","updatedTime":"1697078946000","unifiedMarginStatus":5}."""

    margin_mode: Annotated[str, Meta(min_length=1, max_length=64)]
    updated_time: Number = None


class Push(Struct, frozen=True, rename="camel"):
    """A private frame: data of a topic, or an answer of the venue.

    {"id":"592324803b2785-26fa-4214-9963-bdd4727f07be","topic":"order","creationTime":1672364262474,"data":[]}
    {"success":true,"ret_msg":"","op":"auth","conn_id":"cejreaspqfh3sjdnldmg-p"}
    {"req_id":"1","op":"pong","args":["1690884539181"],"conn_id":"cejreaspqfh3sjdnldmg-p"}
    """

    topic: str | None = None
    creation_time: Number = None
    data: list[Raw] | None = None
    op: str | None = None
    success: bool | None = None

    @property
    def is_control(self) -> bool:
        """Whether this answers a request of ours, rather than pushing data."""
        return self.topic is None and (self.op is not None or self.success is not None)


class Page(Struct, frozen=True):
    """The result of a question with a list; `next_page_cursor` is percent-encoded and empty on the last page."""

    rows: list[Raw] = field(name="list")
    category: Word = None
    next_page_cursor: str | None = field(name="nextPageCursor", default=None)


class _Named(Struct, frozen=True):
    symbol: str = ""


decode_push = Decoder(Push).decode
decode_page = Decoder(Page).decode
decode_order = Decoder(OrderRow).decode
decode_execution = Decoder(ExecutionRow).decode
decode_position = Decoder(PositionRow).decode
decode_wallet = Decoder(WalletRow).decode
decode_coin = Decoder(CoinRow).decode
decode_account = Decoder(AccountRow).decode
_decode_named = Decoder(_Named).decode


def optional(value: Number, name: str) -> Decimal | None:
    """A number that need not be there: None when it is missing or empty.

    Raises:
        FrameError: it is not plain decimal text.
    """
    if value is None or value == "":
        return None
    text = str(value)
    if not _DECIMAL.fullmatch(text):
        raise FrameError(f"{name}: {text[:40]!r} is not a number")
    return Decimal(text)


def number(value: Number, name: str) -> Decimal:
    """A number that must be there.

    Raises:
        FrameError: it is missing or not plain decimal text.
    """
    read = optional(value, name)
    if read is None:
        raise FrameError(f"{name} is missing")
    return read


def unsigned(value: Number, name: str) -> Decimal:
    """A number that must be there and not below zero.

    Raises:
        FrameError: it is something else.
    """
    read = number(value, name)
    if read < ZERO:
        raise FrameError(f"{name} is below zero: {read}")
    return read


def price_or_none(value: Number, name: str) -> Decimal | None:
    """A price, None where none is set: the venue writes nothing, or zero.

    Raises:
        FrameError: it is not a number, or is below zero.
    """
    read = optional(value, name)
    if read is not None and read < ZERO:
        raise FrameError(f"{name} is below zero: {read}")
    return read or None


def whole(value: Number, name: str) -> int:
    """A small whole number, 0 where it is missing.

    Raises:
        FrameError: it is something else.
    """
    read = optional(value, name)
    if read is None:
        return 0
    if read != read.to_integral_value() or abs(read) > 10**9:
        raise FrameError(f"{name}: {read} is not a small whole number")
    return int(read)


def time_ns(value: Number, name: str) -> int:
    """Milliseconds of this era as nanoseconds.

    Raises:
        FrameError: they are missing or of another era.
    """
    read = number(value, name)
    if read != read.to_integral_value() or int(read) not in _MILLISECONDS:
        raise FrameError(f"{name}: {read} is not a time in milliseconds")
    return int(read) * NS_PER_MS


def time_or_zero(value: Number, name: str) -> int:
    """As `time_ns`, but 0 when it is missing, empty or "0"."""
    return 0 if value in {None, "", "0", 0} else time_ns(value, name)


def symbol_of(row: Raw | bytes) -> str:
    """The symbol of a row that was not read, or nothing."""
    try:
        return _decode_named(row).symbol[:32]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
