"""Two `lockstep sandbox` processes, a demo and a live one, and clients that are pointed at them and else unchanged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

PATIENCE_S = 60.0
BALANCE = 200_000
NAMES = [f"{client}-{role}" for client in ("ccxt", "pybit") for role in ("main", "other", "hedge", "stream")]
UIDS = {name: str(100_001 + place) for place, name in enumerate(NAMES)}
FUNDING_EVERY_S, FUNDING_UNTIL_S = 300, 12_000
CUTTING = "SOLUSDT"
CUT = {"name": "an order of this symbol cuts the stream", "when": {"topic": "order", "symbol": CUTTING}, "close": 0}
SPEED = {"demo": 60, "live": 300}
"""Market seconds per second: fast enough that prices move within a check, slow enough for bars to be followed."""


class Key(Struct, frozen=True):
    """An account's key."""

    uid: str
    account: str
    key: str
    secret: str


class Sandbox(Struct, frozen=True):
    """Where a sandbox listens, and the keys it knows."""

    rest_url: str
    public_url: str
    private_url: str
    trade_url: str
    personality: str
    keys: list[Key]

    def key(self, account: str, *, reads: bool = False) -> Key:
        """The key of an account: the one that may do everything, or the one that may only read."""
        mine = [key for key in self.keys if key.account == account]
        return mine[1 if reads else 0]


class Stand(Struct, frozen=True):
    """What the checks work on."""

    demo: Sandbox
    live: Sandbox


@contextmanager
def open_stand(program: Sequence[str], folder: Path) -> Iterator[Stand]:
    """Start both sandboxes; `folder` takes their accounts, plan and truth."""
    accounts, plan = folder / "accounts.json", folder / "plan.json"
    accounts.write_text(json.dumps({"accounts": [_account(name) for name in NAMES]}))
    plan.write_text(json.dumps({"events": _fundings(), "pushes": [CUT]}))
    with ExitStack() as stack:
        both = [
            stack.enter_context(_sandbox(program, folder, personality, str(accounts), str(plan)))
            for personality in ("demo", "live")
        ]
        yield Stand(*both)


@contextmanager
def _sandbox(program: Sequence[str], folder: Path, personality: str, accounts: str, plan: str) -> Iterator[Sandbox]:
    options = {
        "--personality": personality,
        "--speed": str(SPEED[personality]),
        "--steps": "60" if personality == "demo" else "12",
        "--accounts": accounts,
        "--faults": plan,
        "--truth": str(folder / f"truth-{personality}.jsonl"),
    }
    line = [*program, "sandbox", "--json", *(word for pair in options.items() for word in pair)]
    with (folder / f"sandbox-{personality}.log").open("wb") as log:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready, f"the sandbox did not start: {Path(log.name).read_text()}"
            yield msgspec.json.decode(ready, type=Sandbox)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _account(name: str) -> dict[str, Any]:
    everything = {"key": f"key-{name}", "secret": f"secret-{name}"}
    reads = {"key": f"reads-{name}", "secret": f"secret-of-reads-{name}", "read_only": True}
    return {"uid": UIDS[name], "name": name, "balance_usdt": BALANCE, "keys": [everything, reads]}


def _fundings() -> list[dict[str, Any]]:
    """Funding for the accounts that wait for it: every few seconds instead of every eight hours."""
    paid = {"symbol": "BTCUSDT", "rate": "0.0001"}
    return [
        {"at_s": at_s, "uid": UIDS[f"{client}-other"], "funding": paid}
        for at_s in range(FUNDING_EVERY_S, FUNDING_UNTIL_S, FUNDING_EVERY_S)
        for client in ("ccxt", "pybit")
    ]
