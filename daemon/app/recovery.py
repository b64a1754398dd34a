"""Restart is replay: repair a run's tail, fold its inputs, check the decisions, go on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from daemon.app.fold import Progress, no_progress
from daemon.app.identity import code_identity
from daemon.app.lanes import Plan, build_pipeline, strategy_digests
from daemon.core.desk import Emit
from daemon.core.errors import JournalError, ReplayDiverged
from daemon.core.records import Record, record_encoder
from daemon.journal import Manifest, Recovery, find_ends, read_decisions, repair, truncate_decisions
from daemon.journal.chain import TAIL_BYTES
from daemon.loop import Pipeline
from daemon.ports import Input

_encode = record_encoder().encode


class Recovered(Struct, frozen=True):
    """A run brought back: the pipeline in its state, where the streams end, and the outlet of its decisions.

    now: time of the last input, nanoseconds UTC.  cut_inputs, cut_decisions: bytes that the crash had left half done.
    """

    pipeline: Pipeline
    recovery: Recovery
    outlet: Outlet
    now: int
    cut_inputs: int
    cut_decisions: int


class Outlet:
    """Where the engine's records go: first compared with the recorded ones, then kept, then to the journal."""

    def __init__(self, recorded: Iterator[bytes]) -> None:
        self.missing: list[Record] = []
        self.checked = 0
        self._recorded: Iterator[bytes] | None = recorded
        self._append: Emit | None = None

    def emit(self, record: Record) -> None:
        """Compare a recomputed record with the recorded one, or keep it if none was recorded.

        Raises:
            ReplayDiverged: they differ.
        """
        if self._append is not None:
            self._append(record)
            return
        line = None if self._recorded is None else next(self._recorded, None)
        if line is None:
            self._recorded = None
            self.missing.append(record)
            return
        recomputed = _encode(record)
        if recomputed[:-1] != line[:-TAIL_BYTES]:
            raise ReplayDiverged(
                f"decision {record.seq}: recomputing it gives\n  {recomputed.decode()}\nrecorded is\n  {line.decode()}",
                cure="start a new run with --new; report this with the run's folder",
            )
        self.checked += 1

    def open(self, append: Emit) -> None:
        """Write what was kept, and from now on everything."""
        for record in self.missing:
            append(record)
        self.missing.clear()
        self._append = append

    def has_more(self) -> bool:
        """Whether decisions were recorded whose inputs did not survive."""
        return self._recorded is not None and next(self._recorded, None) is not None


def check_same_code(manifest: Manifest, plan: Plan) -> None:
    """Refuse to continue a run with other code than it was made with, the strategies' own files included.

    Raises:
        JournalError: the code has changed.
    """
    cure = "go on with that code, or start a new run with --new"
    if manifest.code.digest != code_identity().digest:
        message = f"{manifest.run_id}: the run was made by other code ({manifest.code.version} {manifest.code.commit})"
        raise JournalError(message, cure=cure)
    now = strategy_digests(plan)
    changed = [name for name, digest in manifest.strategies.items() if now.get(name) != digest]
    if changed:
        raise JournalError(f"{manifest.run_id}: the run was made by other code of {', '.join(changed)}", cure=cure)


def bring_back(run_dir: Path, plan: Plan, lineage: str = "", progress: Progress = no_progress) -> Recovered:
    """Recover a run of this lineage that was not sealed. The caller holds its lock.

    Raises:
        JournalCorrupt: the run is damaged in a way that no crash explains.
        ReplayDiverged: its inputs do not lead to its decisions.
    """
    outlet = Outlet(read_decisions(run_dir, allow_torn_tail=True))
    pipeline = build_pipeline(plan, outlet.emit, lineage)

    def follow(batch: list[Input]) -> None:
        pipeline.fold(batch)
        progress(pipeline.inputs, None)

    found = find_ends(run_dir, follow)
    without_inputs = outlet.has_more()
    recovery = repair(run_dir, found)
    cut = recovery.decisions.cut_bytes
    if without_inputs:
        kept = truncate_decisions(run_dir, outlet.checked)
        recovery = Recovery(recovery.inputs, kept)
        cut += kept.cut_bytes
    now = recovery.inputs.last_ts or 0
    return Recovered(pipeline, recovery, outlet, now, recovery.inputs.cut_bytes, cut)
