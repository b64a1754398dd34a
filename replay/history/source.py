"""Several history files as one stream of facts in time order.

Order of facts: by ts_recv; at the same nanosecond by the place of the file in the list, then by row. A bar of a
minute and a trade at the first instant of the next one share a time: list bars before trades to have the bar first, and
mark prices before bars, so that who decides at the close of a bar knows the mark price of that time.
Each file is read in blocks, so memory grows with the number of files, not with their length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import cast

from daemon.core.errors import DataError
from daemon.core.events import Fact
from replay.history.batches import Summary, checked_batches
from replay.history.description import FileDescription, describe
from replay.history.facts import Timed, to_facts
from replay.history.settings import OF_INTERVALS, HistoryFile

BY_TIME = itemgetter(0)


class HistorySource:
    """Facts from history files; implements `daemon.ports.HistorySource`. Can be read any number of times."""

    def __init__(self, files: Sequence[HistoryFile]) -> None:
        self._files = tuple(files)

    def facts(self) -> Iterator[tuple[int, Fact]]:
        """Yield (ts_recv, fact) in order.

        Raises:
            DataError: naming file and row, when the reader comes to it.
        """
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[tuple[int, Fact]]]:
        """Yield the same in lists, which is faster; raises likewise."""
        for batch in _merge([_Reader(index, file) for index, file in enumerate(self._files)]):
            yield cast("list[tuple[int, Fact]]", batch)

    def describe(self) -> tuple[FileDescription, ...]:
        """Read and check every file from end to end and say what it holds, in the order of the list."""
        return tuple(describe(file) for file in self._files)


class _Reader:
    """One file and the facts of it that were read but not handed on; `facts` is empty at its end only."""

    def __init__(self, index: int, file: HistoryFile) -> None:
        self.index = index
        self.file = file
        self.summary = Summary()
        self.facts: list[Timed] = []
        self.exhausted = False
        self._batches = checked_batches(file, self.summary)

    def more(self) -> None:
        """Append one block."""
        batch = next(self._batches, None)
        if batch is None:
            self.exhausted = True
        else:
            self.facts += to_facts(batch, self.file)

    def take_before(self, horizon: int) -> list[Timed]:
        """Hand on all facts older than a time."""
        cut = bisect_left(self.facts, horizon, key=BY_TIME)
        taken, self.facts = self.facts[:cut], self.facts[cut:]
        return taken


def _merge(readers: list[_Reader]) -> Iterator[list[Timed]]:
    """Merge block by block: what is older than the last fact of every unfinished block can be handed on."""
    for reader in readers:
        reader.more()
    _refuse_overlaps(readers)
    while True:
        unfinished = [reader for reader in readers if not reader.exhausted]
        if not unfinished:
            break
        horizon = min(reader.facts[-1][0] for reader in unfinished)
        parts = [reader.take_before(horizon) for reader in readers]
        if batch := _in_order(parts):
            yield batch
        for reader in unfinished:
            if reader.facts[-1][0] == horizon:
                reader.more()
        _refuse_overlaps(readers)
    if rest := _in_order([reader.facts for reader in readers]):
        yield rest


def _in_order(parts: list[list[Timed]]) -> list[Timed]:
    filled = [part for part in parts if part]
    if len(filled) == 1:
        return filled[0]
    return sorted((timed for part in filled for timed in part), key=BY_TIME)


def _refuse_overlaps(readers: list[_Reader]) -> None:
    """Two files may not tell the same kind of data about the same symbol and time."""
    for right in readers:
        for left in readers[: right.index]:
            if _same_series(left, right) and _overlap(left.summary, right.summary):
                raise DataError(
                    f"{left.file.name} and {right.file.name} both hold {', '.join(sorted(left.summary.symbols))} "
                    "at the same time",
                    cure="Set start and end so that each time is read from one file only.",
                )


def _same_series(left: _Reader, right: _Reader) -> bool:
    same_kind = left.file.kind == right.file.kind
    same_interval = left.file.kind not in OF_INTERVALS or left.file.interval == right.file.interval
    return same_kind and same_interval and bool(left.summary.symbols & right.summary.symbols)


def _overlap(left: Summary, right: Summary) -> bool:
    if left.first_ts is None or left.last_ts is None or right.first_ts is None or right.last_ts is None:
        return False
    return left.first_ts <= right.last_ts and right.first_ts <= left.last_ts
