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
from daemon.core.units import ZERO
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine


class Action(StrEnum):
    """What a decision asks for."""

    HOLD = "hold"
    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    CANCEL = "cancel"
    AMEND = "amend"
    PROTECT = "protect"


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
    UNTRIGGERED = "Untriggered"
    TRIGGERED = "Triggered"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"
    DEACTIVATED = "Deactivated"


class TriggerBy(StrEnum):
    """Which price lets a conditional order go off, in Bybit's words."""

    LAST = "LastPrice"
    MARK = "MarkPrice"
    INDEX = "IndexPrice"


class StopOrderType(StrEnum):
    """What a conditional order is for, in Bybit's words; empty for a plain order."""

    NONE = ""
    STOP = "Stop"
    TAKE_PROFIT = "TakeProfit"
    STOP_LOSS = "StopLoss"
    PARTIAL_TAKE_PROFIT = "PartialTakeProfit"
    PARTIAL_STOP_LOSS = "PartialStopLoss"
    TRAILING_STOP = "TrailingStop"


class CreateType(StrEnum):
    """Who made an order, in Bybit's words: the user, or the exchange for a reason of its own.

    Ours are PANIC, for an order that closes a position at the operator's command, and OTHER, for a word not known.
    """

    USER = "CreateByUser"
    STOP_ORDER = "CreateByStopOrder"
    TAKE_PROFIT = "CreateByTakeProfit"
    STOP_LOSS = "CreateByStopLoss"
    PARTIAL_TAKE_PROFIT = "CreateByPartialTakeProfit"
    PARTIAL_STOP_LOSS = "CreateByPartialStopLoss"
    TRAILING_STOP = "CreateByTrailingStop"
    LIQUIDATION = "CreateByLiq"
    TAKE_OVER = "CreateByTakeOver_PassThrough"
    ADL = "CreateByAdl_PassThrough"
    PANIC = "Panic"
    OTHER = "Other"


class ExecType(StrEnum):
    """Why an execution happened, in Bybit's words. BUST_TRADE is a takeover at the bankruptcy price."""

    TRADE = "Trade"
    BUST_TRADE = "BustTrade"
    ADL_TRADE = "AdlTrade"
    BLOCK_TRADE = "BlockTrade"
    DELIVERY = "Delivery"
    SETTLE = "Settle"
    MOVE_POSITION = "MovePosition"
    FUTURE_SPREAD = "FutureSpread"


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


class Terms(Struct, frozen=True, gc=False, omit_defaults=True):
    """What was asked for besides a quantity, on the tick grid, USDT; what was not is left out of the line.

    price: limit price.  trigger_price, trigger_by: of a conditional order.  take_profit, stop_loss, trailing_stop: of
    the order, or of the position for PROTECT, where zero removes what is set.  orders: ids of those to cancel or amend.
    """

    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: Decimal | None = None
    orders: tuple[str, ...] = ()


class Choice(Struct, frozen=True, gc=False, omit_defaults=True):
    """What was decided: `qty` is the order quantity on the step grid, target_notional signed USDT.

    qty: "0" where no quantity was decided on (HOLD, CANCEL, PROTECT), the new total for AMEND.
    terms: left out of the line where nothing but a quantity was asked for.
    """

    action: Action
    qty: Decimal
    target_notional: float | None
    reason: str
    terms: Terms | None = None


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
    """A change in the life of an order, its amendment included.

    decision: seq of the decision line that asked for it, 0 for an order that the exchange made by itself.
    trigger_price: USDT, null for an order that waits for no trigger.
    """

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
    trigger_price: Decimal | None = None
    stop_order_type: StopOrderType = StopOrderType.NONE
    create_type: CreateType = CreateType.USER


