"""What a strategy is: settings, triggers, and one method from a snapshot to a decision.

A strategy sees a frozen snapshot and returns what it wants. It holds its own indicator state, updated once by each
call, so that folding the same inputs gives the same decisions. It reads no clock, file, environment or random number;
it cannot reach an exchange: the engine sizes, guards and routes what it asks for. See docs/strategies.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from daemon.core.events import BarOrigin, MarketFact
from daemon.core.records import Action, OrderType, TimeInForce, TriggerBy

NO_INDICATORS: dict[str, float | None] = {}


class BarClose(Struct, frozen=True):
    """Trigger: a closed bar of `interval` nanoseconds from `origin`."""

    interval: int
    origin: BarOrigin = BarOrigin.VENUE


class OnTrade(Struct, frozen=True):
    """Trigger: each public trade."""


class OnQuote(Struct, frozen=True):
    """Trigger: each change of the best bid or ask."""


class OnBook(Struct, frozen=True):
    """Trigger: each book snapshot or delta."""


class OnTicker(Struct, frozen=True):
    """Trigger: each ticker (mark price, funding)."""


class OnTimer(Struct, frozen=True):
    """Trigger: the timer of this name."""

    name: str


Trigger = BarClose | OnTrade | OnQuote | OnBook | OnTicker | OnTimer


class Snapshot(Struct, frozen=True, gc=False):
    """What a strategy may know at one evaluation.

    ts: time of the input, nanoseconds UTC.  fact: the market fact that triggered, None for a timer.
    mark: mark price; the last price where the venue gives no mark.  bid, ask: best prices, 0.0 when unknown.
    position: signed base units.  entry: average entry price, 0.0 when flat.
    equity: cash plus unrealised PnL at mark, USDT.  marks: the last marks this strategy was evaluated on, oldest
    first, this one included; their number is the strategy's `window`.
    working: how many of this strategy's own orders on the symbol are still open; waiting: of those that wait for a
    trigger, partial protections included.
    """

    symbol: str
    ts: int
    fact: MarketFact | None
    mark: float
    bid: float
    ask: float
    position: float
    entry: float
    equity: float
    working: int
    marks: Sequence[float]
    waiting: int = 0


class Decision(Struct, frozen=True, gc=False):
    """What a strategy wants.

    Give either `qty` (base units, above zero, for BUY and SELL) or `target_notional` (signed USDT that the position
    should be worth afterwards); CLOSE needs neither. price makes it a limit order. Quantities are cut down to the
    instrument's step; what is below its minimum becomes a hold with that reason.
    trigger_price: makes the order conditional; it becomes active when the price of kind `trigger_by` gets there.
    take_profit, stop_loss: prices at which the exchange closes the position again, at market; 0 removes what is set.

    CANCEL cancels this strategy's open orders on the symbol, conditional ones too.
    AMEND changes its only open plain order to `price` and, if given, `qty` (the new total).
    PROTECT sets take_profit, stop_loss and trailing_stop (a distance in USDT from the best last price, 0 removes it) of
    the position.
    """

    action: Action
    reason: str
    signal: str = ""
    indicators: dict[str, float | None] = NO_INDICATORS
    qty: float | None = None
    target_notional: float | None = None
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    price: float | None = None
    reduce_only: bool = False
    trigger_price: float | None = None
    trigger_by: TriggerBy = TriggerBy.LAST
    take_profit: float | None = None
    stop_loss: float | None = None
    trailing_stop: float | None = None


class Strategy(Protocol):
    """One instance serves one symbol in one lane.

    A class with a nested or sibling settings struct; `__init__(self, settings, symbol)`.
    window: how many marks the engine keeps, digests and shows; warmup: evaluations before orders are allowed.
    """

    triggers: tuple[Trigger, ...]
    window: int
    warmup: int

    def decide(self, snapshot: Snapshot) -> Decision:
        """Called once for each trigger, in input order."""
        ...
