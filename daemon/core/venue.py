"""What the engine needs of an exchange that it steps itself, and the reports that come back.

The simulated exchange implements `Exchange`: its answers are conclusions and part of the same pure step. A real
venue's answers are inputs and reach the engine as facts. Both speak in the reports below.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias

from msgspec import Meta, Struct

from daemon.core.account_events import AccountFact
from daemon.core.events import Command, MarketFact, Restarted, Side, VenueTrouble
from daemon.core.market import Market
from daemon.core.orders import Amendment, OrderRequest, TradingStop
from daemon.core.records import ExecType, OrderStatus
from daemon.core.remote.requests import Request
from daemon.core.units import ZERO
from daemon.core.venue_records import QueryDone


class FillData(StrEnum):
    """What a simulated exchange matches against. AUTO: the richest kind that a symbol has had so far."""

    AUTO = "auto"
    BOOK = "book"
    TRADES = "trades"
    BARS = "bars"


class MarginMode(StrEnum):
    """Whether each position stands for itself, or the whole account for all of them."""

    ISOLATED = "isolated"
    CROSS = "cross"


class QueueModel(StrEnum):
    """How much of the quantity at a price is thought to stand before a resting order, conservative to optimistic.

    THROUGH: all of it, always; only a price that goes through fills.  BACK: what was there when the order came, less
    what traded since; whoever cancels stood behind.  PROPORTIONAL: cancels come from before and behind alike.
    FRONT: none of it; the first trade at the price fills.
    """

    THROUGH = "through"
    BACK = "back"
    PROPORTIONAL = "proportional"
    FRONT = "front"


Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
Samples = tuple[Annotated[float, Meta(ge=0, le=60_000)], ...]


class ExchangeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a simulated exchange fills and what it asks for.

    Fees are fractions of the executed value (Bybit VIP 0: taker 0.055 %, maker 0.02 %).
    Latencies: decision to arrival at the exchange, exchange to us, and market data to us, which matters where the data
    carries no delay of its own (history). Samples, where given, replace the constant: each message draws one of them,
    by `seed`.
    slippage_ticks and slippage_bps worsen every taker fill that has no book to walk. impact: square-root market impact,
    as a fraction of the price for an order of the whole volume of the last minute; 0 none.
    queue: see `QueueModel`.  volume_share: the part of a bar's volume that all our orders may fill, a fraction.
    move_price_to_limit: a limit price outside the venue's price band is moved to it (True) or the order refused.
    stop_equity_usdt: equity at or below which the lane stops.  stop_free_margin_usdt: the same for what is available.
    stop_on_liquidation: whether a liquidation stops the lane.
    account_every_min: how often the state of the account is written down while it trades; 0 never.
    """

    fill_data: FillData = FillData.AUTO
    margin_mode: MarginMode = MarginMode.ISOLATED
    taker_fee: Decimal = Decimal("0.00055")
    maker_fee: Decimal = Decimal("0.0002")
    entry_latency_ms: Milliseconds = 20
    response_latency_ms: Milliseconds = 20
    feed_latency_ms: Milliseconds = 0
    entry_latency_samples_ms: Samples = ()
    response_latency_samples_ms: Samples = ()
    feed_latency_samples_ms: Samples = ()
    seed: int = 0
    slippage_ticks: Annotated[int, Meta(ge=0, le=1000)] = 1
    slippage_bps: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    impact: Annotated[float, Meta(ge=0, le=1)] = 0.0
    queue: QueueModel = QueueModel.THROUGH
    volume_share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    move_price_to_limit: bool = True
    stop_equity_usdt: Decimal = Decimal(0)
    stop_free_margin_usdt: Decimal | None = None
    stop_on_liquidation: bool = True
    account_every_min: Annotated[int, Meta(ge=0, le=1440)] = 60

    def __post_init__(self) -> None:
        for name, fee in (("taker_fee", self.taker_fee), ("maker_fee", self.maker_fee)):
            if not (fee.is_finite() and Decimal("-0.01") <= fee <= Decimal("0.05")):
                raise ValueError(f"{name} is a fraction between -0.01 and 0.05, 0.00055 meaning 0.055 %; got {fee}")
        for name in ("stop_equity_usdt", "stop_free_margin_usdt"):
            amount = getattr(self, name)
            if amount is not None and not (amount.is_finite() and 0 <= amount <= Decimal("1e15")):
                raise ValueError(f"{name}: {amount} is not between 0 and 1e15")


class PlacedReport(Struct, frozen=True):
    """The exchange made an order by itself: a protection, a liquidation, a deleveraging."""

    request: OrderRequest
    status: OrderStatus
    reason: str = ""


class OrderReport(Struct, frozen=True):
    """The venue moved an order to `status`; reason is its code and text when it refused or cancelled."""

    order_id: str
    status: OrderStatus
    reason: str = ""


class AmendReport(Struct, frozen=True):
    """An order was changed, by our amendment or by the venue, which says why. `request` is the order as it is now."""

    request: OrderRequest
    reason: str = ""


class RefusalReport(Struct, frozen=True):
    """A request other than a new order was refused. what: such as "amend", "cancel", "trading stop".

    order_id: the order it was about, empty for one about a position.  reason: the venue's code and text.
    decision: of a trading stop, the seq of the decision line that asked; 0 where the order tells.
    """

    what: str
    order_id: str
    symbol: str
    reason: str
    decision: int = 0


