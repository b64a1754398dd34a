"""Runs as they are made: their names, their manifests, what they are continued from."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from daemon.app.identity import code_identity, dependency_versions, new_lineage, python_version
from daemon.app.lanes import Plan, strategy_digests
from daemon.app.run_folders import list_runs
from daemon.config import StorageSettings, config_digest, config_document, config_from_document, iso_time
from daemon.core.errors import LockstepError
from daemon.core.events import Instrument
from daemon.core.units import NS_PER_SECOND
from daemon.journal import JournalSettings, Manifest, SourceFile, read_manifest


class Mode(StrEnum):
    """What a run was made for."""

    SHADOW = "shadow"
    TRADE = "trade"
    RECORD = "record"
    BACKTEST = "backtest"
    REPLAY = "replay"


class RunResult(Struct, frozen=True, kw_only=True):
    """How a run ended.

    inputs, decision_lines: records of each stream.  quarantined: frames that could not be read.  books_lost: how often
    a book had to be given up until its next snapshot.  seconds: the time it took us.
    """

    run: str
    run_dir: str
    mode: str
    inputs: int
    frames: int
    decision_lines: int
    quarantined: int
    books_lost: int
    reason: str
    resumed: bool
    sealed: bool
    seconds: float


def give_threads_turns() -> None:
    """Let the journal's threads wait a fifth of a millisecond for the interpreter, not five.

    They need it for moments only, between writing, hashing and packing, which happen outside it. In a busy process the
    packer starves otherwise, and closing a run waits for it; and an order waits for two threads that sync side by side.
    """
    sys.setswitchinterval(0.0002)


def new_run_dir(logs: Path, mode: Mode, now: int) -> Path:
    """A folder name for a new run, such as `shadow-20250506T000000Z-1f2e`; it is not made yet."""
    stamp = datetime.fromtimestamp(now // NS_PER_SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    return logs / f"{mode}-{stamp}-{secrets.token_hex(2)}"


def journal_settings(storage: StorageSettings, *, live: bool) -> JournalSettings:
    """How a run is written: live ones make groups durable and never block the loop, others need no fsync."""
    return JournalSettings(
        fsync=storage.fsync if live else "none",
        fsync_interval_ms=storage.fsync_interval_ms,
        segment_bytes=storage.segment_mb << 20,
        block=not live,
    )


def describe_run(
    run_id: str,
    mode: Mode,
    plan: Plan,
    *,
    created: int,
    instruments: Iterable[Instrument] = (),
    parent: Manifest | None = None,
    sources: Sequence[SourceFile] = (),
) -> Manifest:
    """The manifest of a run that is about to start."""
    return Manifest(
        run_id=run_id,
        lineage=parent.lineage if parent else new_lineage(),
        mode=mode,
        created=iso_time(created),
        parent=parent.run_id if parent else None,
        config=config_document(plan.config),
        config_digest=config_digest(plan.config),
        base=str(plan.base),
        traded=plan.trade,
        code=code_identity(),
        strategies=strategy_digests(plan),
        dependencies=dependency_versions(),
        python=python_version(),
        instruments=tuple(msgspec.to_builtins(instrument) for instrument in instruments),
        sources=tuple(sources),
    )


def plan_of(manifest: Manifest) -> Plan:
    """The configuration that a run was made with."""
    return Plan(config_from_document(dict(manifest.config)), Path(manifest.base or "."), manifest.traded)


def find_unfinished(logs: Path, mode: Mode, plan: Plan) -> Path | None:
    """The newest run of this mode and configuration, unless it is sealed; older ones were given up with `--new`."""
    digest = config_digest(plan.config)
    for path in reversed(list_runs(logs)):
        manifest = read_manifest(path)
        if manifest.mode == mode and manifest.config_digest == digest:
            return path if manifest.seal is None else None
    return None


def check_space(directory: Path, min_free_mb: int) -> None:
    """Refuse to write where there is little space left.

    Raises:
        LockstepError: less than `min_free_mb` is free, or there can be no such folder.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(directory).free >> 20
    except OSError as error:
        message = f"{directory}: {error.strerror}"
        raise LockstepError(message, cure="name a folder that you may write to, with --logs") from None
    if free_mb < min_free_mb:
        message = f"{directory}: {free_mb} MB are free, storage.min_free_mb asks for {min_free_mb}"
        raise LockstepError(message, cure="free space, or set storage.directory to another disk")
