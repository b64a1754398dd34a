"""Small rows: what the journal costs for one record."""

from __future__ import annotations

from itertools import islice

import msgspec

from benchmarks.bars import make_bars, run_bars
from benchmarks.places import empty_manifest, work_folder
from benchmarks.row import Row, against_floor
from benchmarks.size import Size
from benchmarks.tape import SOURCE, make_frames, record_run
from benchmarks.timing import duel, yardstick
from daemon.core.records import Record
from daemon.journal import Journal, JournalSettings, verify_run

SETTINGS = JournalSettings(fsync="none", pack=False)
RECORDS = 50_000
DAYS = 8


def encode_decision(size: Size) -> Row:
    """Encode decision records into one buffer."""
    records = _records()
    encode_into = msgspec.json.Encoder().encode_into
    line = bytearray()

    def encode() -> int:
        for record in records:
            encode_into(record, line)
        return len(records)

    fight = duel(encode, yardstick, size.rounds)
    return against_floor("encode_decision", "records/s", fight, floor=500_000, bound="none")


def append_decision(size: Size) -> Row:
    """The same records encoded, chained and written by the journal."""
    records = _records()

    def append() -> int:
        with work_folder() as folder:
            journal = Journal.create(folder / "run", empty_manifest(), SETTINGS)
            for record in records:
                journal.append_decision(record)
            journal.close()
        return len(records)

    fight = duel(append, yardstick, size.rounds)
    return against_floor("append_decision", "records/s", fight, floor=300_000, bound="none")


def append_frame(size: Size) -> Row:
    """Frames checked, chained and written by the journal, as received."""
    frames = list(islice(make_frames(8), RECORDS))

    def append() -> int:
        with work_folder() as folder:
            journal = Journal.create(folder / "run", empty_manifest(), SETTINGS)
            for frame in frames:
                journal.append_frame(frame.ts, SOURCE, frame.payload)
            journal.close()
        return len(frames)

    fight = duel(append, yardstick, size.rounds)
    return against_floor("append_frame", "frames/s", fight, floor=200_000, bound="none")


def verify_records(size: Size) -> Row:
    """`lockstep verify` of a sealed run: every checksum of both streams."""
    with work_folder() as folder:
        record_run(folder / "run", islice(make_frames(8), RECORDS), settings=SETTINGS, seal=True)

        def verify() -> int:
            found = verify_run(folder / "run")
            assert found.ok, "the run that was just written is damaged"
            return found.inputs.count + found.decisions.count

        fight = duel(verify, yardstick, size.rounds)
    return against_floor("verify_run", "records/s", fight, floor=300_000, bound="none")


def _records() -> list[Record]:
    records: list[Record] = []
    run_bars(make_bars(DAYS), records.append)
    return records[:RECORDS]
