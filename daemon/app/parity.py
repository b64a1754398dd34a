"""Compares two runs on disk."""

from __future__ import annotations

from pathlib import Path

from daemon.app.run_folders import parent_dir
from daemon.app.runs import Mode
from daemon.core.errors import JournalError
from daemon.core.records import DecisionLine
from daemon.journal import Manifest, read_decisions, read_manifest, read_records
from replay.compare import EXIT_CODES, Comparison, Limits, RunFacts, Verdict, compare

# Where a run is written, and how, changes nothing of what it decides.
IRRELEVANT = ("storage",)


def compare_runs(
    left: Path, right: Path, *, limits: Limits | None = None, window: tuple[int, int] | None = None
) -> Comparison:
    """Compare the decision streams of two runs.

    Args:
        left: folder of a run.
        right: folder of the other.
        limits: what still counts as agreement; None wants equal bytes.
        window: compare only first <= ts < last, nanoseconds UTC.

    Raises:
        JournalError: a run cannot be read.
    """
    if left.resolve() == right.resolve():
        reason = f"{left.name} is compared with itself, which proves nothing; name its replay"
        return Comparison(verdict=Verdict.CANNOT_TELL, exit_code=EXIT_CODES[Verdict.CANNOT_TELL], reasons=(reason,))
    return compare(
        read_decisions(left, allow_torn_tail=True),
        read_decisions(right, allow_torn_tail=True),
        run_facts(left, other=right),
        run_facts(right, other=left),
        limits=limits,
        window=window,
        irrelevant=IRRELEVANT,
    )


def run_facts(run_dir: Path, other: Path | None = None) -> RunFacts:
    """What must be known of a run before its rows are compared; `other` is the run that it is compared with."""
    manifest = read_manifest(run_dir)
    first, last = _evaluations(run_dir)
    digest, inputs = _inputs(run_dir, manifest, other)
    return RunFacts(
        name=run_dir.name,
        mode=manifest.mode,
        config=dict(manifest.config),
        code=manifest.code.digest,
        sealed=manifest.seal is not None,
        first_ts=first,
        last_ts=last,
        strategies=manifest.strategies,
        inputs_digest=digest,
        inputs=inputs,
    )


def _evaluations(run_dir: Path) -> tuple[int | None, int | None]:
    """Times of the first and the last evaluation."""
    first = last = None
    for record in read_records(run_dir, verify=False, allow_torn_tail=True):
        if type(record) is DecisionLine:
            last = record.ts
            first = last if first is None else first
    return first, last


def _inputs(run_dir: Path, manifest: Manifest, other: Path | None) -> tuple[str, int]:
    """Digest and count of what a run was told; of its parent for a replay, of its files for a backtest.

    "" and 0 where it cannot be known: a run without a seal, a replay whose parent lies elsewhere.
    """
    if manifest.mode == Mode.REPLAY:
        parent = _find_parent(run_dir, manifest, other)
        return ("", 0) if parent is None else _inputs(parent, read_manifest(parent), other)
    if manifest.mode == Mode.BACKTEST:
        return "+".join(source.sha256 for source in manifest.sources), sum(source.rows for source in manifest.sources)
    if manifest.seal is None:
        return "", 0
    return manifest.seal.inputs.crc, manifest.seal.inputs.count


def _find_parent(run_dir: Path, manifest: Manifest, other: Path | None) -> Path | None:
    if other is not None and read_manifest(other).run_id == manifest.parent:
        return other
    try:
        return parent_dir(run_dir, manifest)
    except JournalError:
        return None
