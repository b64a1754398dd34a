"""After a crash: find where each stream ends, put aside what was torn, and hand over to a writer that goes on.

A torn tail is copied to `<segment>.broken-<n>` before it is cut, so nothing is ever lost to a repair. What a crash
cannot explain is refused and left untouched. Being killed during a repair leaves a run that can be repaired again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import msgspec
from msgspec import Struct

from daemon.core.errors import JournalError, JournalFailed
from daemon.journal.files import Files, write_file
from daemon.journal.layout import MANIFEST, TEMPORARY, Segment, Stream, list_segments, read_segment
from daemon.journal.manifest import read_seal
from daemon.journal.reader import parse_inputs
from daemon.journal.scan import BLOCK_BYTES, Block, Scan
from daemon.journal.tail import Tail, Tally
from daemon.ports import Input

Follow = Callable[[list[Input]], None]


class Recovery(Struct, frozen=True):
    """The ends of both streams. Once repaired, `Journal.resume` takes it; it serves one writer only."""

    inputs: Tail
    decisions: Tail


def recover(run_dir: Path, *, files: Files | None = None) -> Recovery:
    """Repair a run that was not sealed, and return where its streams end. The caller holds the run's lock.

    Raises:
        JournalCorrupt: a bad place that no crash explains; nothing was changed.
        JournalError: there is no such run, or it is sealed.
        JournalFailed: the disk refused during the repair; it can be tried again.
    """
    return repair(run_dir, find_ends(run_dir), files=files)


def find_ends(run_dir: Path, follow: Follow | None = None) -> Recovery:
    """The first half of `recover`: check both streams from end to end, and change nothing.

    Args:
        run_dir: folder of the run.
        follow: told all good inputs, batch by batch, as they are checked; it saves reading them again.

    Raises:
        JournalCorrupt, JournalError: as in `recover`.
    """
    _refuse_sealed(run_dir)
    return Recovery(*(_find_tail(run_dir, stream, follow=follow) for stream in Stream))


def repair(run_dir: Path, found: Recovery, *, files: Files | None = None) -> Recovery:
    """The second half of `recover`: cut off what stands behind the ends that were found.

    Raises:
        JournalFailed: the disk refused; it can be tried again.
    """
    return Recovery(*_guarded(run_dir, [found.inputs, found.decisions], files or Files()))


def truncate_decisions(run_dir: Path, keep_seq: int, *, files: Files | None = None) -> Tail:
    """Cut the decision stream after record `keep_seq` (0: all of it); what is cut off is kept beside it.

    For decisions whose inputs did not survive. Use the result in place of `Recovery.decisions`.

    Raises:
        JournalCorrupt, JournalError, JournalFailed: as in `recover`.
    """
    _refuse_sealed(run_dir)
    tail = _find_tail(run_dir, Stream.DECISIONS, keep=keep_seq)
    return _guarded(run_dir, [tail], files or Files())[0]


def _refuse_sealed(run_dir: Path) -> None:
    if read_seal(run_dir) is not None:
        raise JournalError(f"{run_dir}: the run is sealed, there is nothing to recover", cure="start a new run")


def _find_tail(run_dir: Path, stream: Stream, *, keep: int | None = None, follow: Follow | None = None) -> Tail:
    scan = Scan(run_dir, stream)
    tally = Tally(stream)
    blocks = scan.blocks()
    if follow is not None and stream is Stream.INPUTS:
        blocks = _followed(blocks, follow)
    tally.follow(blocks, keep=keep)
    if scan.fault is not None and not scan.fault.torn:
        raise scan.fault.error()
    return tally.tail()


def _followed(blocks: Iterator[Block], follow: Follow) -> Iterator[Block]:
    for block in blocks:
        yield block
        follow(parse_inputs(block))


def _guarded(run_dir: Path, tails: list[Tail], files: Files) -> list[Tail]:
    try:
        repaired = [_cut_behind(run_dir, tail, files) for tail in tails]
        _remove_temporary(run_dir, files)
    except OSError as error:
        message = f"{error.filename or run_dir}: the repair failed: {error.strerror} (errno {error.errno})"
        raise JournalFailed(message, cure="free space or mend the disk, then start again") from error
    return repaired


def _cut_behind(run_dir: Path, tail: Tail, files: Files) -> Tail:
    """Make `tail` the end of its stream: put aside what stands behind it, leave its segment plain."""
    segments = list_segments(run_dir, tail.stream)
    aside = [_put_aside(segment, files) for segment in reversed(segments) if _is_behind(segment, tail)]
    moved = [found for found in aside if found is not None]
    for segment in segments:
        if _is_behind(segment, tail):
            continue
        _keep_one_form(segment, files)
        if segment.number == tail.segment:
            _unpack(segment, files)
            moved.extend(_cut_segment(segment, tail.offset, files))
    if segments:
        files.fsync_dir(run_dir)
    return msgspec.structs.replace(
        tail, cut_bytes=sum(size for _, size in moved), kept=tuple(path for path, _ in moved)
    )


def _is_behind(segment: Segment, tail: Tail) -> bool:
    return segment.number > tail.segment or not tail.offset


def _put_aside(segment: Segment, files: Files) -> tuple[Path, int] | None:
    """Rename a whole segment out of the way, from the last one down; an empty one just goes."""
    _keep_one_form(segment, files)
    size = segment.path.stat().st_size
    if not size:
        files.unlink(segment.path)
        return None
    target = _unused_name(segment.path)
    files.rename(segment.path, target)
    files.fsync_dir(segment.run_dir)
    return target, size


def _keep_one_form(segment: Segment, files: Files) -> None:
    """Of a plain and a packed file of one segment, remove the one that is not read."""
    if segment.plain_path.exists() and segment.packed_path.exists():
        files.unlink(segment.plain_path if segment.packed else segment.packed_path)
        files.fsync_dir(segment.run_dir)


def _unpack(segment: Segment, files: Files) -> None:
    """Make the segment plain again, because it will be appended to."""
    if segment.packed:
        write_file(files, segment.plain_path, read_segment(segment, BLOCK_BYTES))
        files.unlink(segment.packed_path)
        files.fsync_dir(segment.run_dir)


def _cut_segment(segment: Segment, offset: int, files: Files) -> list[tuple[Path, int]]:
    cut = segment.plain_path.stat().st_size - offset
    if not cut:
        return []
    target = _unused_name(segment.plain_path)
    write_file(files, target, _read_from(segment.plain_path, offset))
    files.truncate(segment.plain_path, offset)
    return [(target, cut)]


def _read_from(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(BLOCK_BYTES):
            yield block


def _unused_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.broken-{number}") for number in count(1))
    return next(name for name in names if not name.exists())


def _remove_temporary(run_dir: Path, files: Files) -> None:
    ours = (MANIFEST, *(f"{stream}-" for stream in Stream))
    for path in sorted(run_dir.iterdir()):
        if path.name.startswith(ours) and path.name.endswith(TEMPORARY):
            files.unlink(path)
