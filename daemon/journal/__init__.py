"""The journal: a run's two streams on disk, written ahead, chained, recovered, read and verified."""

from daemon.journal.diagnosis import Fault
from daemon.journal.files import Files
from daemon.journal.layout import Stream
from daemon.journal.lock import FileLock, RunLock
from daemon.journal.manifest import (
    Code,
    Manifest,
    Seal,
    SegmentSeal,
    SourceFile,
    StreamSeal,
    read_manifest,
    write_manifest,
)
from daemon.journal.reader import read_decisions, read_input_batches, read_inputs, read_records
from daemon.journal.recovery import Recovery, find_ends, recover, repair, truncate_decisions
from daemon.journal.tail import Tail
from daemon.journal.thread import Progress
from daemon.journal.verify import StreamVerification, Verification, verify_run
from daemon.journal.writer import Journal, JournalSettings

__all__ = [
    "Code",
    "Fault",
    "FileLock",
    "Files",
    "Journal",
    "JournalSettings",
    "Manifest",
    "Progress",
    "Recovery",
    "RunLock",
    "Seal",
    "SegmentSeal",
    "SourceFile",
    "Stream",
    "StreamSeal",
    "StreamVerification",
    "Tail",
    "Verification",
    "find_ends",
    "read_decisions",
    "read_input_batches",
    "read_inputs",
    "read_manifest",
    "read_records",
    "recover",
    "repair",
    "truncate_decisions",
    "verify_run",
    "write_manifest",
]
