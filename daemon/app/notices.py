"""What an operator reads of what is concluded: the decision lines that tell of trouble at a venue, and of its end.

The stream is the truth and has all of it. `run.log` gets what somebody who was woken up looks for first: who halted a
lane and why, books that differ, outcomes that are unknown and what became of them, orders that were refused.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.records import HaltLine, LiquidationLine, OrderLine, OrderStatus, Record, RefusalLine
from daemon.core.remote.states import State
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, TrackLine
from daemon.log import get_logger

log = get_logger("lane")


class Notices:
    """Hands each record on, then tells of it if there is something to tell.

    Args:
        append: takes the record first; what could not be written down is not told either.
    """

    def __init__(self, append: Callable[[Record], None]) -> None:
        self._append = append
        self._unknown: set[str] = set()

    def __call__(self, record: Record) -> None:
        """Take one record."""
        self._append(record)
        match record:
            case OrderLine(status=OrderStatus.REJECTED):
                log.warning("order_rejected", **_of(record, order=record.order_id, reason=record.reason))
            case TrackLine():
                self._track(record)
            case ReconcileLine(step="pass" | "failed", reason=reason) if reason:
                log.warning("books_differ", **_of(record, given_up=record.step == "failed", reason=reason))
            case HaltLine() | RefusalLine() | MismatchLine() | AdoptionLine() | LiquidationLine():
                _tell(record)
            case _:
                pass

    def _track(self, line: TrackLine) -> None:
        """An outcome that is unknown is told, and the first that is heard of the order afterwards."""
        told = _of(line, order=line.order_id, symbol=line.symbol, reason=line.reason)
        if line.state == State.UNKNOWN:
            self._unknown.add(line.order_id)
            log.warning("outcome_unknown", **told)
        elif line.order_id in self._unknown:
            self._unknown.discard(line.order_id)
            log.info("outcome_settled", **told, state=line.state)


def _tell(line: HaltLine | RefusalLine | MismatchLine | AdoptionLine | LiquidationLine) -> None:
    match line:
        case HaltLine():
            # A lane that is halted by others still is so after one of them took its halt back.
            say = log.warning if line.halted else log.info
            say("halt", **_of(line, halted=line.halted, symbol=line.symbol, reason=line.reason))
        case RefusalLine():
            log.warning("request_refused", **_of(line, what=line.what, order=line.order_id, reason=line.reason))
        case MismatchLine():
            what = {"what": line.what, "symbol": line.symbol, "order": line.order_id}
            log.error("mismatch", **_of(line, **what, ours=line.ours, venue=line.venue, action=line.action))
        case AdoptionLine():
            change = f"{line.side} {line.qty:f} at {line.price:f}"
            log.warning("adopted", **_of(line, symbol=line.symbol, change=change, reason=line.reason))
        case LiquidationLine():
            what = {"symbol": line.symbol, "step": line.step, "qty": f"{line.qty:f}"}
            log.error("liquidation", **_of(line, **what, mark=f"{line.mark:f}"))


def _of(record: Record, **details: object) -> dict[str, object]:
    """What names a record, and those details that say something."""
    return {"lane": record.lane, "seq": record.seq} | {name: value for name, value in details.items() if value != ""}
