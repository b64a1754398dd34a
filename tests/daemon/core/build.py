"""Builders of facts, lanes and runs for the tests of the core and of the simulated exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.engine import Engine
from daemon.core.events import (
    Bar,
    BarOrigin,
    BookDelta,
    BookSnapshot,
    Fact,
    Instrument,
    MarketFact,
    Quote,
    Side,
    Ticker,
    Trade,
)
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.market import Market
from daemon.core.records import Action, DecisionLine, FillLine, HaltLine, OrderLine, Record
from daemon.core.strategy import (
    BarClose,
    Decision,
    OnBook,
    OnQuote,
    OnTicker,
    OnTimer,
    OnTrade,
    Snapshot,
    Strategy,
    Trigger,
)
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE
from daemon.core.venue import ExchangeSettings

BTC = "BTCUSDT"
ETH = "ETHUSDT"
MINUTE = NS_PER_MINUTE
MIDNIGHT = 1_700_000_000_000_000_000 // NS_PER_DAY * NS_PER_DAY
NO_GUARDS = GuardSettings(
    stale_after_ms=None,
    max_orders_per_min=None,
    max_leverage=None,
    price_collar=None,
)
NO_FRICTION = ExchangeSettings(
    taker_fee=Decimal(0), maker_fee=Decimal(0), entry_latency_ms=0, response_latency_ms=0, slippage_ticks=0
)
HOLD = Decision(Action.HOLD, "waiting")
AnyRecord = TypeVar("AnyRecord", bound=Record)
EVERY_TRIGGER: tuple[Trigger, ...] = (
    OnTrade(),
    OnQuote(),
    OnBook(),
    OnTicker(),
    OnTimer("tick"),
    BarClose(MINUTE),
    BarClose(MINUTE, BarOrigin.TRADES),
)
SLOW = ExchangeSettings(entry_latency_ms=250, response_latency_ms=150)


def instrument(symbol: str = BTC, **changes: Any) -> Instrument:
    """Bybit's BTCUSDT, under any name."""
    specification: dict[str, Any] = {
        "tick": Decimal("0.1"),
        "step": Decimal("0.001"),
        "min_qty": Decimal("0.001"),
        "max_qty": Decimal(1190),
        "max_market_qty": Decimal(500),
    }
    return Instrument(symbol=symbol, **(specification | changes))


def trade(price: float, qty: float = 1.0, *, at: int = MIDNIGHT, symbol: str = BTC, side: Side = Side.BUY) -> Trade:
    return Trade(symbol, at, price, qty, side)


def quote(bid: float, ask: float, *, at: int = MIDNIGHT, symbol: str = BTC) -> Quote:
    return Quote(symbol, at, bid, 1.0, ask, 1.0)


def ticker(*, at: int = MIDNIGHT, symbol: str = BTC, **fields: Any) -> Ticker:
    return Ticker(symbol, at, **fields)


def snapshot(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, at: int = MIDNIGHT, symbol: str = BTC
) -> BookSnapshot:
    return BookSnapshot(symbol, at, bids, asks)


def delta(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], *, at: int = MIDNIGHT, symbol: str = BTC
) -> BookDelta:
    return BookDelta(symbol, at, bids, asks)


def bar(
    close: float,
    *,
    open_: float | None = None,
    high: float | None = None,
    low: float | None = None,
    start: int = MIDNIGHT,
    interval: int = MINUTE,
    symbol: str = BTC,
    origin: BarOrigin = BarOrigin.HISTORY,
    volume: float = 10.0,
) -> Bar:
    """A bar that opened at `start`; high and low are those of open and close unless given."""
    first = close if open_ is None else open_
    top = max(first, close) if high is None else high
    bottom = min(first, close) if low is None else low
    return Bar(symbol, start + interval, interval, start, first, top, bottom, close, volume, origin=origin)


def bars_of(closes: Iterable[float], *, start: int = MIDNIGHT, symbol: str = BTC, volume: float = 10.0) -> list[Bar]:
    """Minute bars that follow one another, each opening at the close before it."""
    made: list[Bar] = []
    for number, close in enumerate(closes):
        opened = made[-1].close if made else close
        made.append(bar(close, open_=opened, start=start + number * MINUTE, symbol=symbol, volume=volume))
    return made


