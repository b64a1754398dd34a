"""The index file: opened or made, written run by run, asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from daemon.core.errors import IndexFailed, LockstepError
from daemon.core.records import Record
from daemon.index.projection import Projection, Row
from daemon.index.schema import EPOCHS, OF_A_RUN, SCHEMA_VERSION, TABLES, columns_of, key_of
from daemon.journal import Manifest
from daemon.log import get_logger

ReadRun = Callable[[Path], tuple[Manifest, Iterable[Record]]]

BATCH_ROWS = 2_000
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Parity(Struct, frozen=True, kw_only=True):
    """What a comparison of two runs said.

    question: replay, data or execution.  rate: equal / compared, a fraction; None when nothing was compared.
    first_divergence: plain data, None when there is none.  created: ISO time UTC.
    """

    left_run: str
    right_run: str
    question: str
    verdict: str
    compared: int
    equal: int
    rate: float | None
    first_divergence: Any = None
    created: str = ""


class Rebuilt(Struct, frozen=True):
    """Runs that a rebuild projected, and those that could not be read with the reason."""

    runs: tuple[str, ...]
    skipped: dict[str, str]


class Index:
    """The index file, opened or made. One that is damaged or of another version is moved aside or emptied.

    needs_rebuild: the file was missing, damaged or of another version, so that it may not know the older runs.
    moved_aside: where a damaged file is now.

    Raises:
        IndexFailed: the file cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.needs_rebuild = not path.exists()
        self.moved_aside: Path | None = None
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not _is_sound(path):
                self.moved_aside = _move_aside(path)
                self.needs_rebuild = True
                get_logger("index").warning("index_damaged", path=str(path), moved_to=str(self.moved_aside))
            path.touch(mode=0o600)
            self._database = Database(path)
            self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def project_run(self, manifest: Manifest, records: Iterable[Record]) -> None:
        """Write a run's rows, replacing those it had.

        Raises:
            IndexFailed: the index cannot be written; or what reading the records raises. Nothing is changed then.
        """
        run = Projection(manifest)
        with self._errors(), _writing(self._database):
            self._forget(manifest.run_id)
            for record in records:
                run.add(record)
                if run.waiting >= BATCH_ROWS:
                    self._insert_all(run.take())
            self._insert_all(run.end())

    def record_parity(self, parity: Parity) -> None:
        """Keep the result of a comparison; a later one of the same runs and question replaces it."""
        row = msgspec.structs.asdict(parity)
        row["first_divergence"] = None if parity.first_divergence is None else json.dumps(parity.first_divergence)
        with self._errors():
            self._insert("parity", [row], replace=True)

    def rebuild(self, logs: Path, read_run: ReadRun) -> Rebuilt:
        """Project every run folder below `logs` anew, and forget runs that are gone. Parity results stay.

        Args:
            logs: folder of the runs.
            read_run: gives the manifest and the records of a run folder; a LockstepError skips that run.

        Raises:
            IndexFailed: the index cannot be written.
        """
        folders = sorted(manifest.parent for manifest in logs.glob("*/manifest.json"))
        projected: list[str] = []
        skipped: dict[str, str] = {}
        for folder in folders:
            try:
                manifest, records = read_run(folder)
                self.project_run(manifest, records)
                projected.append(manifest.run_id)
            except IndexFailed:
                raise
            except LockstepError as error:
                skipped[folder.name] = error.message
                get_logger("index").warning("run_not_indexed", run=folder.name, reason=error.message)
        with self._errors(), _writing(self._database):
            for gone in {row["run_id"] for row in self.runs()} - set(projected):
                self._forget(gone)
        self.needs_rebuild = False
        return Rebuilt(tuple(projected), skipped)

    def runs(self) -> list[Row]:
        """All runs, the newest first."""
        return self._rows("select * from runs order by created desc, run_id desc")

    def decisions(self, run_id: str) -> list[Row]:
        """Counts of a run's decisions by lane, strategy and symbol."""
        return self._rows("select * from decisions where run_id = ? order by lane, strategy, symbol", run_id)

    def orders(self, run_id: str) -> list[Row]:
        """Orders of a run with their last state, in the order of their decisions."""
        return self._rows("select * from orders where run_id = ? order by decision, order_id", run_id)

    def fills(self, run_id: str) -> list[Row]:
        """The blotter of a run."""
        return self._rows("select * from fills where run_id = ? order by seq", run_id)

    def refusals(self, run_id: str) -> list[Row]:
        """Requests of a run that its exchanges refused, other than new orders."""
        return self._rows("select * from refusals where run_id = ? order by seq", run_id)

    def funding(self, run_id: str) -> list[Row]:
        """Settlements of funding of a run."""
        return self._rows("select * from funding where run_id = ? order by seq", run_id)

    def liquidations(self, run_id: str) -> list[Row]:
        """Steps of liquidations and deleveragings of a run."""
        return self._rows("select * from liquidations where run_id = ? order by seq", run_id)

    def accounts(self, run_id: str) -> list[Row]:
        """States of the accounts of a run as their exchanges saw them."""
        return self._rows("select * from accounts where run_id = ? order by seq", run_id)

    def equity(self, run_id: str) -> list[Row]:
        """Equity at mark of each lane of a run, sampled evenly; the last value is always there."""
        return self._rows("select lane, ts, equity from equity where run_id = ? order by lane, ts", run_id)

    def parity(self) -> list[Row]:
        """All comparisons, the newest first."""
        return self._rows("select * from parity order by created desc, left_run, right_run")

    def epochs(self) -> list[Row]:
        """Pairs of configuration and code, with how many runs and the times of the first and the last."""
        return self._rows("select * from epochs order by first, config_digest")

    def _prepare(self) -> None:
        """Make what is missing, in one transaction: commands that open a new file at once wait for one another."""
        database = self._database
        with _writing(database):
            if database.execute("pragma user_version").fetchone()[0] != SCHEMA_VERSION:
                self.needs_rebuild = True
                database.execute("drop view if exists epochs")
                for name in TABLES:
                    database.execute(f'drop table if exists "{name}"')
                for name in TABLES:
                    database.table(name).create(columns_of(name), pk=key_of(name))
                database.create_view("epochs", EPOCHS)
                database.execute(f"pragma user_version = {SCHEMA_VERSION}")
        with suppress(sqlite3.OperationalError):  # another command has it open: it stays as it is until the next time
            database.enable_wal()

    def _forget(self, run_id: str) -> None:
        for table in OF_A_RUN:
            self._database.execute(f'delete from "{table}" where run_id = ?', [run_id])  # noqa: S608 - our own names

    def _insert_all(self, rows: dict[str, list[Row]]) -> None:
        for table, batch in rows.items():
            self._insert(table, batch)

    def _insert(self, table: str, rows: list[Row], *, replace: bool = False) -> None:
        if rows:
            self._database.table(table).insert_all(rows, batch_size=BATCH_ROWS, replace=replace)

    def _rows(self, sql: str, *arguments: str) -> list[Row]:
        with self._errors():
            return list(self._database.query(sql, arguments))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            cure = "Try again when no other command uses it; or delete it: lockstep builds it again from the runs."
            raise IndexFailed(f"{self.path}: {error}", cure=cure) from error


@contextmanager
def _writing(database: Database) -> Iterator[None]:
    """A transaction that holds the right to write from its beginning, waiting for whoever has it."""
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.rollback()
        raise
    database.execute("commit")


def _is_sound(path: Path) -> bool:
    """Whether a file is a readable database; also when there is none yet."""
    if not path.exists():
        return True
    with closing(sqlite3.connect(path)) as connection:
        try:
            return bool(connection.execute("pragma quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _CORRUPT:
                return False
            raise


def _move_aside(path: Path) -> Path:
    target = next(name for number in count(1) if not (name := path.with_name(f"{path.name}.damaged-{number}")).exists())
    path.replace(target)
    for companion in ("-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    return target
