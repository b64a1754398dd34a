"""Keeps `index.db` beside the runs: a projection for people and their SQL, never needed by us."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from daemon.clock import SystemClock
from daemon.config import iso_time
from daemon.core.errors import IndexFailed, JournalError
from daemon.core.records import Record
from daemon.index import Index, Parity, Rebuilt
from daemon.journal import Manifest, read_manifest, read_records
from daemon.log import get_logger
from replay.compare import Comparison

INDEX = "index.db"
log = get_logger("catalog")


def add_run(run_dir: Path) -> None:
    """Write a finished run into the index of its folder. What goes wrong there costs a warning, never the run."""
    try:
        with Index(run_dir.parent / INDEX) as index:
            index.project_run(*read_run(run_dir))
    except (IndexFailed, JournalError) as error:
        log.warning("run_not_indexed", run=run_dir.name, reason=error.message)


def add_parity(left: Path, right: Path, found: Comparison) -> None:
    """Keep the result of a replay comparison in the index of the left run's folder."""
    parity = Parity(
        left_run=left.name,
        right_run=right.name,
        question="replay",
        verdict=str(found.verdict),
        compared=found.decisions,
        equal=found.matched,
        rate=found.rate if found.decisions else None,
        first_divergence=msgspec.to_builtins(found.first) if found.first else None,
        created=iso_time(SystemClock().now()),
    )
    try:
        with Index(left.parent / INDEX) as index:
            index.record_parity(parity)
    except IndexFailed as error:
        log.warning("parity_not_indexed", left=left.name, right=right.name, reason=error.message)


def rebuild(logs: Path) -> Rebuilt:
    """Make the index of a folder of runs anew.

    Raises:
        IndexFailed: it cannot be written.
    """
    with Index(logs / INDEX) as index:
        return index.rebuild(logs, read_run)


def read_run(run_dir: Path) -> tuple[Manifest, Iterable[Record]]:
    """Manifest and decision records of a run."""
    return read_manifest(run_dir), read_records(run_dir, allow_torn_tail=True)
