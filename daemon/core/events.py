"""Facts: what the world told us. The input journal holds them, the engine folds them.

A venue's frame is journaled as received and decoded into market facts; what the daemon itself notices (links, timers,
operator commands, restarts) is journaled as the fact below. A new fact is one class here, one handler in
`daemon.core.engine` and one paragraph in docs/streams.md. New fields get defaults; old ones keep their type.

Prices are quote currency per unit of base (USDT), sizes base units, times integer nanoseconds UTC. `ts_exchange` is
the venue's clock. Ours, `ts_recv`, stands on the input record that carried the fact.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from daemon.core.account_events import AccountFact


class Side(StrEnum):
    """Direction of an order or of a trade's taker, in Bybit's words."""

    BUY = "Buy"
    SELL = "Sell"


class BarOrigin(StrEnum):
    """Who made a bar: the venue (kline), we ourselves from trades, or a history file."""

    VENUE = "venue"
    TRADES = "trades"
    HISTORY = "history"


class RiskTier(Struct, frozen=True):
    """One step of a symbol's risk limits: what a position of up to `limit` (USDT at mark, inclusive) needs.

    Rates are fractions: maintenance margin = value * maintenance_rate - deduction, initial margin at least
    value * initial_rate. Source: Bybit `/v5/market/risk-limit`.
    """

    limit: Decimal
    maintenance_rate: Decimal
    initial_rate: Decimal
    max_leverage: Decimal
    deduction: Decimal = Decimal(0)


class Instrument(Struct, frozen=True, kw_only=True, tag="instrument", tag_field="fact"):
    """Specification of a USDT linear perpetual, valid from this fact on.

    Source: Bybit `/v5/market/instruments-info`. Prices and quantities are multiples of `tick` and `step`.
    max_qty bounds limit orders, max_market_qty market orders; min_notional is in USDT; leverage is a factor.
    price_limit_ratio_x, _y: the venue's riskParameters, fractions; null where no price band is known.
    risk_tiers: lowest first; empty where they are not known, see `adapters.simulated.margin`.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal = Decimal(5)
    max_leverage: Decimal = Decimal(100)
    funding_interval_min: int = 480
    status: str = "Trading"
    min_leverage: Decimal = Decimal(1)
    leverage_step: Decimal = Decimal("0.01")
    price_limit_ratio_x: Decimal | None = None
    price_limit_ratio_y: Decimal | None = None
    upper_funding_rate: Decimal | None = None
    lower_funding_rate: Decimal | None = None
    risk_tiers: tuple[RiskTier, ...] = ()


class Trade(Struct, frozen=True, gc=False, tag="trade", tag_field="fact"):
    """A public trade. `taker_side` says who crossed the spread."""

    symbol: str
    ts_exchange: int
    price: float
    qty: float
    taker_side: Side
    trade_id: str = ""


class Quote(Struct, frozen=True, gc=False, tag="quote", tag_field="fact"):
    """Best bid and ask with their sizes."""

    symbol: str
    ts_exchange: int
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float


class BookSnapshot(Struct, frozen=True, gc=False, tag="book_snapshot", tag_field="fact"):
    """A full book that replaces ours; levels are (price, size), best first."""

    symbol: str
    ts_exchange: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    update_id: int = 0
    cross_seq: int = 0


class BookDelta(Struct, frozen=True, gc=False, tag="book_delta", tag_field="fact"):
    """Levels changed since the last update: (price, new size); size 0 deletes the level."""

    symbol: str
    ts_exchange: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    update_id: int = 0
    cross_seq: int = 0


class BookDown(Struct, frozen=True, gc=False, tag="book_down", tag_field="fact"):
    """The book of a symbol cannot be trusted until its next snapshot (a gap, a disconnect, a crossed book)."""

    symbol: str
    ts_exchange: int
    reason: str


