"""The operator's log: an event name with key-values, on stderr and in `run.log`.

    log.info("run_started", run=..., mode=...)
      -> level -> redaction -> repeats -> stderr (console, key=value or JSON) and run.log (JSON lines, rotated)

The journal is for truth; this is for people, and nothing is rebuilt from it. What a sink cannot take is dropped and
counted: a full disk, a closed terminal or a reader that stopped reading never stops or delays trading.
"""

from __future__ import annotations

from daemon.log.foreign import libraries_through_our_log
from daemon.log.redaction import REDACTED, Redactor
from daemon.log.repeats import RepeatLimit
from daemon.log.run_log import RunLog
from daemon.log.setup import configure, get_logger, log_to_stderr

__all__ = [
    "REDACTED",
    "Redactor",
    "RepeatLimit",
    "RunLog",
    "configure",
    "get_logger",
    "libraries_through_our_log",
    "log_to_stderr",
]
