"""Reports of runs on disk."""

from __future__ import annotations

from pathlib import Path

from daemon.core.errors import LockstepError
from daemon.core.records import Action, DecisionLine
from daemon.journal import read_records
from replay.report import RunReport, summarise
from replay.report_html import render

ORDERING = (Action.BUY, Action.SELL, Action.CLOSE)


def report_run(run_dir: Path) -> RunReport:
    """Fold the decision stream of a run into its report.

    Raises:
        JournalError: the run cannot be read.
    """
    return summarise(read_records(run_dir, allow_torn_tail=True))


def write_html(run_dir: Path, found: RunReport, target: Path) -> None:
    """Write the report as one self-contained page.

    Raises:
        LockstepError: the file cannot be written.
    """
    try:
        target.write_text(render(found, run_dir.name), encoding="utf-8")
    except OSError as error:
        raise LockstepError(f"{target}: {error.strerror}", cure="name a file in a folder you can write to") from None


def first_order(run_dir: Path) -> int | None:
    """Seq of the first decision that asked for an order; None where none did."""
    for record in read_records(run_dir, verify=False, allow_torn_tail=True):
        if isinstance(record, DecisionLine) and record.decision.action in ORDERING:
            return record.seq
    return None