class Ticker(Struct, frozen=True, gc=False, tag="ticker", tag_field="fact"):
    """Mark, index and last price, funding and touch; None means unchanged since the last ticker.

    `funding_rate` is a fraction predicted for `next_funding`; open_interest counts base units of both sides.
    """

    symbol: str
    ts_exchange: int
    mark: float | None = None
    index: float | None = None
    last: float | None = None
    bid: float | None = None
    bid_qty: float | None = None
    ask: float | None = None
    ask_qty: float | None = None
    funding_rate: float | None = None
    next_funding: int | None = None
    open_interest: float | None = None


class Bar(Struct, frozen=True, gc=False, tag="bar", tag_field="fact"):
    """Open, high, low, close and volume of an interval; delivered at its close, `ts_exchange` = end of the interval.

    `interval` and `ts_open` are nanoseconds, [ts_open, ts_open + interval). volume is base units, turnover USDT.
    """

    symbol: str
    ts_exchange: int
    interval: int
    ts_open: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float = 0.0
    origin: BarOrigin = BarOrigin.VENUE


class Link(Struct, frozen=True, gc=False, tag="link", tag_field="fact"):
    """A connection came up or went down; after `up=False` nothing it carried is known until it is said again.

    topics: the subscriptions that the connection carries, empty meaning all of its source.
    """

    source: str
    up: bool
    reason: str = ""
    topics: tuple[str, ...] = ()


class Stale(Struct, frozen=True, gc=False, tag="stale", tag_field="fact"):
    """A topic was silent for longer than its limit (`stale=True`), or spoke again (False)."""

    source: str
    topic: str
    symbol: str
    stale: bool
    silent_ms: int = 0


class Quarantined(Struct, frozen=True, gc=False, tag="quarantined", tag_field="fact"):
    """A frame that could not be read; its raw bytes stand in the input record of the same seq."""

    source: str
    reason: str
    symbol: str = ""


class Timer(Struct, frozen=True, gc=False, tag="timer", tag_field="fact"):
    """A timer fired; `due` is when it should have."""

    name: str
    due: int


class Command(Struct, frozen=True, tag="command", tag_field="fact"):
    """An operator's command with its reason. `lane` empty means all lanes.

    name: "halt" opens no more risk; "panic" halts, cancels every order and closes every position; "resume" takes both
    back; "cancel" cancels what the strategies have open; "drain" is what the daemon says to itself when it is asked to
    stop.
    request: id of the command where it was given over the control socket, so that a repeated one is told apart.
    """

    name: str
    lane: str = ""
    reason: str = ""
    request: str = ""


class Restarted(Struct, frozen=True, tag="restarted", tag_field="fact"):
    """The daemon came back after a crash: what recovery cut off. Every link counts as down from here."""

    cut_inputs: int = 0
    cut_decisions: int = 0


class TroubleKind(StrEnum):
    """What goes wrong at a simulated exchange.

    REJECT: requests are refused.  LATE: their reports come later.  LOST_REQUEST: they never arrive, which is told after
    the delay.  LOST_ANSWER: they arrive and may fill, which is told after the delay.  DISCONNECT: for the delay nothing
    can be sent, and nothing is told.  ADL: the exchange closes a position by deleveraging.
    """

    REJECT = "reject"
    LATE = "late"
    LOST_REQUEST = "lost_request"
    LOST_ANSWER = "lost_answer"
    DISCONNECT = "disconnect"
    ADL = "adl"


class VenueTrouble(Struct, frozen=True, kw_only=True, tag="venue_trouble", tag_field="fact"):
    """Scripted trouble at the simulated exchange of a lane, from this input on.

    lane, symbol: whom it concerns, empty meaning all; an ADL needs a symbol.  count: how many of the next requests.
    delay_ms: see `TroubleKind`.  reason: the venue's code and text of a refusal.
    share: part of the position that an ADL closes, a fraction.
    """

    kind: TroubleKind
    lane: str = ""
    symbol: str = ""
    count: int = 1
    delay_ms: int = 0
    reason: str = "10016: server error"
    share: float = 1.0


MarketFact: TypeAlias = Trade | Quote | BookSnapshot | BookDelta | BookDown | Ticker | Bar
HouseFact: TypeAlias = Instrument | Link | Stale | Quarantined | Timer | Command | Restarted | VenueTrouble
Fact: TypeAlias = MarketFact | HouseFact | AccountFact
