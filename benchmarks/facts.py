"""Rows on parsed facts: the engine alone, a strategy that always holds, nothing resting at the exchange, log off."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.bybit.decoder import FrameDecoder
from benchmarks.engines import START, hold_on, make_engine
from benchmarks.row import Row, against_floor
from benchmarks.size import Size
from benchmarks.tape import SOURCE, make_frames
from benchmarks.timing import duel, yardstick
from daemon.core.events import BookDelta, BookSnapshot, MarketFact, Quote, Side, Trade
from daemon.core.strategy import OnBook, OnQuote, OnTrade, Trigger
from daemon.core.units import NS_PER_MS

SYMBOL = "BTCUSDT"

# Few enough deltas to stay in the processor's cache, as those of a feed do: they were parsed a moment ago.
BOOK_HOURS = 2


def trades(size: Size) -> Row:
    """Public trades, evaluated one by one."""
    tape = [_trade(number) for number in range(size.facts)]
    return _row("trades", OnTrade(), [], tape, size, floor=300_000)


def quotes(size: Size) -> Row:
    """Best bids and asks, evaluated one by one; a first trade gives the mark."""
    tape = [_quote(number) for number in range(size.facts)]
    return _row("quotes", OnQuote(), [_trade(0)], tape, size, floor=300_000)


def book_deltas(size: Size) -> Row:
    """Deltas of a book of 50 levels as the sandbox makes them, parsed beforehand; several levels each."""
    snapshot, day = _book_tape(BOOK_HOURS)
    lap: list[MarketFact] = [snapshot, *day]
    tape = (lap * (size.facts // len(lap) + 1))[: size.facts]
    levels = sum(len(delta.bids) + len(delta.asks) for delta in day) / len(day)
    note = f"{levels:.1f} levels in a delta on average"
    fight = duel(lambda: _fold(OnBook(), [_trade(0)], tape), lambda: _levels_in_dicts(tape), size.rounds)
    return against_floor("book_deltas", "book_deltas/s", fight, floor=250_000, baseline="levels_in_dicts", note=note)


def _row(
    name: str,
    trigger: Trigger,
    opening: Sequence[MarketFact],
    tape: Sequence[MarketFact],
    size: Size,
    *,
    floor: float,
) -> Row:
    fight = duel(lambda: _fold(trigger, opening, tape), yardstick, size.rounds)
    return against_floor(name, f"{name}/s", fight, floor=floor)


def _levels_in_dicts(tape: Sequence[MarketFact]) -> int:
    """The same levels put into two plain dicts: bound by memory as a book is, which the yardstick is not."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for fact in tape:
        assert isinstance(fact, BookSnapshot | BookDelta)
        for side, levels in ((bids, fact.bids), (asks, fact.asks)):
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
    return len(tape)


def _fold(trigger: Trigger, opening: Sequence[MarketFact], tape: Sequence[MarketFact]) -> int:
    """Every fact is evaluated, or the figure would mean nothing."""
    engine = make_engine([SYMBOL], hold_on(trigger), None)
    step = engine.step
    seq = 1
    for fact in opening:
        seq += 1
        step(seq, fact.ts_exchange, fact)
    before = engine.desk.seq
    for fact in tape:
        seq += 1
        step(seq, fact.ts_exchange, fact)
    evaluated = engine.desk.seq - before
    assert evaluated >= len(tape), f"{len(tape)} facts led to {evaluated} decisions"
    assert not engine.lost_books, "the tape breaks the book, which makes its deltas cheap"
    return len(tape)


def _trade(number: int) -> Trade:
    return Trade(SYMBOL, START + number * NS_PER_MS, 50_000.0 + number % 7, 0.1, Side.BUY, "")


def _quote(number: int) -> Quote:
    bid = 50_000.0 + number % 7
    return Quote(SYMBOL, START + number * NS_PER_MS, bid, 0.1, bid + 0.1, 1.0)


def _book_tape(hours: int) -> tuple[BookSnapshot, list[BookDelta]]:
    """The first snapshot and every delta after it; each lap over them begins with the snapshot."""
    decoder = FrameDecoder()
    facts = [
        fact
        for frame in make_frames(hours)
        if frame.topic == f"orderbook.50.{SYMBOL}"
        for fact in decoder.decode(frame.payload, frame.ts, SOURCE)
    ]
    snapshots = [fact for fact in facts if isinstance(fact, BookSnapshot)]
    return snapshots[0], [fact for fact in facts if isinstance(fact, BookDelta)]
