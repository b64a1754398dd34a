"""Reads the streams of a run: plain or packed, across segments, also while the run is still being written."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from daemon.core.errors import JournalCorrupt
from daemon.core.records import Record
from daemon.journal.chain import TAIL_BYTES
from daemon.journal.layout import Stream
from daemon.journal.manifest import read_seal
from daemon.journal.scan import Block, Scan
from daemon.ports import Input

_RAW = b',"raw":'


class _Head(Struct, frozen=True, gc=False):
    kind: str
    seq: int
    ts: int
    source: str


_decode_heads = msgspec.json.Decoder(list[_Head]).decode
_decode_record = msgspec.json.Decoder(Record).decode


def read_input_batches(
    run_dir: Path, *, verify: bool = True, start: int = 1, allow_torn_tail: bool = False
) -> Iterator[list[Input]]:
    """Yield the inputs of a run in order, some hundred at a time: the fastest way to read them.

    Args:
        run_dir: folder of the run.
        verify: False believes each line's checksum instead of computing it.
        start: first record wanted.
        allow_torn_tail: end quietly before what a crash or a write in progress left at the end of an unsealed run.

    Raises:
        JournalCorrupt: at the first bad place, after the records before it.
        JournalError: there is no such run, or its manifest cannot be read.
    """
    for block in _read_blocks(run_dir, Stream.INPUTS, verify=verify, allow_torn_tail=allow_torn_tail):
        skipped = max(0, start - block.first_seq)
        if skipped < len(block.lines):
            yield parse_inputs(block, skipped)


def read_inputs(
    run_dir: Path, *, verify: bool = True, start: int = 1, allow_torn_tail: bool = False
) -> Iterator[Input]:
    """Yield the inputs of a run in order; arguments and errors as in `read_input_batches`."""
    for batch in read_input_batches(run_dir, verify=verify, start=start, allow_torn_tail=allow_torn_tail):
        yield from batch


def read_decisions(run_dir: Path, *, verify: bool = True, allow_torn_tail: bool = False) -> Iterator[bytes]:
    """Yield the decision lines of a run as written, without newlines; arguments and errors as for inputs."""
    for block in _read_blocks(run_dir, Stream.DECISIONS, verify=verify, allow_torn_tail=allow_torn_tail):
        yield from block.lines


def read_records(run_dir: Path, *, verify: bool = True, allow_torn_tail: bool = False) -> Iterator[Record]:
    """Yield the decisions of a run as records; arguments and errors as for inputs.

    Raises:
        JournalCorrupt: also for a kind of record that this version does not know.
    """
    for block in _read_blocks(run_dir, Stream.DECISIONS, verify=verify, allow_torn_tail=allow_torn_tail):
        for index, line in enumerate(block.lines):
            try:
                record = _decode_record(line)
            except msgspec.DecodeError as error:
                raise _unreadable(block, index, error) from None
            yield record


def _read_blocks(run_dir: Path, stream: Stream, *, verify: bool, allow_torn_tail: bool) -> Iterator[Block]:
    seal = read_seal(run_dir)
    scan = Scan(run_dir, stream, verify=verify, seal=seal.of(stream) if seal else None)
    yield from scan.blocks()
    if scan.fault is not None and not (allow_torn_tail and scan.fault.torn):
        raise scan.fault.error()


def parse_inputs(block: Block, skipped: int = 0) -> list[Input]:
    """Read the lines of a block of the input stream, without the first `skipped`.

    Raises:
        JournalCorrupt: a line is no input.
    """
    parts = [line.partition(_RAW) for line in block.lines[skipped:]]
    try:
        heads = _decode_heads(b"[" + b"},".join([part[0] for part in parts]) + b"}]")
    except msgspec.DecodeError:
        raise _find_unreadable(block) from None
    return [
        Input(
            head.seq,
            head.ts,
            head.kind,
            head.source,
            part[2][:-TAIL_BYTES] if head.kind != "bytes" else b64decode(part[2][1 : -TAIL_BYTES - 1]),
        )
        for head, part in zip(heads, parts, strict=True)
    ]


def _find_unreadable(block: Block) -> JournalCorrupt:
    for index, line in enumerate(block.lines):
        try:
            _decode_heads(b"[" + line.partition(_RAW)[0] + b"}]")
        except msgspec.DecodeError as error:
            return _unreadable(block, index, error)
    return _unreadable(block, 0, "lines that are not inputs")


def _unreadable(block: Block, index: int, error: object) -> JournalCorrupt:
    offset = block.offset + sum(len(line) + 1 for line in block.lines[:index])
    return JournalCorrupt(
        f"the line cannot be read: {error}",
        file=block.segment.name,
        offset=offset,
        seq=block.first_seq + index,
        cure="use the version of lockstep that wrote the run",
    )
