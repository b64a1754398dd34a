"""Runs the recorded inputs of any run through a pipeline again: what replay, recovery and explain stand on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon.app.lanes import Plan
from daemon.app.run_folders import parent_dir
from daemon.app.runs import Mode, plan_of
from daemon.core.errors import ConfigError, DataError
from daemon.core.events import Instrument
from daemon.journal import Manifest, SourceFile, read_input_batches, read_manifest
from daemon.loop import Pipeline, Schedule, with_schedule
from replay.history import HistoryFile, HistorySource

Progress = Callable[[int, int | None], None]


def no_progress(_done: int, _total: int | None) -> None:
    """Show nothing."""


def fold_run(run_dir: Path, pipeline: Pipeline, progress: Progress = no_progress) -> None:
    """Fold everything that a run was told into a pipeline.

    Args:
        run_dir: the run; for a replay the inputs are those of its parent, for a backtest its history files.
        pipeline: a fresh one.
        progress: told the number of inputs done and, where known, of all.

    Raises:
        JournalError: the inputs cannot be read.
        DataError: a history file is not the one that the run read.
    """
    manifest = read_manifest(run_dir)
    if manifest.mode == Mode.REPLAY:
        fold_run(parent_dir(run_dir, manifest), pipeline, progress)
    elif manifest.mode == Mode.BACKTEST:
        plan = plan_of(manifest)
        check_sources(manifest)
        fold_history(plan, pipeline, progress, total=sum(source.rows for source in manifest.sources))
    else:
        total = manifest.seal.inputs.count if manifest.seal else None
        for batch in read_input_batches(run_dir, allow_torn_tail=True):
            pipeline.fold(batch)
            progress(pipeline.inputs, total)


def fold_history(plan: Plan, pipeline: Pipeline, progress: Progress = no_progress, total: int | None = None) -> None:
    """Fold the history files of a configuration, with the trouble that it plans.

    The instruments come first, stamped like the first fact.

    Raises:
        DataError: a file cannot be used.
    """
    step = pipeline.engine.step
    seq = 0
    for batch in with_schedule(HistorySource(history_files(plan)).batches(), Schedule(plan.config.trouble)):
        if seq == 0:
            for instrument in config_instruments(plan):
                seq += 1
                step(seq, batch[0][0], instrument)
        for ts, fact in batch:
            seq += 1
            step(seq, ts, fact)
        pipeline.inputs = seq
        progress(seq, total)


def history_files(plan: Plan) -> list[HistoryFile]:
    """The history files of a configuration, their paths made absolute.

    Raises:
        ConfigError: an entry cannot be used; the message names it.
    """
    files: list[HistoryFile] = []
    for index, entry in enumerate(plan.config.history):
        try:
            file = msgspec.convert(entry, HistoryFile)
        except msgspec.ValidationError as error:
            raise ConfigError(f"history[{index}]: {error}", cure="see docs/configuration.md, history") from None
        except ConfigError as error:
            raise ConfigError(f"history[{index}].{error.message}", cure=error.cure) from None
        files.append(msgspec.structs.replace(file, path=str((plan.base / file.path).resolve())))
    if not files:
        raise ConfigError("history: no files are named", cure="add a [[history]] section, see examples/backtest.toml")
    return files


def config_instruments(plan: Plan) -> list[Instrument]:
    """Instruments that the configuration itself specifies."""
    return [settings.instrument(symbol) for symbol, settings in plan.config.instruments.items()]


def describe_sources(plan: Plan) -> list[SourceFile]:
    """Read and check the history files once, for the manifest.

    Raises:
        DataError: naming file and row.
    """
    return [
        SourceFile(path=file.path, sha256=found.sha256, rows=found.rows, mapping=dict(file.columns))
        for file, found in zip(history_files(plan), HistorySource(history_files(plan)).describe(), strict=True)
    ]


def check_sources(manifest: Manifest) -> None:
    """Make sure that the history files are those that a run read.

    Raises:
        DataError: one is missing or has changed.
    """
    found = {source.path: source for source in describe_sources(plan_of(manifest))}
    for source in manifest.sources:
        now = found.get(source.path)
        if now is None or now.sha256 != source.sha256:
            message = f"{source.path}: this is not the file that {manifest.run_id} read"
            raise DataError(message, cure=f"restore the file with SHA-256 {source.sha256}")