def apply_to(market: Market, fact: MarketFact) -> None:
    """Change a market by a fact as the engine does: what breaks a book, or says that it is lost, drops it."""
    match fact:
        case Trade():
            market.apply_trade(fact)
        case Quote():
            market.apply_quote(fact)
        case BookSnapshot():
            if not market.apply_snapshot(fact):
                market.drop_book()
        case BookDelta():
            if not market.apply_delta(fact):
                market.drop_book()
        case Ticker():
            market.apply_ticker(fact)
        case Bar():
            market.apply_bar(fact)
        case _:
            market.drop_book()


class Scripted:
    """A strategy that says what it was told to, one decision for each evaluation, then holds."""

    def __init__(
        self,
        *script: Decision | Callable[[Snapshot], Decision],
        triggers: tuple[Trigger, ...] = (OnTrade(),),
        window: int = 5,
        warmup: int = 0,
    ) -> None:
        self.triggers = triggers
        self.window = window
        self.warmup = warmup
        self.snapshots: list[Snapshot] = []
        self.marks: list[list[float]] = []
        self._script = list(script)

    def decide(self, snapshot: Snapshot) -> Decision:
        self.snapshots.append(snapshot)
        self.marks.append(list(snapshot.marks))
        if not self._script:
            return HOLD
        step = self._script.pop(0)
        return step(snapshot) if callable(step) else step

    def then(self, *script: Decision | Callable[[Snapshot], Decision]) -> None:
        """Go on with this after what is left of the script."""
        self._script += script


def buy(qty: float, **fields: Any) -> Decision:
    return Decision(Action.BUY, "told to buy", qty=qty, **fields)


def sell(qty: float, **fields: Any) -> Decision:
    return Decision(Action.SELL, "told to sell", qty=qty, **fields)


def close(**fields: Any) -> Decision:
    return Decision(Action.CLOSE, "told to close", **fields)


def exchange(
    settings: ExchangeSettings = NO_FRICTION, *, balance: int = 10_000, leverage: int = 10
) -> SimulatedExchange:
    return SimulatedExchange(settings, balance=Decimal(balance), leverage=Decimal(leverage))


def lane(
    *runners: Runner | Strategy,
    name: str = "main",
    guards: GuardSettings = NO_GUARDS,
    settings: ExchangeSettings = NO_FRICTION,
    balance: int = 10_000,
    leverage: int = 10,
) -> Lane:
    """A lane on a simulated exchange; bare strategies trade BTCUSDT under the name "scripted"."""
    made = [runner if isinstance(runner, Runner) else Runner("scripted", BTC, runner) for runner in runners]
    return Lane(name, exchange(settings, balance=balance, leverage=leverage), made, guards)


class Run:
    """An engine with everything it emitted. Time stands still unless a step says `after` or `at`."""

    def __init__(self, *lanes: Lane, symbols: Sequence[str] = (), start: int = MIDNIGHT, silent: bool = False) -> None:
        self.records: list[Record] = []
        self.engine = Engine(lanes, None if silent else self.records.append, symbols)
        self.now = start
        self.seq = 0

    def tell(self, *facts: Fact, after: int = 0, at: int | None = None) -> list[Record]:
        """Step through facts, all received at one time; returns the records they caused."""
        self.now = self.now + after if at is None else at
        before = len(self.records)
        for fact in facts:
            self.seq += 1
            self.engine.step(self.seq, self.now, fact)
        return self.records[before:]

    def play(self, facts: Iterable[Any]) -> list[Record]:
        """Step through market facts, each received at its own time."""
        before = len(self.records)
        for fact in facts:
            self.tell(fact, at=fact.ts_exchange)
        return self.records[before:]

    def decisions(self) -> list[DecisionLine]:
        return of_kind(self.records, DecisionLine)

    def orders(self) -> list[OrderLine]:
        return of_kind(self.records, OrderLine)

    def fills(self) -> list[FillLine]:
        return of_kind(self.records, FillLine)

    def halts(self) -> list[HaltLine]:
        return of_kind(self.records, HaltLine)


def of_kind(records: Iterable[Record], kind: type[AnyRecord]) -> list[AnyRecord]:
    return [record for record in records if isinstance(record, kind)]


def ready(*lanes: Lane, bid: float = 99.9, ask: float = 100.1, start: int = MIDNIGHT, silent: bool = False) -> Run:
    """A run that knows the instrument of BTCUSDT, its touch around 100, and whose opening balances arrived."""
    run = Run(*lanes, start=start, silent=silent)
    run.tell(instrument(), quote(bid, ask))
    return run