class FillReport(Struct, frozen=True):
    """One execution. price USDT per base unit; qty base units, above zero; fee USDT, above zero when paid.

    slippage: cost against the touch when the order was decided or triggered, USDT, above zero when worse.
    """

    order_id: str
    fill_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    maker: bool
    exec_type: ExecType = ExecType.TRADE
    slippage: Decimal = ZERO


class FundingReport(Struct, frozen=True):
    """Funding was settled; fields as in `daemon.core.records.FundingLine`."""

    symbol: str
    boundary: int
    qty: Decimal
    mark: Decimal
    rate: Decimal
    fee: Decimal


class LiquidationReport(Struct, frozen=True):
    """A step of a liquidation; fields as in `daemon.core.records.LiquidationLine`. Its fills follow."""

    symbol: str
    step: str
    side: Side
    qty: Decimal
    mark: Decimal
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal
    margin_balance: Decimal
    maintenance_margin: Decimal


class AccountReport(Struct, frozen=True):
    """The account as the exchange sees it; fields as in `daemon.core.records.AccountLine`."""

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


class StopReport(Struct, frozen=True):
    """The exchange says that the lane should open no more risk. code: such as ACCOUNT_BLOWN, MARGIN_SHORT, LIQUIDATED.

    evidence: the numbers compared, in words.
    """

    code: str
    evidence: str


class TransferReport(Struct, frozen=True):
    """Money that came into (above zero) or left the account other than by trading, USDT."""

    amount: Decimal
    reason: str


class GrantReport(Struct, frozen=True):
    """A request other than a new order was granted, and nothing else will say so. what, about: as in a refusal."""

    what: str
    about: str


class GateReport(Struct, frozen=True):
    """Something shut or opened the way for new risk, of one symbol where it is given. who: the gate's name."""

    who: str
    shut: bool
    reason: str
    symbol: str = ""


class SendReport(Struct, frozen=True):
    """A request that acts is ready to leave; its record must be durable first."""

    request: Request


class TrackReport(Struct, frozen=True):
    """What is known of an order's fate; fields as in `daemon.core.venue_records.TrackLine`."""

    order_id: str
    link_id: str
    symbol: str
    state: str
    reason: str


class ReconcileReport(Struct, frozen=True):
    """Our books were held against the venue's; fields as in `daemon.core.venue_records.ReconcileLine`."""

    step: str
    reason: str
    queries: tuple[QueryDone, ...] = ()


class MismatchReport(Struct, frozen=True):
    """Our books and the venue's differ; fields as in `daemon.core.venue_records.MismatchLine`."""

    what: str
    symbol: str
    order_id: str
    ours: str
    venue: str
    action: str


class AdoptionReport(Struct, frozen=True):
    """A position is taken into our books; fields as in `daemon.core.venue_records.AdoptionLine`."""

    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    reason: str


RemoteReport: TypeAlias = (
    GrantReport | GateReport | SendReport | TrackReport | ReconcileReport | MismatchReport | AdoptionReport
)
Report: TypeAlias = (
    PlacedReport
    | OrderReport
    | AmendReport
    | RefusalReport
    | FillReport
    | FundingReport
    | LiquidationReport
    | AccountReport
    | StopReport
    | TransferReport
    | RemoteReport
)


class Exchange(Protocol):
    """An exchange inside the engine's step: no I/O, no clock; `now` is the `ts_recv` of the input being handled.

    Each call returns the reports that the daemon learns of at `now`, in their order: the order in which they happened
    at the exchange, whatever order they concern.
    next_due: when `advance` has something to do next, nanoseconds UTC; `units.NEVER` when nothing is in flight. It
    starts at 0, so that the first input lets the account's opening balance arrive.
    agrees: whether the venue is known to hold what has been reported, and nothing is under way. An exchange inside the
    step always agrees with itself.
    Any call raises `InvariantBroken` when the exchange's own books do not add up; the engine then stops the lane.
    """

    next_due: int

    @property
    def agrees(self) -> bool:
        """Whether what is held is known for certain."""
        ...

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Take an order; refusals and, without latency, fills come back at once."""
        ...

    def amend(self, amendment: Amendment, now: int) -> Sequence[Report]:
        """Take a change of an order; it travels like an order."""
        ...

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Take a cancel request; it travels like an order."""
        ...

    def cancel_all(self, symbol: str, now: int) -> Sequence[Report]:
        """Take a request to cancel every order of a symbol, or of the account when it is empty; it travels too."""
        ...

    def protect(self, stop: TradingStop, market: Market, now: int) -> Sequence[Report]:
        """Take a request to set the protection of a position; it travels like an order."""
        ...

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """Match what rests, trigger what waits, settle and liquidate, by a fact that `market` has just applied."""
        ...

    def advance(self, now: int) -> Sequence[Report]:
        """Let what is in flight arrive, against the market as it stood before the input at `now`."""
        ...

    def trouble(self, trouble: VenueTrouble, now: int) -> Sequence[Report]:
        """Suffer scripted trouble from here on."""
        ...

    def prove(self, now: int) -> Sequence[Report]:
        """Begin to make certain of all that is held; what a real venue holds beyond our books is taken into them."""
        ...

    def hear(self, fact: AccountFact | Restarted | Command, now: int) -> Sequence[Report]:
        """Take note of what a venue says about the account, of an operator's command, or that the daemon was down."""
        ...
