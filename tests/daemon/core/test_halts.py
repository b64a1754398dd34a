from __future__ import annotations

from daemon.core.halts import halt, lift
from daemon.core.records import Record
from daemon.core.turn import Turn
from tests.daemon.core.build import lane


def test_a_lane_is_halted_until_all_who_halted_it_are_lifted() -> None:
    written: list[Record] = []
    turn, stopped = Turn(written.append), lane()
    halt(turn, stopped, "operator", "lunch")
    halt(turn, stopped, "daily_loss", "too much")
    lift(turn, stopped, "operator", "coffee")
    lift(turn, stopped, "daily_loss", "a new day")
    assert [(getattr(line, "halted", None), getattr(line, "reason", "")) for line in written] == [
        (True, "operator: lunch"),
        (True, "daily_loss: too much"),
        (True, "operator lifted: coffee"),
        (False, "daily_loss lifted: a new day"),
    ]
    assert [line.seq for line in written] == [1, 2, 3, 4]


def test_the_same_halt_is_said_once_and_another_reason_again() -> None:
    turn, stopped = Turn(None), lane()
    for reason in ("lunch", "lunch", "fire"):
        halt(turn, stopped, "operator", reason)
    lift(turn, stopped, "nobody", "why")
    assert (turn.seq, stopped.halts) == (2, {"operator": "fire"})
