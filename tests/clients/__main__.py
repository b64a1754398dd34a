"""Drives a real `lockstep sandbox` with unmodified ccxt and pybit: `python -m tests.clients`, or `make clients`.

Exit codes: 0 everything asked for works, 1 something does not, 2 the clients are not installed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.clients.board import CLIENTS, Board, Checks, run
from tests.clients.stand import Stand, open_stand

PASSED, FAILED, CANNOT_TELL = 0, 1, 2
LOCKSTEP = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "lockstep"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print the table, or JSON (--json)."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.add_argument("--client", choices=CLIENTS, action="append", help="only this client")
    parser.add_argument("--feature", default="", help="only features whose name holds this")
    parser.add_argument("--lockstep", nargs="+", default=[str(LOCKSTEP)], help="how lockstep is started")
    options = parser.parse_args(arguments)
    if find_spec("ccxt") is None or find_spec("pybit") is None:
        sys.stderr.write("ccxt and pybit are not installed here; run: make clients\n")
        return CANNOT_TELL
    began = time.monotonic()
    with TemporaryDirectory() as folder, open_stand(options.lockstep, Path(folder)) as stand:
        board = check(stand, options.client or CLIENTS, options.feature)
    sys.stderr.write(f"{len(board.verdicts)} checks in {time.monotonic() - began:.0f} s\n")
    if options.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(board)) + b"\n")
    else:
        sys.stdout.write(board.table())
    return PASSED if board.passed() else FAILED


def check(stand: Stand, clients: Sequence[str], feature: str) -> Board:
    """Try the clients side by side, and streams beside requests; within each of these, one check after the other."""
    logging.getLogger("pybit").setLevel(logging.CRITICAL)  # it logs what it is refused, and being refused is tried here
    logging.getLogger("websocket").setLevel(logging.CRITICAL)
    board, everything = Board(), all_checks()
    parts = [(name, part) for name in clients for part in split(everything[name])]
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(run, name, part, stand, feature, board) for name, part in parts]:
            done.result()
    return board


def split(checks: Checks) -> tuple[Checks, Checks]:
    """Checks of sockets, which have accounts of their own, and the others."""
    sockets = {name: each for name, each in checks.items() if "stream" in name or "socket" in name}
    return sockets, {name: each for name, each in checks.items() if name not in sockets}


def all_checks() -> dict[str, Checks]:
    """Every check of every client; only here the clients are needed."""
    from tests.clients import by_ccxt, by_pybit  # noqa: PLC0415 - loads ccxt and pybit

    return {"ccxt": by_ccxt.CHECKS, "pybit": by_pybit.CHECKS}


if __name__ == "__main__":
    sys.exit(main())
