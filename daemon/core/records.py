"""Decision records: what we concluded. Each is one line of the decision stream, explained in docs/streams.md.

Every record has `seq` (its own place in the decision stream), `cause` (the seq of the input that caused it), `ts` (that
input's `ts_recv`, nanoseconds UTC) and `lane`. Nothing here may differ between a run and its replay: no run id, host
or wall time. Money and quantities are Decimal and appear as text; market data and indicators are float64.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec import Struct

from daemon.core.events import Side


class Action(StrEnum):
    """What a decision asks for."""

    HOLD = "hold"
    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"


class OrderType(StrEnum):
    """Bybit's two order types."""

    MARKET = "Market"
    LIMIT = "Limit"


class TimeInForce(StrEnum):
    """How long an order lives, in Bybit's words."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "PostOnly"


class OrderStatus(StrEnum):
    """Life cycle of an order as the venue tells it; the table of transitions is in `daemon.core.orders`."""

    SUBMITTED = "Submitted"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"


class Verdict(Struct, frozen=True, gc=False):
    """A guard's answer to one intent.

    code: "OK" or the reason of the denial, such as POSITION_ABOVE_LIMIT.  value, limit: the numbers compared.
    """

    guard: str
    allow: bool
    code: str
    value: float
    limit: float


class Window(Struct, frozen=True, gc=False):
    """The prices a strategy decided on: how many, and the CRC-32 of their little-endian float64, oldest first."""

    size: int
    digest: str


class Context(Struct, frozen=True, gc=False):
    """What was known when a strategy was evaluated.

    mark: mark price.  position: signed quantity in base units, entry its average price ("0" when flat).
    equity: cash plus unrealised PnL at mark, float64, USDT.  signal: the strategy's label for what it sees.
    indicators: the numbers it decided on; null for one that is not a number yet.
    """

    mark: float
    position: Decimal
    entry: Decimal
    equity: float
    signal: str
    indicators: dict[str, float | None]
    window: Window


class Choice(Struct, frozen=True, gc=False):
    """What was decided: `qty` is the order quantity on the step grid ("0" for hold), target_notional signed USDT."""

    action: Action
    qty: Decimal
    target_notional: float | None
    reason: str


class DecisionLine(Struct, frozen=True, gc=False, tag="decision", tag_field="kind"):
    """One evaluation of a strategy on a symbol, also when it holds. `evaluation` counts per lane, strategy, symbol."""

    seq: int
    cause: int
    ts: int
    lane: str
    strategy: str
    symbol: str
    evaluation: int
    context: Context
    decision: Choice
    verdicts: tuple[Verdict, ...] = ()


class OrderLine(Struct, frozen=True, gc=False, tag="order", tag_field="kind"):
    """A change in the life of an order. `decision` is the seq of the decision line that asked for it."""

    seq: int
    cause: int
    ts: int
    lane: str
    order_id: str
    decision: int
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    qty: Decimal
    price: Decimal | None
    reduce_only: bool
    status: OrderStatus
    filled_qty: Decimal
    reason: str = ""


class FillLine(Struct, frozen=True, gc=False, tag="fill", tag_field="kind"):
    """One execution. fee: USDT, above zero when paid.  realised_pnl: by this fill, before its fee.

    position, cash: of the lane's account after the fill, base units and USDT.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    order_id: str
    decision: int
    fill_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    maker: bool
    realised_pnl: Decimal
    position: Decimal
    cash: Decimal


class TransferLine(Struct, frozen=True, gc=False, tag="transfer", tag_field="kind"):
    """Money that came into (above zero) or left the account of a lane other than by trading."""

    seq: int
    cause: int
    ts: int
    lane: str
    amount: Decimal
    cash: Decimal
    reason: str


class HaltLine(Struct, frozen=True, gc=False, tag="halt", tag_field="kind"):
    """A lane stopped (`halted=True`) or resumed opening risk, and why."""

    seq: int
    cause: int
    ts: int
    lane: str
    halted: bool
    reason: str


Record: TypeAlias = DecisionLine | OrderLine | FillLine | TransferLine | HaltLine


def record_encoder() -> msgspec.json.Encoder:
    """The encoder of decision lines. Numbers of other libraries, such as numpy's, are written as the float they are."""
    return msgspec.json.Encoder(enc_hook=float)
