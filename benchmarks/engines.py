"""Engines as the product builds them, and the strategies that the rows run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.desk import Emit
from daemon.core.engine import Engine
from daemon.core.events import Instrument
from daemon.core.guards import GuardSettings
from daemon.core.lane import Lane, Runner
from daemon.core.records import Action
from daemon.core.strategy import Decision, Snapshot, Strategy, Trigger
from daemon.core.venue import ExchangeSettings
from strategies.baseline_perps import BaselinePerps, Settings

START = 1_746_489_600_000_000_000
BALANCE = Decimal(10_000_000)

Build = Callable[[str], Strategy]


class HoldOn:
    """Always the same hold, so that what is timed is the engine."""

    window = 20
    warmup = 0

    def __init__(self, *triggers: Trigger) -> None:
        self.triggers = triggers
        self._decision = Decision(Action.HOLD, "nothing to do")

    def decide(self, _: Snapshot) -> Decision:
        """Hold."""
        return self._decision


def baseline(symbol: str) -> Strategy:
    """The product's own strategy with its defaults."""
    return BaselinePerps(Settings(), symbol)


def hold_on(*triggers: Trigger) -> Build:
    """Strategies that hold on these triggers."""
    return lambda _symbol: HoldOn(*triggers)


def instrument(symbol: str) -> Instrument:
    """A specification like that of BTCUSDT."""
    return Instrument(
        symbol=symbol,
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        min_qty=Decimal("0.001"),
        max_qty=Decimal(1_000_000),
        max_market_qty=Decimal(1_000_000),
    )


def make_engine(symbols: Sequence[str], build: Build, emit: Emit | None) -> Engine:
    """One lane on a simulated exchange with default settings and guards; instruments are known."""
    runners = [Runner("bench", symbol, build(symbol)) for symbol in symbols]
    exchange = SimulatedExchange(ExchangeSettings(), balance=BALANCE, leverage=Decimal(5))
    engine = Engine([Lane("main", exchange, runners, GuardSettings())], emit)
    for seq, symbol in enumerate(symbols, start=1):
        engine.step(seq, START, instrument(symbol))
    return engine
