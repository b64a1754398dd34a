"""Halts: who keeps a lane from opening risk, and the lines that say so."""

from __future__ import annotations

from daemon.core.lane import Lane
from daemon.core.records import HaltLine
from daemon.core.turn import Turn


def halt(turn: Turn, lane: Lane, who: str, reason: str) -> None:
    """Stop a lane from opening risk until `who` is lifted; saying so again with the same reason changes nothing."""
    if lane.halts.get(who) == reason:
        return
    lane.halts[who] = reason
    _write(turn, lane, f"{who}: {reason}")


def lift(turn: Turn, lane: Lane, who: str, reason: str) -> None:
    """Take back a halt, if there is one."""
    if lane.halts.pop(who, None) is not None:
        _write(turn, lane, f"{who} lifted: {reason}")


def _write(turn: Turn, lane: Lane, reason: str) -> None:
    turn.seq += 1
    if turn.emit is not None:
        turn.emit(HaltLine(turn.seq, turn.cause, turn.now, lane.name, bool(lane.halts), reason))
