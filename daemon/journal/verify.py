"""Checks a whole run and says the first bad place of each stream. Never raises for what is wrong in the data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from daemon.core.errors import JournalError
from daemon.journal.diagnosis import Fault
from daemon.journal.layout import Stream
from daemon.journal.manifest import Manifest, StreamSeal, read_manifest
from daemon.journal.scan import Block, Scan
from daemon.journal.tail import Tally

_KIND = re.compile(rb'\{"kind":"(\w+)"')
_CAUSE = re.compile(rb'\{"kind":"\w+","seq":\d+,"cause":(\d+),')


class StreamVerification(Struct, frozen=True, kw_only=True):
    """What was found in one stream.

    count, crc: of its good part.  kinds: records of each kind.  fault: its first bad place.
    """

    stream: Stream
    count: int
    crc: str
    segments: int
    kinds: dict[str, int]
    fault: Fault | None


class Verification(Struct, frozen=True, kw_only=True):
    """What was found in a run. sealed: it ended on purpose.  problems: what is wrong outside the chain of a stream."""

    run_dir: Path
    sealed: bool
    inputs: StreamVerification
    decisions: StreamVerification
    problems: tuple[str, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The first bad place of each stream that has one."""
        return tuple(stream.fault for stream in (self.inputs, self.decisions) if stream.fault is not None)

    @property
    def ok(self) -> bool:
        """Nothing is wrong. A torn tail is wrong too, although the next start would repair it."""
        return not self.faults and not self.problems


def verify_run(run_dir: Path) -> Verification:
    """Check chains, sequence numbers, causes, and the seal if there is one.

    Raises:
        JournalError: there is no such folder.
    """
    manifest, problems = _read_manifest(run_dir)
    seal = manifest.seal if manifest else None
    checks = {stream: _Check(run_dir, stream, seal.of(stream) if seal else None) for stream in Stream}
    results = {stream: checks[stream].run() for stream in Stream}
    for check in checks.values():
        problems.extend(check.problems)
    reached = results[Stream.INPUTS].count
    has_own_inputs = manifest is None or not (manifest.parent or manifest.sources)
    if has_own_inputs and checks[Stream.DECISIONS].last_cause > reached:
        problems.append(f"a decision names input {checks[Stream.DECISIONS].last_cause}, but inputs end at {reached}")
    return Verification(
        run_dir=run_dir,
        sealed=seal is not None,
        inputs=results[Stream.INPUTS],
        decisions=results[Stream.DECISIONS],
        problems=tuple(problems),
    )


def _read_manifest(run_dir: Path) -> tuple[Manifest | None, list[str]]:
    try:
        return read_manifest(run_dir), []
    except JournalError as error:
        return None, [error.message]


class _Check:
    """One stream being checked."""

    def __init__(self, run_dir: Path, stream: Stream, seal: StreamSeal | None) -> None:
        self.problems: list[str] = []
        self.last_cause = 0
        self._stream = stream
        self._seal = seal
        self._kinds: Counter[bytes] = Counter()
        self._tally = Tally(stream)
        self._scan = Scan(run_dir, stream, seal=seal)

    def run(self) -> StreamVerification:
        self._tally.follow(self._observed())
        if self._scan.fault is None:
            self._compare_segments()
        return StreamVerification(
            stream=self._stream,
            count=self._scan.next_seq - 1,
            crc=f"{self._scan.crc:08x}",
            segments=len(self._scan.segments),
            kinds={kind.decode(): count for kind, count in sorted(self._kinds.items())},
            fault=self._scan.fault,
        )

    def _observed(self) -> Iterator[Block]:
        for block in self._scan.blocks():
            self._kinds.update(match[1] for line in block.lines if (match := _KIND.match(line)))
            if self._stream is Stream.DECISIONS:
                self._check_causes(block)
            yield block

    def _check_causes(self, block: Block) -> None:
        for seq, line in enumerate(block.lines, start=block.first_seq):
            match = _CAUSE.match(line)
            cause = int(match[1]) if match else -1
            if cause < self.last_cause:
                self._report(
                    f"decision {seq}: its cause {cause} is before {self.last_cause}, the one of the line before"
                )
            self.last_cause = max(cause, self.last_cause)

    def _report(self, problem: str) -> None:
        """Keep the first problem of a kind: the others mostly follow from it."""
        if not self.problems:
            self.problems.append(problem)

    def _compare_segments(self) -> None:
        if self._seal is None:
            return
        found = self._tally.seals()
        for ours, sealed in zip(found, self._seal.segments, strict=False):
            if ours != sealed:
                self._report(f"{ours.name}: not as sealed: {ours} against {sealed}")
        if len(found) != len(self._seal.segments):
            self._report(f"{self._stream}: sealed with {len(self._seal.segments)} segments, found {len(found)}")
