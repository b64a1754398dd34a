"""Where benchmarks write: folders that vanish, and the manifest of runs that are nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.journal import Code, Manifest

CREATED = "2025-05-06T00:00:00Z"


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for one measurement."""
    with TemporaryDirectory(prefix="lockstep-benchmark-") as name:
        yield Path(name)


def empty_manifest() -> Manifest:
    """A manifest that describes nothing."""
    return Manifest(
        run_id="benchmark", lineage="benchmark", mode="backtest", created=CREATED, code=Code(version="benchmark")
    )
