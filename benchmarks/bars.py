"""Rows on minute bars: the engine with its own strategy, every evaluation journaled, and with the log off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

import msgspec

from benchmarks.engines import START, baseline, make_engine
from benchmarks.places import empty_manifest, work_folder
from benchmarks.row import Row, against_baseline, against_floor
from benchmarks.size import Size
from benchmarks.timing import contest, duel, yardstick
from daemon.core.desk import Emit
from daemon.core.events import Bar, BarOrigin
from daemon.core.records import Choice, Context, DecisionLine, Record, Window
from daemon.core.units import NS_PER_MINUTE
from daemon.journal import Journal, JournalSettings

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
MINUTES_PER_DAY = 1440
VOLATILITY = 0.0005
VOLUME = 1000.0  # base units a minute: no order of the strategy is as large
BUFFER_BYTES = 1 << 20


def bars_full_log(size: Size) -> Row:
    """Bars through BaselinePerps, every decision line in a journal written as a backtest writes it.

    Two baselines write the same lines to a file with one buffer: from records that lie ready, and from records that
    are made of their values first, as whoever has something to say must.
    """
    tape = make_bars(size.bar_days)
    records: list[Record] = []
    run_bars(tape, records.append)

    def encoded_only() -> int:
        _encode_all(records)
        return len(tape)

    def built_and_encoded() -> int:
        _encode_all(map(_rebuild, records))
        return len(tape)

    fight, built = contest(lambda: journal_bars(tape), [encoded_only, built_and_encoded], size.rounds)
    bytes_per_line = sum(len(msgspec.json.encode(record)) for record in records[:5000]) / 5000
    return against_baseline(
        "bars_full_log",
        "bars/s",
        fight,
        baseline="lines_encoded_only",
        ratio_floor=0.5,
        floor=120_000,
        note=f"{len(tape)} bars, {len(records)} lines of {bytes_per_line:.0f} bytes before the checksum",
        detail={"lines_built_and_encoded": built.baseline, "ratio_to_lines_built_and_encoded": built.ratio},
    )


def bars_log_off(size: Size) -> Row:
    """The same bars and strategy; nobody reads the decisions."""
    tape = make_bars(size.bar_days)
    fight = duel(lambda: run_bars(tape, None), yardstick, size.rounds)
    return against_floor("bars_log_off", "bars/s", fight, floor=300_000)


def make_bars(days: int) -> list[Bar]:
    """A random walk for each symbol, in time order; the same in every process."""
    walks = [_walk(symbol, days) for symbol in SYMBOLS]
    return [bar for minute in zip(*walks, strict=True) for bar in minute]


def _walk(symbol: str, days: int) -> Iterator[Bar]:
    chance = Random(symbol)
    price = 50_000.0
    for minute in range(days * MINUTES_PER_DAY):
        opened = START + minute * NS_PER_MINUTE
        before = price
        price = round(price * (1.0 + chance.gauss(0.0, VOLATILITY)), 1)
        high = max(before, price) + 5.0
        low = min(before, price) - 5.0
        yield Bar(
            symbol,
            opened + NS_PER_MINUTE,
            NS_PER_MINUTE,
            opened,
            before,
            high,
            low,
            price,
            VOLUME,
            VOLUME * price,
            BarOrigin.HISTORY,
        )


def run_bars(tape: list[Bar], emit: Emit | None) -> int:
    """Step a fresh engine through the bars; returns how many there were."""
    engine = make_engine(SYMBOLS, baseline, emit)
    step = engine.step
    seq = len(SYMBOLS)
    for bar in tape:
        seq += 1
        step(seq, bar.ts_exchange, bar)
    return len(tape)


def journal_bars(tape: list[Bar]) -> int:
    """The same, with a journal that is sealed and packed at the end."""
    with work_folder() as directory:
        journal = Journal.create(directory / "run", empty_manifest(), JournalSettings(fsync="none"))
        run_bars(tape, journal.append_decision)
        journal.close(ended="2025-06-05T00:00:00Z", reason="end of the inputs")
    return len(tape)


def _encode_all(records: Iterable[Record]) -> None:
    encode_into = msgspec.json.Encoder().encode_into
    line = bytearray()
    with work_folder() as folder, (folder / "lines.jsonl").open("wb", buffering=BUFFER_BYTES) as file:
        write = file.write
        for record in records:
            encode_into(record, line)
            line += b"\n"
            write(line)


def _rebuild(record: Record) -> Record:
    """The same record, made again of its values."""
    if not isinstance(record, DecisionLine):
        return type(record)(*msgspec.structs.astuple(record))
    context, choice = record.context, record.decision
    return DecisionLine(
        record.seq,
        record.cause,
        record.ts,
        record.lane,
        record.strategy,
        record.symbol,
        record.evaluation,
        Context(
            context.mark,
            context.position,
            context.entry,
            context.equity,
            context.signal,
            dict(context.indicators),
            Window(context.window.size, context.window.digest),
        ),
        Choice(choice.action, choice.qty, choice.target_notional, choice.reason),
        record.verdicts,
    )
