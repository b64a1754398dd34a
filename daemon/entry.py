"""Where the `lockstep` command begins."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # as in `daemon.cli.exits`, which is not loaded yet


def main() -> None:
    """Load the command line, which takes a moment in which a person may press Ctrl-C, and run it."""
    try:
        from daemon.cli import main as run  # noqa: PLC0415 - the loading itself is what may be interrupted
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()
