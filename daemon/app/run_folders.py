"""Runs on disk: finding and listing them."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from daemon.core.errors import JournalError
from daemon.journal import Manifest, read_manifest
from daemon.journal.layout import MANIFEST
from daemon.log import get_logger

log = get_logger("runs")


def find_run(name: str, logs: Path) -> Path:
    """The folder of a run, given as a path, as an id below `logs`, or as "latest".

    Raises:
        JournalError: there is no such run.
    """
    if name == "latest":
        runs = list_runs(logs)
        if not runs:
            raise JournalError(f"{logs}: there are no runs yet", cure="make one with `lockstep demo`")
        return runs[-1]
    for candidate in (Path(name), logs / name):
        if (candidate / MANIFEST).is_file():
            return candidate
    raise JournalError(f"there is no run {name!r}", cure=f"give its folder, or an id below {logs}, or `latest`")


def list_runs(logs: Path) -> list[Path]:
    """Folders of all runs, by the time they were made. One whose manifest cannot be read is left out with a warning."""
    if not logs.is_dir():
        return []
    found: list[tuple[str, Path]] = []
    for path in logs.iterdir():
        if (path / MANIFEST).is_file():
            try:
                found.append((read_manifest(path).created, path))
            except JournalError as error:
                log.warning("run_unreadable", run=path.name, reason=error.message)
    return [path for _, path in sorted(found)]


def parent_dir(run_dir: Path, manifest: Manifest) -> Path:
    """The folder of the run that this one replays; it lies beside it.

    Raises:
        JournalError: it is gone.
    """
    parent = run_dir.parent / (manifest.parent or "")
    if not manifest.parent or not (parent / MANIFEST).is_file():
        message = f"{run_dir.name} replays {manifest.parent}, which is not in {run_dir.parent}"
        raise JournalError(message, cure="put both runs into one folder")
    return parent


class RunSummary(Struct, frozen=True, kw_only=True):
    """One line of the list of runs. decision_lines is None for a run without a seal."""

    run: str
    mode: str
    created: str
    sealed: bool
    decision_lines: int | None
    parent: str | None


def overview(logs: Path) -> list[RunSummary]:
    """All runs of a folder, oldest first."""
    manifests = [read_manifest(path) for path in list_runs(logs)]
    return [
        RunSummary(
            run=manifest.run_id,
            mode=manifest.mode,
            created=manifest.created,
            sealed=manifest.seal is not None,
            decision_lines=manifest.seal.decisions.count if manifest.seal else None,
            parent=manifest.parent,
        )
        for manifest in manifests
    ]