class RefusalLine(Struct, frozen=True, gc=False, tag="refusal", tag_field="kind"):
    """The exchange refused a request other than a new order; the order, or the position, stays as it is.

    decision: seq of the decision line that asked, 0 when that is not known.  what: such as "amend", "cancel".
    order_id: the order it was about, which may be done by now; empty for one about a position.
    reason: the exchange's code and text.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    decision: int
    symbol: str
    order_id: str
    what: str
    reason: str


class FillLine(Struct, frozen=True, gc=False, tag="fill", tag_field="kind"):
    """One execution. fee: USDT, above zero when paid.  realised_pnl: by this fill, before its fee.

    position, cash: of the lane's account after the fill, base units and USDT.
    slippage: what it cost against the touch at its decision or trigger, USDT, above zero when worse.
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
    exec_type: ExecType = ExecType.TRADE
    slippage: Decimal = ZERO


class TransferLine(Struct, frozen=True, gc=False, tag="transfer", tag_field="kind"):
    """Money that came into (above zero) or left the account of a lane other than by trading."""

    seq: int
    cause: int
    ts: int
    lane: str
    amount: Decimal
    cash: Decimal
    reason: str


class FundingLine(Struct, frozen=True, gc=False, tag="funding", tag_field="kind"):
    """Funding settled on a position. boundary: the exact time of settlement, nanoseconds UTC.

    qty: signed base units held at the boundary.  mark, rate: what it was settled on; rate a fraction.
    fee: USDT, above zero when paid.  cash: of the account afterwards.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    symbol: str
    boundary: int
    qty: Decimal
    mark: Decimal
    rate: Decimal
    fee: Decimal
    cash: Decimal


class LiquidationLine(Struct, frozen=True, gc=False, tag="liquidation", tag_field="kind"):
    """A step of a liquidation or deleveraging, with the numbers that caused it; its fills follow as fill lines.

    step: "reduce" (down to a lower risk tier), "takeover" (all of it at the bankruptcy price) or "adl".
    side, qty: of the position concerned before the step, qty base units above zero.
    mark, liquidation_price, bankruptcy_price: USDT; liquidation_price null in cross margin, where the account decides.
    margin_balance, maintenance_margin: USDT, of the position in isolated margin, of the account in cross margin.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    symbol: str
    step: str
    side: Side
    qty: Decimal
    mark: Decimal
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal
    margin_balance: Decimal
    maintenance_margin: Decimal


class AccountLine(Struct, frozen=True, gc=False, tag="account", tag_field="kind"):
    """The account as its exchange sees it, at times; USDT unless said otherwise.

    equity: wallet balance plus unrealised PnL at mark.  available: free for a new order.
    initial_margin, maintenance_margin, order_margin: bound by positions, needed by them, bound by open orders.
    margin_ratio: worst maintenance margin over margin balance, a fraction; 1 means liquidation.
    exposure: sum of absolute position values at mark.
    liquidation_symbol, liquidation_distance: whose mark price is nearest to its liquidation price, and how far the mark
    has to move, as a fraction of itself; "" and null without one.
    fees, funding, slippage: paid since the beginning, above zero when it cost.
    """

    seq: int
    cause: int
    ts: int
    lane: str
    equity: float
    available: float
    initial_margin: float
    maintenance_margin: float
    order_margin: float
    margin_ratio: float
    exposure: float
    liquidation_symbol: str
    liquidation_distance: float | None
    fees: Decimal
    funding: Decimal
    slippage: Decimal


class HaltLine(Struct, frozen=True, gc=False, tag="halt", tag_field="kind", omit_defaults=True):
    """A lane stopped (`halted=True`) or resumed opening risk, and why. symbol: the only one concerned, where given."""

    seq: int
    cause: int
    ts: int
    lane: str
    halted: bool
    reason: str
    symbol: str = ""


Record: TypeAlias = (
    DecisionLine
    | OrderLine
    | RefusalLine
    | FillLine
    | TransferLine
    | FundingLine
    | LiquidationLine
    | AccountLine
    | HaltLine
    | SendLine
    | TrackLine
    | ReconcileLine
    | MismatchLine
    | AdoptionLine
)


def record_encoder() -> msgspec.json.Encoder:
    """The encoder of decision lines. Numbers of other libraries, such as numpy's, are written as the float they are."""
    return msgspec.json.Encoder(enc_hook=float)
