"""Rows on what the simulated exchange adds to a market event, with orders at rest that it does not touch; on fills.

The engine steps through parsed facts; its strategy is never asked, so that the exchange is seen against the least that
the engine does. `engine_alone` is the same engine over an exchange that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from benchmarks.exchanges import SYMBOL, NoExchange, Stage, delta, quote, simulated, trade
from benchmarks.row import Row, against_baseline, worst_against_baseline
from benchmarks.size import Size
from benchmarks.timing import Duel, duel
from daemon.core.events import MarketFact, Side
from daemon.core.venue import FillReport

Make = Callable[[int], MarketFact]

KINDS: dict[str, Make] = {"trades": trade, "quotes": quote, "book_deltas": delta}


def resting_none(size: Size) -> Row:
    """Nothing rests and nothing is held: the exchange may add a third to the cost of an event."""
    duels = {kind: _against_engine(kind, 0, size) for kind in KINDS}
    return _worst("resting_none", duels, ratio_floor=0.75, baseline="engine_alone")


def resting_10(size: Size) -> Row:
    """Ten orders rest, far from the touch."""
    duels = {kind: _against_engine(kind, 10, size) for kind in KINDS}
    return replace(_worst("resting_10", duels, ratio_floor=0.1, baseline="engine_alone"), bound="none")


def resting_1000(size: Size) -> Row:
    """A thousand rest, 500 on the symbol of the events: one that touches none may cost little more than with ten."""
    duels = {kind: _against_ten(kind, size) for kind in KINDS}
    return _worst("resting_1000", duels, ratio_floor=2 / 3, baseline="resting_10")


def fills(size: Size) -> Row:
    """A market order that arrives and fills at once, against a market event of the engine alone."""
    count = size.facts // 20
    tape = [trade(number) for number in range(size.facts)]
    alone = Stage(NoExchange())
    fight = duel(lambda: _trade_to_and_fro(count), lambda: alone.fold(tape), size.rounds)
    note = "an order and its execution, in positions that open and close in turns"
    row = against_baseline("exchange_fills", "fills/s", fight, baseline="engine_alone", ratio_floor=0.005, note=note)
    return replace(row, bound="none")


def _against_engine(kind: str, resting: int, size: Size) -> Duel:
    tape = _tape(kind, size)
    loaded, alone = _loaded(kind, resting), Stage(NoExchange(), book=kind == "book_deltas")
    return duel(lambda: loaded.fold(tape), lambda: alone.fold(tape), size.rounds)


def _against_ten(kind: str, size: Size) -> Duel:
    tape = _tape(kind, size)
    many, few = _loaded(kind, 1000), _loaded(kind, 10)
    return duel(lambda: many.fold(tape), lambda: few.fold(tape), size.rounds)


def _tape(kind: str, size: Size) -> list[MarketFact]:
    make = KINDS[kind]
    return [make(number) for number in range(size.facts // 2)]


def _loaded(kind: str, resting: int) -> Stage:
    """Orders on both sides, between a tenth and a fifth of the price away; 500 a symbol is the venue's limit."""
    symbols = [SYMBOL] if resting <= 500 else [SYMBOL, "ETHUSDT", "SOLUSDT"]
    stage = Stage(simulated(), symbols, book=kind == "book_deltas")
    for number in range(resting):
        side, price = (Side.BUY, 45_000 - number // 2) if number % 2 else (Side.SELL, 55_000 + number // 2)
        symbol = symbols[0] if number < 500 else symbols[1]
        stage.order(side, str(price), symbol)
    return stage


def _trade_to_and_fro(count: int) -> int:
    stage = Stage(simulated())
    filled = 0
    for number in range(count):
        reports = stage.order(Side.BUY if number % 2 else Side.SELL, None)
        filled += sum(isinstance(report, FillReport) for report in reports)
    assert filled == count, f"{count} orders led to {filled} fills"
    return count


def _worst(name: str, duels: dict[str, Duel], *, ratio_floor: float, baseline: str) -> Row:
    """The kind of event on which the exchange adds most."""
    note = "the kind of event with the lowest ratio, {worst}"
    return worst_against_baseline(name, "events/s", duels, baseline=baseline, ratio_floor=ratio_floor, note=note)
