"""Starting again: killed with orders open, unseen fills, old positions."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Event, Plan
from tests.daemon.core.build import buy
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import CREATE, TAKEN_IN_SILENCE, bid, lost
from tests.museum.judge import Harm
from tests.museum.stage import Stage
from tests.simulation.closed_loop import UID


def _three_orders_and_a_night(stage: Stage) -> None:
    stage.want(bid(0.01), bid(0.02), bid(0.03))
    stage.run(5)
    stage.killed(30, meanwhile=lambda: stage.fill(place=1))
    stage.run(60)


def _holds_and_is_killed(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(5)
    stage.killed(10)
    stage.run(60)


def _holds_for_long_and_is_killed(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(150)
    stage.killed(10)
    stage.run(60)


def _filled_while_dead(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.killed(30, meanwhile=stage.fill)
    stage.run(60)


def _killed_with_a_request_on_its_way(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(1.5)
    stage.killed(10)
    stage.run(60)


INCIDENTS = (
    Incident(
        cite="freqtrade/freqtrade#2530",
        row="P01",
        happened=(
            "The system crashed at night with three trades open; after the start its sells were refused for want "
            "of balance."
        ),
        ours="The journal holds every order; a start folds it and asks the venue for each of them.",
        habits=frozenset({Habit.FORGETS, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.LOST, Harm.FILLS, Harm.POSITION}),
        story=_three_orders_and_a_night,
        position="0.02",
    ),
    Incident(
        cite="LasticotSoftware/Astibot#2",
        row="P01",
        happened="After a crash it did not take up again what it had bought.",
        ours="Position and cash come out of the journal and are held against the venue's before the first decision.",
        habits=frozenset({Habit.FORGETS, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        story=_holds_and_is_killed,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#3046",
        row="P04",
        happened="Trades that had been booked were replayed with the same ids at a restart.",
        ours="What was booked is in the journal; the query at the start brings it again, and changes nothing.",
        habits=frozenset({Habit.BOOKS_AGAIN_ON_START}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        story=_holds_and_is_killed,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#3104",
        row="C08",
        happened=(
            "A position held for more than ten days came out wrong when it was rebuilt, and the node would not start."
        ),
        ours="The look-back begins where the last complete look ended; what is older is in the journal.",
        habits=frozenset({Habit.LOOKS_BACK_BRIEFLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        story=_holds_for_long_and_is_killed,
        position="0.01",
    ),
    Incident(
        cite="BYTEX-TRADE/bytex#30",
        row="V25",
        happened="A mismatch at a restart was logged and ignored: it traded as if flat, and was not.",
        ours="A difference ends in a halt of the symbol or in an adoption on record, never in a line of a log.",
        habits=frozenset({Habit.FORGETS, Habit.READS_NO_EXECUTIONS}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        story=_filled_while_dead,
        position="0.01",
    ),
    Incident(
        cite="freqtrade/freqtrade PR#6943",
        row="V14",
        happened="An order of more than five days that the query does not find any more counted as cancelled.",
        ours="History and executions are asked too before an order is called gone.",
        habits=frozenset({Habit.READS_NO_EXECUTIONS}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=15, uid=UID, forget=True),)),
        story=_filled_while_dead,
        position="0.01",
    ),
    Incident(
        cite="LabZoneSK/stop-loss-bot#1",
        row="P03",
        happened="Orders timed out and were placed all the same.",
        ours="A daemon that dies with a request on its way finds its order by the name it would give it again.",
        habits=frozenset({Habit.FORGETS, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.LOST, Harm.ORDERS}),
        plan=Plan(requests=(lost(CREATE, TAKEN_IN_SILENCE),)),
        story=_killed_with_a_request_on_its_way,
    ),
)
