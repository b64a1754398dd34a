"""Facts about an account at a venue reached over a network: how our requests ended, and what the venue says it holds.

`Answered`, `Armed`, `Carried` and `VenueTime` are journaled; the others are what a decoder reads in a private frame or
in the body of an answer, and are concluded anew by every replay. They hold the venue's own words (a status, an
execution type that nobody had heard of before is a fact too); what to make of them is the business of
`daemon.core.remote`.

Prices are USDT per base unit, quantities base units, money USDT, all Decimal; times nanoseconds UTC of the venue.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Op(StrEnum):
    """What a request to a venue is for: the first group acts, the second asks."""

    CREATE = "create"
    AMEND = "amend"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    PROTECT = "trading_stop"
    SET_LEVERAGE = "set_leverage"

    OPEN_ORDERS = "open_orders"
    ORDER = "order"
    ORDER_HISTORY = "order_history"
    ORDER_EXECUTIONS = "order_executions"
    EXECUTIONS = "executions"
    POSITIONS = "positions"
    WALLET = "wallet"
    ACCOUNT = "account"


FUNDING = "Funding"  # Bybit v5 docs, "Enums Definitions", execType: moves money, no position
ACTS = frozenset({Op.CREATE, Op.AMEND, Op.CANCEL, Op.CANCEL_ALL, Op.PROTECT, Op.SET_LEVERAGE})


class OutcomeKind(StrEnum):
    """What an answer says of its request.

    ACCEPTED: the venue took it, or answered the question.  REFUSED: it has no effect, for certain.  EXISTS: an order of
    this id was there before.  NO_OP: what was asked for is so already.  GONE: the order to change is not open, which
    says nothing about why.  BUSY: ask again later.  UNKNOWN: nobody can say what became of it but the venue, if asked.
    NOT_SENT: no byte of it left this machine.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXISTS = "exists"
    NO_OP = "no_op"
    GONE = "gone"
    BUSY = "busy"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class Origin(StrEnum):
    """Where something about an account was read: pushed by the venue, or in an answer to a question of ours."""

    STREAM = "stream"
    QUERY = "query"


# Journaled


class Armed(Struct, frozen=True, kw_only=True, tag="armed", tag_field="fact"):
    """The order port of an account was built: which account, where, and whether orders there can cost money.

    fingerprint: of the venue's account id, so that the id itself stands in no journal.
    """

    account: str
    environment: str
    real_money: bool
    fingerprint: str


class Carried(Struct, frozen=True, kw_only=True, tag="carried", tag_field="fact"):
    """What an earlier run of ours held on an account when it ended. A position of this very size is explained by it.

    run: its id.  positions: signed base units by symbol, flat ones left out.
    """

    account: str
    run: str
    positions: dict[str, Decimal]


class Answered(Struct, frozen=True, kw_only=True, tag="answered", tag_field="fact"):
    """How a request ended: the answer as received, or why there is none.

    request, op: those of `daemon.core.remote.requests.Request`.  signed: the time it was stamped with, nanoseconds UTC
    of the venue's clock, 0 when it never was.  window_ms: for how long after that the venue may still take it.
    status: of HTTP, 0 without an answer.  body: text as received.  error: why there is no answer.
    sent: False only when it is certain that no byte of the request left.
    """

    account: str
    request: str
    op: Op
    signed: int = 0
    window_ms: int = 0
    status: int = 0
    body: str = ""
    error: str = ""
    sent: bool = True


class VenueTime(Struct, frozen=True, kw_only=True, tag="venue_time", tag_field="fact"):
    """The venue's clock against ours, as measured: venue time = ours + offset, give or take `bound`; nanoseconds.

    ok: whether the measurement is good enough to sign requests by.
    """

    account: str
    offset: int
    bound: int
    ok: bool = True
    reason: str = ""


# Concluded from frames and answers


class StreamState(Struct, frozen=True, gc=False, tag="stream_state", tag_field="fact"):
    """The private stream of an account carries everything it should (`up`), or does not."""

    account: str
    up: bool
    reason: str = ""


