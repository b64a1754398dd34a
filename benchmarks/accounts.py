"""Rows on accounts with many positions: what an event on one of their symbols costs, with 1, 20 and 200 of them.

The engine steps through parsed facts of one symbol, its mark price among them; its strategy is never asked. An event
may not cost more because other symbols have positions too, in isolated as in cross margin.
"""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.exchanges import NoExchange, Stage, mark, quote, simulated, trade
from benchmarks.row import Row, worst_against_baseline
from benchmarks.size import Size
from benchmarks.timing import Duel, duel
from daemon.core.events import MarketFact, Side
from daemon.core.venue import FillReport, MarginMode


def positions_1(size: Size) -> Row:
    """One position, against the engine over an exchange that does nothing."""
    alone = Stage(NoExchange())
    row = _row("positions_1", _duels(1, alone, alone, size), baseline="engine_alone", ratio_floor=0.1)
    return replace(row, bound="none")


def positions_20(size: Size) -> Row:
    """Twenty positions, against one."""
    return _many("positions_20", 20, size)


def positions_200(size: Size) -> Row:
    """Two hundred positions, against one."""
    return _many("positions_200", 200, size)


def _many(name: str, count: int, size: Size) -> Row:
    one = {mode: _holding(1, mode) for mode in MarginMode}
    duels = _duels(count, one[MarginMode.ISOLATED], one[MarginMode.CROSS], size)
    return _row(name, duels, baseline="positions_1", ratio_floor=2 / 3)


def _duels(count: int, isolated: Stage, cross: Stage, size: Size) -> dict[str, Duel]:
    tape = _tape(size)
    found: dict[str, Duel] = {}
    for mode, other in ((MarginMode.ISOLATED, isolated), (MarginMode.CROSS, cross)):
        found[mode.value] = _duel(_holding(count, mode), other, tape, size.rounds)
    return found


def _duel(stage: Stage, other: Stage, tape: list[MarketFact], rounds: int) -> Duel:
    return duel(lambda: stage.fold(tape), lambda: other.fold(tape), rounds)


def _tape(size: Size) -> list[MarketFact]:
    """Trades, quotes and mark prices of the first symbol in turns."""
    makes = (trade, quote, mark)
    return [makes[number % 3](number) for number in range(size.facts // 2)]


def _holding(count: int, mode: MarginMode) -> Stage:
    """An account with a position on each of so many symbols."""
    symbols = ["BTCUSDT", *(f"S{number}USDT" for number in range(1, count))]
    stage = Stage(simulated(mode), symbols)
    for number, symbol in enumerate(symbols):
        reports = stage.order(Side.BUY if number % 2 else Side.SELL, None, symbol)
        assert any(isinstance(report, FillReport) for report in reports), f"{symbol} was not bought: {reports}"
    return stage


def _row(name: str, duels: dict[str, Duel], *, baseline: str, ratio_floor: float) -> Row:
    """The margin mode that costs most."""
    note = "{worst} margin, the dearer one; a third each of trades, quotes and mark prices of one symbol"
    return worst_against_baseline(name, "events/s", duels, baseline=baseline, ratio_floor=ratio_floor, note=note)
