"""Packs closed segments with zstd on a thread of its own, so that neither the loop nor the writer waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import zstandard

from daemon.journal.files import Files, write_file
from daemon.journal.layout import PACKED, TEMPORARY

LEVEL = 3
_BLOCK_BYTES = 1 << 20


def pack_segment(path: Path, files: Files) -> None:
    """Replace a closed plain segment by its packed form. Killed at any step, it leaves the plain one, or both, or it.

    Raises:
        OSError: the plain segment is untouched.
    """
    packed = path.with_name(path.name + PACKED)
    write_file(files, packed, _packed_blocks(path))
    files.unlink(path)


def _packed_blocks(path: Path) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True)
    chunker = compressor.chunker(size=path.stat().st_size, chunk_size=_BLOCK_BYTES)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            yield from chunker.compress(block)
    yield from chunker.finish()  # type: ignore[no-untyped-call]


class Packer:
    """Packs what it is given, in order. A segment that cannot be packed stays plain and is named in `failures`."""

    def __init__(self, files: Files) -> None:
        self.failures: list[str] = []
        self._files = files
        self._paths: SimpleQueue[Path | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, path: Path) -> None:
        """Pack a closed segment when its turn comes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal-packer", daemon=True)
            self._thread.start()
        self._paths.put(path)

    def finish(self) -> None:
        """Wait until all is packed and end the thread."""
        if self._thread is not None:
            self._paths.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (path := self._paths.get()) is not None:
            try:
                pack_segment(path, self._files)
            except (OSError, zstandard.ZstdError) as error:
                self.failures.append(f"{path}: stays unpacked: {error}")
                self._drop_temporary(path)

    def _drop_temporary(self, path: Path) -> None:
        temporary = path.with_name(path.name + PACKED + TEMPORARY)
        try:
            self._files.unlink(temporary)
        except OSError as error:
            self.failures.append(f"{temporary}: {error}")
