"""`manifest.json`: what a run is, apart from its two streams. The caller fills it; this file knows its shape.

The seal is written when a run ends on purpose. A run without one is still being written or has crashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.core.errors import JournalError, JournalFailed
from daemon.journal.chain import FORMAT
from daemon.journal.files import Files, write_file
from daemon.journal.layout import MANIFEST, Stream


class Code(Struct, frozen=True, kw_only=True):
    """The code that ran. commit: empty outside a checkout.  dirty: it had changes.  digest: of the source files."""

    version: str
    commit: str = ""
    dirty: bool = False
    digest: str = ""


class SourceFile(Struct, frozen=True, kw_only=True):
    """A history file that a run read. sha256: of its bytes.  mapping: our column names to the file's."""

    path: str
    sha256: str
    rows: int
    mapping: dict[str, str] = {}


class SegmentSeal(Struct, frozen=True, kw_only=True):
    """A finished segment. bytes, sha256: of its uncompressed content."""

    name: str
    bytes: int
    sha256: str
    first_seq: int
    last_seq: int


class StreamSeal(Struct, frozen=True, kw_only=True):
    """A finished stream. count: records.  crc: where its chain stands, as on its last line."""

    count: int
    crc: str
    segments: tuple[SegmentSeal, ...] = ()


class Seal(Struct, frozen=True, kw_only=True):
    """How a run ended. ended: ISO time UTC.  reason: why it stopped."""

    inputs: StreamSeal
    decisions: StreamSeal
    ended: str
    reason: str

    def of(self, stream: Stream) -> StreamSeal:
        """Return the seal of one stream."""
        return self.inputs if stream is Stream.INPUTS else self.decisions


class Manifest(Struct, frozen=True, kw_only=True):
    """What a run is.

    lineage: 80 random bits in hexadecimal, kept by the runs that continue this one.  created: ISO time UTC.
    parent: id of the run that this one replays or continues.  config: as decoded; config_digest identifies it; base is
    the folder that its relative paths start from.  traded: lanes with accounts at a venue traded there, so that its
    answers are among the inputs.
    strategies: name to digest of its source.  dependencies: name to version.  sources: history files, empty when live.
    seal: None while the run is being written, and after a crash.
    """

    format: int = FORMAT
    run_id: str
    lineage: str
    mode: str
    created: str
    parent: str | None = None
    config: Mapping[str, Any] = {}
    config_digest: str = ""
    base: str = ""
    traded: bool = False
    code: Code
    strategies: dict[str, str] = {}
    dependencies: dict[str, str] = {}
    python: str = ""
    instruments: tuple[dict[str, Any], ...] = ()
    sources: tuple[SourceFile, ...] = ()
    seal: Seal | None = None


class _Format(Struct):
    format: int


def write_manifest(run_dir: Path, manifest: Manifest, *, files: Files | None = None) -> None:
    """Write or replace a run's manifest; after a crash it is the old one or the new one.

    Raises:
        JournalFailed: the disk refused.
    """
    path = run_dir / MANIFEST
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    try:
        write_file(files or Files(), path, [text])
    except OSError as error:
        raise JournalFailed(f"{path}: cannot be written: {error.strerror}", cure="free space, check rights") from error


def read_manifest(run_dir: Path) -> Manifest:
    """Read a run's manifest; keys that we do not know are passed over.

    Raises:
        JournalError: it is missing, damaged, or of a newer format.
    """
    path = run_dir / MANIFEST
    try:
        text = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}", cure="name the folder of a run") from None
    try:
        if (found := msgspec.json.decode(text, type=_Format).format) > FORMAT:
            message = f"{path}: format {found} is newer than {FORMAT}, the newest this version reads"
            raise JournalError(message, cure="use the version of lockstep that wrote the run, or a newer one")
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalError(f"{path}: {error}", cure="restore the manifest from a copy") from None


def read_seal(run_dir: Path) -> Seal | None:
    """Return the seal of a run; None when it has none yet, or when the folder holds streams without a manifest.

    Raises:
        JournalError: the manifest is damaged or of a newer format.
    """
    return read_manifest(run_dir).seal if (run_dir / MANIFEST).exists() else None


def write_seal(run_dir: Path, seal: Seal, *, files: Files | None = None) -> None:
    """Close a run for ever.

    Raises:
        JournalError: there is no manifest to seal.
        JournalFailed: the disk refused.
    """
    write_manifest(run_dir, msgspec.structs.replace(read_manifest(run_dir), seal=seal), files=files)
