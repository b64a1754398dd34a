"""Cancelling, amending and replacing an order while it fills."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Forged, Plan, PushFault, When
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import AMEND, BELOW, CANCEL, CANCEL_ALL, FIRST, NOT_TAKEN, amend, bid, forged, lost
from tests.museum.judge import Harm
from tests.museum.stage import Stage

SLOW = (PushFault(name="stream is slow", when=When(from_s=9.5, until_s=15), delay_ms=4_000),)


def _cancels_what_just_filled(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(7)
    stage.trouble(stage.fill)
    stage.want(CANCEL_ALL)
    stage.run(90)


def _cancels(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.want(CANCEL_ALL)
    stage.run(60)


def _moves_what_just_filled(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(7)
    stage.trouble(stage.fill)
    stage.want(amend(BELOW + 100))
    stage.run(90)


def _moves_and_all_fill(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.want(amend(BELOW + 100))
    stage.run(10)
    for place in range(len(stage.loop.truth("accepted"))):
        stage.fill(place=place)
    stage.run(60)


def _moves_what_filled_in_part(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.trouble(lambda: stage.fill("0.004"))
    stage.run(5)
    stage.want(amend(BELOW + 100, qty=0.01))
    stage.run(5)
    stage.fill()
    stage.run(60)


def _cancelled_with_a_part(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.trouble(lambda: stage.fill("0.004"))
    stage.want(CANCEL_ALL)
    stage.run(60)


INCIDENTS = (
    Incident(
        cite="enarjord/passivbot#514",
        row="V12",
        happened="The cancel of an order that had just filled failed, read as never placed, and a second was sent.",
        ours="Not open says nothing about why: the venue is asked for the order, and nothing replaces it.",
        habits=frozenset({Habit.LATE_CANCEL_IS_NEVER_PLACED}),
        harms=frozenset({Harm.DUPLICATED}),
        plan=Plan(pushes=SLOW),
        story=_cancels_what_just_filled,
    ),
    Incident(
        cite="hummingbot/hummingbot#4558",
        row="V12",
        happened=(
            "The cancel of an order that had grown old failed: Bybit said it does not exist or is too late to cancel."
        ),
        ours="The order is asked for by its name, its executions are fetched, and only then it ends, as filled.",
        habits=frozenset({Habit.LATE_CANCEL_IS_GONE, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(PushFault(name="fill not pushed", when=When(from_s=9.5, until_s=15), drop=True),)),
        story=_cancels_what_just_filled,
    ),
    Incident(
        cite="freqtrade/freqtrade#3647",
        row="V18",
        happened="An order that was cancelled for the bot was not cancelled at the exchange.",
        ours="A cancel is done when the venue shows it; until then it is looked at, and sent again.",
        habits=frozenset({Habit.ACKED_CANCEL_IS_DONE, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.ORDERS}),
        plan=Plan(requests=(forged(CANCEL, Forged(code=0, message="OK"), nth=FIRST),)),
        story=_cancels,
        rests=0,
        position="0",
    ),
    Incident(
        cite="freqtrade/freqtrade#9128",
        row="V17",
        happened=(
            "A replaced entry order was cancelled at the exchange, but the bot took it for filled: a ghost position."
        ),
        ours="A price is moved by an amendment of the same order; that it was too late is no reason for another one.",
        habits=frozenset({Habit.REPLACES_AT_ONCE}),
        harms=frozenset({Harm.DUPLICATED}),
        plan=Plan(pushes=SLOW),
        story=_moves_what_just_filled,
    ),
    Incident(
        cite="freqtrade/freqtrade#11461",
        row="V17",
        happened=(
            "An order that adjusted a position had filled, was taken for cancelled, and was placed again; both filled."
        ),
        ours="There is never a second order beside the first: the amendment was lost, and the order is as it was.",
        habits=frozenset({Habit.REPLACES_AT_ONCE}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(requests=(lost(CANCEL, NOT_TAKEN), lost(AMEND, NOT_TAKEN))),
        story=_moves_and_all_fill,
        position="0.01",
    ),
    Incident(
        cite="BitMEX/sample-market-maker#70",
        row="V16",
        happened="Whether the quantity of an amendment is what is left or the total with what is filled was mistaken.",
        ours="The quantity of an amendment is the new total, fills included.",
        habits=frozenset({Habit.AMENDS_WHAT_IS_LEFT}),
        harms=frozenset({Harm.UNWANTED}),
        story=_moves_what_filled_in_part,
        position="0.01",
    ),
    Incident(
        cite="Elenjical-Solutions/HedgeLab#148",
        row="V10",
        happened=(
            "A replacement order carried what its cancelled original had filled; both were added up, and it was "
            "counted twice."
        ),
        ours="A cancelled order may have fills: they are booked from executions alone, and only the rest is cancelled.",
        habits=frozenset({Habit.INFERS_FILLS}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(PushFault(name="executions last", when=When(topic="execution"), delay_ms=1_500),)),
        story=_cancelled_with_a_part,
    ),
)
