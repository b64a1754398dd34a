"""What an earlier run left on an account: its positions, no strangers to the next one, and halts still in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from daemon.app.run_folders import list_runs
from daemon.app.runs import Mode, plan_of
from daemon.config import fingerprint
from daemon.core.account_events import Carried
from daemon.core.errors import LockstepError
from daemon.core.events import Command
from daemon.core.panic import WHO as PANIC
from daemon.core.records import FillLine, HaltLine, Record
from daemon.core.venue_records import AdoptionLine
from daemon.journal import Manifest, read_manifest, read_records
from daemon.log import get_logger

# Who halts by an operator's command (`daemon.core.desk`), and the command that says so again.
LATCHES = {"operator": "halt", PANIC: "panic"}
LIFTED = " lifted"
log = get_logger("carried")


def carried(logs: Path, account: str, account_id: str) -> Carried | None:
    """What the latest run that traded an account held when it ended; None where there is no sealed one.

    Args:
        logs: folder of the runs.
        account: name of the account in the configuration of today; an earlier one may have named it otherwise.
        account_id: the venue's user id.
    """
    latest = _latest(logs, account_id)
    if latest is None or latest.manifest.seal is None:
        return None
    try:
        positions = held_at_end(read_records(latest.path), latest.lane)
    except LockstepError as error:
        log.warning("positions_not_carried", run=latest.path.name, reason=error.message)
        return None
    return Carried(account=account, run=latest.manifest.run_id, positions=positions)


def still_in_force(logs: Path, lane: str, account_id: str) -> list[Command]:
    """An operator's halt or panic that nobody had taken back when the latest run on an account ended.

    A latch holds until `resume`, not until the next start. Said again to a run that goes on, it changes nothing. Where
    the run cannot be read, the start is halted.

    Args:
        logs: folder of the runs.
        lane: the lane that trades the account today.
        account_id: the venue's user id.
    """
    latest = _latest(logs, account_id)
    if latest is None:
        return []
    try:
        found = latches_at_end(read_records(latest.path, allow_torn_tail=True), latest.lane)
    except LockstepError as error:
        reason = f"whether {latest.path.name} was halted cannot be read"
        log.warning("halts_not_carried", run=latest.path.name, reason=error.message)
        return [Command("halt", lane, reason)]
    return [Command(LATCHES[who], lane, reason) for who, reason in found.items()]


def latches_at_end(records: Iterable[Record], lane: str) -> dict[str, str]:
    """Who of the operator's latches kept a lane halted after the last record, with the reason."""
    found: dict[str, str] = {}
    for record in records:
        if not isinstance(record, HaltLine) or record.lane != lane or record.symbol:
            continue
        who, _, reason = record.reason.partition(": ")
        if who in LATCHES:
            found[who] = reason
        elif who.endswith(LIFTED):
            found.pop(who.removesuffix(LIFTED), None)
    return found


def held_at_end(records: Iterable[Record], lane: str) -> dict[str, Decimal]:
    """Signed positions of a lane by symbol after the last record, flat ones left out."""
    held: dict[str, Decimal] = {}
    for record in records:
        if isinstance(record, FillLine | AdoptionLine) and record.lane == lane:
            held[record.symbol] = record.position
    return {symbol: qty for symbol, qty in held.items() if qty}


class _Latest(Struct, frozen=True):
    """The latest run that traded an account, and the lane it had there."""

    path: Path
    manifest: Manifest
    lane: str


def _latest(logs: Path, account_id: str) -> _Latest | None:
    known = fingerprint(account_id)
    for path in reversed(list_runs(logs)):
        manifest = read_manifest(path)
        lane = _lane_on(manifest, known) if manifest.mode == Mode.TRADE else None
        if lane is not None:
            return _Latest(path, manifest, lane)
    return None


def _lane_on(manifest: Manifest, known: str) -> str | None:
    """The lane that a run had on an account."""
    config = plan_of(manifest).config
    names: Mapping[str, str] = {
        name: fingerprint(account.account_id)
        for name, account in config.accounts.items()
        if account.account_id is not None
    }
    return next((lane.name for lane in config.active_lanes if names.get(lane.account) == known), None)