class Outcome(Struct, frozen=True, kw_only=True, tag="outcome", tag_field="fact"):
    """What an answer says of its request; of a question it comes after the rows it brought.

    code, reason: the venue's, or ours where it gave none.  venue_id: of the order concerned, as the venue numbers it.
    cursor: where the next page of a question begins, empty on the last.  rows: how many this page brought.
    venue_ts: the venue's time of answering, 0 when it gave none.  signed, window_ms: of the request.
    """

    account: str
    request: str
    op: Op
    kind: OutcomeKind
    code: int = 0
    reason: str = ""
    venue_id: str = ""
    cursor: str = ""
    rows: int = 0
    venue_ts: int = 0
    signed: int = 0
    window_ms: int = 0


class OrderSeen(Struct, frozen=True, kw_only=True, tag="order_seen", tag_field="fact"):
    """An order as the venue shows it. Words are the venue's: side, type, status and the reasons.

    link_id: the id we gave it, empty for one that we did not.  filled: cumulated quantity, also of a cancelled order.
    updated: when it last changed.  price, trigger_price: None where there is none.
    request: id of the question it answers; empty on the stream.
    """

    account: str
    origin: Origin
    link_id: str
    venue_id: str
    symbol: str
    side: str
    type: str
    status: str
    qty: Decimal
    filled: Decimal
    updated: int
    price: Decimal | None = None
    time_in_force: str = ""
    reduce_only: bool = False
    close_on_trigger: bool = False
    position_idx: int = 0
    reject_reason: str = ""
    cancel_type: str = ""
    create_type: str = ""
    stop_order_type: str = ""
    trigger_price: Decimal | None = None
    trigger_by: str = ""
    trigger_direction: int = 0
    created: int = 0
    request: str = ""


class Executed(Struct, frozen=True, kw_only=True, tag="executed", tag_field="fact"):
    """One row of the venue's executions, trades and others. fee: above zero when paid; of funding likewise.

    exec_type: the venue's word.  ts: of execution.  create_type, stop_order_type: of its order.
    order_qty, order_type: of its order too; mark: mark price at the execution, None where it is not told.
    """

    account: str
    origin: Origin
    exec_id: str
    link_id: str
    venue_id: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    maker: bool
    exec_type: str
    ts: int
    create_type: str = ""
    stop_order_type: str = ""
    order_type: str = ""
    order_qty: Decimal | None = None
    fee_rate: Decimal | None = None
    mark: Decimal | None = None
    request: str = ""


class PositionSeen(Struct, frozen=True, kw_only=True, tag="position_seen", tag_field="fact"):
    """A position as the venue shows it. qty: signed, below zero when short.  entry: average price, 0 when flat.

    idx: 0 in one-way mode, 1 and 2 the long and short one of hedge mode.  leverage: a factor.
    take_profit, stop_loss, trailing_stop: of the whole position, 0 without one.  status: the venue's word, "Normal".
    """

    account: str
    origin: Origin
    symbol: str
    idx: int
    qty: Decimal
    entry: Decimal
    leverage: Decimal
    take_profit: Decimal
    stop_loss: Decimal
    trailing_stop: Decimal
    updated: int
    liquidation_price: Decimal | None = None
    mark: Decimal | None = None
    status: str = ""
    request: str = ""


class WalletSeen(Struct, frozen=True, kw_only=True, tag="wallet_seen", tag_field="fact"):
    """The money of an account in USDT: balance realised, equity with open profit; margins None where not told."""

    account: str
    origin: Origin
    balance: Decimal
    equity: Decimal
    order_margin: Decimal | None = None
    position_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    updated: int = 0
    request: str = ""


class AccountSeen(Struct, frozen=True, kw_only=True, tag="account_seen", tag_field="fact"):
    """How an account is set. margin_mode: the venue's word."""

    account: str
    margin_mode: str
    updated: int = 0
    request: str = ""


class Unreadable(Struct, frozen=True, gc=False, tag="unreadable", tag_field="fact"):
    """Something that the venue said about an account could not be read; what we hold may be out of date.

    topic: of the stream, empty for an answer.  symbol: where it could be told.
    """

    account: str
    topic: str
    reason: str
    symbol: str = ""


JournaledAccountFact: TypeAlias = Armed | Carried | Answered | VenueTime
Row: TypeAlias = OrderSeen | Executed | PositionSeen | WalletSeen | AccountSeen
SeenAccountFact: TypeAlias = StreamState | Outcome | Row | Unreadable
AccountFact: TypeAlias = JournaledAccountFact | SeenAccountFact
