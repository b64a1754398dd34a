"""From one input to its decisions: decode, observe, step. No clock and no I/O: replay runs exactly this."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from daemon.core.engine import Engine
from daemon.core.errors import JournalError
from daemon.core.events import BookDown, Command, Fact, Timer, VenueTrouble
from daemon.core.remote.requests import Request
from daemon.ports import Decoder, Input

_decode_fact: Callable[[bytes], Fact] = msgspec.json.Decoder(Fact).decode


class Pipeline:
    """Decoder and engine in a row.

    inputs, frames: how many went through.  first: time of the first fact of our own, with which every live run begins,
    nanoseconds UTC, 0 before.  timer_due: of the last timer, likewise.  troubles: planned ones so far.
    lost_books: symbols whose book is unusable until the venue sends a fresh snapshot; whoever owns the feed asks for
    it and clears the list.
    outbox: requests to venues that the engine has made; whoever has the ports sends them and clears the list. Folding
    recorded inputs clears it: what was recorded was sent then, or is settled with the venue by the restart.
    commands: ids of the operator's commands so far.
    """

    def __init__(self, decoder: Decoder, engine: Engine, outbox: list[Request] | None = None) -> None:
        self.engine = engine
        self.inputs = 0
        self.frames = 0
        self.first = 0
        self.timer_due = 0
        self.troubles = 0
        self.lost_books: list[str] = []
        self.outbox: list[Request] = [] if outbox is None else outbox
        self.commands: set[str] = set()
        self._decoder = decoder

    def frame(self, seq: int, ts_recv: int, source: str, frame: bytes) -> None:
        """Handle a venue's frame: input `seq`, received at `ts_recv` (nanoseconds UTC)."""
        self.inputs += 1
        self.frames += 1
        step = self.engine.step
        for fact in self._decoder.decode(frame, ts_recv, source):
            step(seq, ts_recv, fact)
            if type(fact) is BookDown:
                self.lost_books.append(fact.symbol)
        self._collect_lost()

    def fact(self, seq: int, ts_recv: int, fact: Fact) -> None:
        """Handle a fact of our own, then what the decoder concludes from it."""
        self.inputs += 1
        if not self.first:
            self.first = ts_recv
        if type(fact) is Timer:
            self.timer_due = fact.due
        elif type(fact) is VenueTrouble:
            self.troubles += 1
        elif type(fact) is Command and fact.request:
            self.commands.add(fact.request)
        self.engine.step(seq, ts_recv, fact)
        for consequence in self._decoder.observe(fact):
            self.engine.step(seq, ts_recv, consequence)

    def fold(self, records: Iterable[Input]) -> None:
        """Handle recorded inputs; the same as `frame` and `fact` without a feed to ask for snapshots.

        Raises:
            JournalError: a recorded fact is of a kind that this version does not know.
        """
        decode = self._decoder.decode
        step = self.engine.step
        frames = 0
        for record in records:
            if record.kind == "fact":
                self.fact(record.seq, record.ts_recv, read_fact(record))
                continue
            frames += 1
            seq = record.seq
            ts_recv = record.ts_recv
            for fact in decode(record.payload, ts_recv, record.source):
                step(seq, ts_recv, fact)
        self.inputs += frames
        self.frames += frames
        self.engine.lost_books.clear()
        self.outbox.clear()

    def _collect_lost(self) -> None:
        if self.engine.lost_books:
            self.lost_books += self.engine.lost_books
            self.engine.lost_books.clear()


def read_fact(record: Input) -> Fact:
    """Decode a fact that the daemon journaled.

    Raises:
        JournalError: its kind is unknown, or its fields do not fit.
    """
    try:
        return _decode_fact(record.payload)
    except msgspec.ValidationError as error:
        message = f"input {record.seq}: a fact that this version cannot read: {error}"
        raise JournalError(message, cure="use the version of lockstep that wrote the run") from None
