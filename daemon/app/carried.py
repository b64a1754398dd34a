"""What an earlier run of ours left on an account: so that a position it held is not a stranger's to the next run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from daemon.app.runs import Mode, list_runs, plan_of
from daemon.config import fingerprint
from daemon.core.account_events import Carried
from daemon.core.errors import LockstepError
from daemon.core.records import AdoptionLine, FillLine, Record
from daemon.journal import Manifest, read_manifest, read_records
from daemon.log import get_logger

log = get_logger("carried")


def carried(logs: Path, account: str, account_id: str) -> Carried | None:
    """What the latest run that traded an account held when it ended; None where there is no sealed one.

    Args:
        logs: folder of the runs.
        account: name of the account in the configuration of today; an earlier one may have named it otherwise.
        account_id: the venue's user id.
    """
    known = fingerprint(account_id)
    for path in reversed(list_runs(logs)):
        manifest = read_manifest(path)
        lane = _lane_on(manifest, known) if manifest.mode == Mode.TRADE else None
        if lane is None:
            continue
        if manifest.seal is None:
            return None
        try:
            positions = held_at_end(read_records(path), lane)
        except LockstepError as error:
            log.warning("positions_not_carried", run=path.name, reason=error.message)
            return None
        return Carried(account=account, run=manifest.run_id, positions=positions)
    return None


def held_at_end(records: Iterable[Record], lane: str) -> dict[str, Decimal]:
    """Signed positions of a lane by symbol after the last record, flat ones left out."""
    held: dict[str, Decimal] = {}
    for record in records:
        if isinstance(record, FillLine | AdoptionLine) and record.lane == lane:
            held[record.symbol] = record.position
    return {symbol: qty for symbol, qty in held.items() if qty}


def _lane_on(manifest: Manifest, known: str) -> str | None:
    """The lane that a run had on an account."""
    config = plan_of(manifest).config
    names: Mapping[str, str] = {
        name: fingerprint(account.account_id)
        for name, account in config.accounts.items()
        if account.account_id is not None
    }
    return next((lane.name for lane in config.active_lanes if names.get(lane.account) == known), None)
