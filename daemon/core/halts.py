"""Halts: who keeps a lane, or one symbol of it, from opening risk, and the lines that say so."""

from __future__ import annotations

from daemon.core.lane import Lane
from daemon.core.records import HaltLine
from daemon.core.turn import Turn

DRAIN = "drain"  # who halts a run that was asked to stop, until it is started again


def halt(turn: Turn, lane: Lane, who: str, reason: str, symbol: str = "") -> None:
    """Stop a lane from opening risk until `who` is lifted; saying so again with the same reason changes nothing.

    symbol: the only one concerned, where it is given.
    """
    held = lane.halts_on(symbol)
    if held.get(who) == reason:
        return
    held[who] = reason
    _write(turn, lane, f"{who}: {reason}", symbol)


def lift(turn: Turn, lane: Lane, who: str, reason: str, symbol: str = "") -> None:
    """Take back a halt, if there is one."""
    if lane.halts_on(symbol).pop(who, None) is not None:
        _write(turn, lane, f"{who} lifted: {reason}", symbol)


def _write(turn: Turn, lane: Lane, reason: str, symbol: str) -> None:
    turn.seq += 1
    if turn.emit is not None:
        halted = bool(lane.halts_on(symbol))
        turn.emit(HaltLine(turn.seq, turn.cause, turn.now, lane.name, halted, reason, symbol))
