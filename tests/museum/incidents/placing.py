"""Placing an order: the answer is lost, late, doubtful or misread."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Event, Forged, Plan, RequestFault, When
from daemon.core.strategy import Decision
from tests.daemon.core.build import buy
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import (
    BAD_GATEWAY,
    CREATE,
    FIRST,
    HISTORY,
    NOT_TAKEN,
    REALTIME,
    STOP,
    TAKEN_IN_SILENCE,
    bid,
    forged,
    hidden,
    lost,
    muted,
    offer,
    protect,
)
from tests.museum.judge import Harm
from tests.museum.stage import Stage
from tests.simulation.closed_loop import UID


def _rests(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(60)


def _buys(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(60)


def _buys_long_ago(stage: Stage) -> None:
    stage.run(5)
    stage.want(buy(0.01))
    stage.run(120)


def _six_offers_and_a_fill(stage: Stage) -> None:
    stage.run(2)
    stage.want(*[offer(0.01) for _ in range(6)])
    stage.run(7)
    stage.outage(23)
    stage.run(30)
    stage.fill(place=0)
    stage.run(60)


def _filled_and_forgotten(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.outage(20, meanwhile=stage.fill)
    stage.run(60)


def _protects(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(5)
    stage.want(protect(90_000.0))
    stage.run(60)


def _quantity_of_floats(stage: Stage) -> None:
    qty = 0.3
    if not stage.calm:
        qty = 0.1 + 0.2
        stage.trouble(lambda: None)
    stage.want(Decision(buy(0.1).action, "told to buy", qty=qty))
    stage.run(60)


UNTOLD = (muted("*", until_s=12),)  # the stream says nothing of it either, until the answer is long overdue

INCIDENTS = (
    Incident(
        cite="hummingbot/hummingbot#493",
        row="V01",
        happened="An order was created at the venue, timed out locally, and was forgotten as failed.",
        ours="Its outcome is unknown; the stream or a query by its name shows it, and it is adopted.",
        habits=frozenset({Habit.FAILS_ON_ERROR}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.ORDERS}),
        plan=Plan(requests=(lost(CREATE, TAKEN_IN_SILENCE),), pushes=UNTOLD),
        story=_rests,
        rests=1,
    ),
    Incident(
        cite="ccxt/ccxt#2599",
        row="V01",
        happened="Orders timed out, were taken for not placed and not recorded; more often than not they went through.",
        ours="A 502 with a page of HTML says nothing of the order: unknown, then found by its name.",
        habits=frozenset({Habit.FAILS_ON_ERROR, Habit.BOOKS_ACKED_ORDERS_ONLY}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.FILLS, Harm.POSITION}),
        plan=Plan(requests=(forged(CREATE, BAD_GATEWAY, nth=FIRST),), pushes=UNTOLD),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="scrtlabs/catalyst#315",
        row="V01",
        happened="After a read timeout the algorithm ordered again, and the sale was executed twice.",
        ours="Nothing is sent again before proof that the first is absent, and then under the same name.",
        habits=frozenset({Habit.FAILS_ON_ERROR, Habit.SENDS_ANEW}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(requests=(lost(CREATE, TAKEN_IN_SILENCE),), pushes=UNTOLD),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="scrtlabs/catalyst#317",
        row="V01",
        happened=(
            "After a time-out it ordered the same again, and went on after each refusal, when the balance was gone."
        ),
        ours="However many answers are lost, the venue sees one name, once.",
        habits=frozenset({Habit.FAILS_ON_ERROR, Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED, Harm.LATE}),
        plan=Plan(
            requests=(RequestFault(name="all lost", when=When(route=CREATE, until_s=30), lose=TAKEN_IN_SILENCE),)
        ),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="hummingbot/hummingbot#7294",
        row="R03",
        happened="Failed events were followed by fills of the same orders, and by duplicates.",
        ours="10016 on a create says nothing: unknown, whatever the text.",
        habits=frozenset({Habit.FAILS_ON_ERROR, Habit.SENDS_ANEW}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(
            requests=(forged(CREATE, Forged(accepted=True, code=10016, message="Server error."), nth=FIRST),),
            pushes=UNTOLD,
        ),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="hummingbot/hummingbot#8457",
        row="N17",
        happened="In a DNS outage six accepted orders were dropped from tracking; a short of their size was left open.",
        ours="A question that failed is no answer; the order stays unknown until the venue can be asked.",
        habits=frozenset({Habit.COUNTS_MISSES, Habit.STREAM_ONLY, Habit.BOOKS_ACKED_ORDERS_ONLY, Habit.TRADES_BLIND}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.FILLS, Harm.POSITION}),
        plan=Plan(
            requests=(RequestFault(name="no DNS", when=When(from_s=4.5, until_s=35), lose=TAKEN_IN_SILENCE),),
            pushes=(muted("*", 4.5, 35),),
        ),
        story=_six_offers_and_a_fill,
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#4958",
        row="V13",
        happened="An unanswered submit became REJECTED after some retries; the order was live, its position an orphan.",
        ours="Not found within the fence has no meaning, and nothing is rejected by counting.",
        habits=frozenset({Habit.COUNTS_MISSES, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.ORDERS}),
        plan=Plan(
            requests=(lost(CREATE), hidden(REALTIME, 4_500), hidden(HISTORY, 4_500)), pushes=(muted("*", until_s=20),)
        ),
        story=_rests,
        rests=1,
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#3879",
        row="V13",
        happened=(
            "An order that five queries had not shown was resolved as cancelled; it was live, and orders piled up."
        ),
        ours="An order that was taken and is not found becomes unknown and is asked for until it shows.",
        habits=frozenset({Habit.MISS_IS_CANCELLED, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.ORDERS}),
        plan=Plan(requests=(hidden(REALTIME, 4_500), hidden(HISTORY, 4_500)), pushes=(muted("*", until_s=20),)),
        story=_rests,
        rests=1,
    ),
    Incident(
        cite="freqtrade/freqtrade#8175",
        row="V14",
        happened=(
            "The moment an order filled it could vanish from Bybit's query; for a while the bot did not learn how "
            "it ended."
        ),
        ours="History and executions are asked too; the fill is booked from there.",
        habits=frozenset({Habit.READS_NO_EXECUTIONS}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=20, uid=UID, forget=True),)),
        story=_filled_and_forgotten,
        position="0.01",
    ),
    Incident(
        cite="ccxt/ccxt PR#1880",
        row="V03",
        happened=(
            "In the manual, as a pitfall: an order that filled before the first look is not open, and reads as "
            "never placed."
        ),
        ours="Not open is not absent: closed orders, history and executions are asked by name.",
        habits=frozenset({Habit.ASKS_OPEN_ONLY, Habit.SENDS_ANEW}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(requests=(lost(CREATE),), pushes=(muted("*", until_s=10),)),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="LabZoneSK/stop-loss-bot#4",
        row="V02",
        happened=(
            "Orders of a stop-loss bot timed out; the exchange might have them, and inserting them again risked "
            "duplicates."
        ),
        ours="A protection whose answer is lost is set again, and the position is looked at until its stop stands.",
        habits=frozenset({Habit.TRUSTS_ITS_REQUEST}),
        harms=frozenset({Harm.UNPROTECTED, Harm.ORDERS}),
        plan=Plan(requests=(lost(STOP, NOT_TAKEN), lost(CREATE, NOT_TAKEN, nth=(2,)))),
        story=_protects,
        position="0.01",
        protected=True,
    ),
    Incident(
        cite="bennycode/trading-signals PR#1178",
        row="R10",
        happened=(
            "The HTTP client repeated order POSTs by itself, without a client id: a repeat could be a second order."
        ),
        ours="Every order has a name from its decision; the venue refuses the second one of a name.",
        habits=frozenset({Habit.SENDS_NAMELESS}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(requests=(RequestFault(name="sent twice", when=When(route=CREATE, nth=FIRST), repeat=1),)),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="enarjord/passivbot PR#398",
        row="N20",
        happened="A text that was no JSON came for an answer, and the bot stopped.",
        ours="What cannot be read is no answer: unknown for an order, a failed pass for a question.",
        habits=frozenset({Habit.DIES_OF_SHAPES}),
        harms=frozenset({Harm.CRASHED}),
        plan=Plan(
            requests=(forged(CREATE, Forged(accepted=True, body="<html>Please sign in</html>"), nth=FIRST),),
            pushes=UNTOLD,
        ),
        story=_buys,
        rests=0,
        position="0.01",
    ),
    Incident(
        cite="hummingbot/hummingbot#462",
        row="V30",
        happened=(
            "Orders refused for want of balance were sent again and again, up to the venue's limit of orders a day."
        ),
        ours="A refusal is definite, told once to the strategy, and not tried again by the machine.",
        habits=frozenset({Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.STORM}),
        plan=Plan(requests=(forged(CREATE, Forged(code=110007, message="ab not enough for new order"), until_s=110),)),
        story=_buys_long_ago,
    ),
    Incident(
        cite="sammchardy/python-binance#296",
        row="V29",
        happened="Quantities went out as floats print, and the venue refused their digits.",
        ours="What goes to a venue is decimal text on the instrument's grid, cut down to the step.",
        habits=frozenset({Habit.COUNTS_WITH_FLOATS}),
        harms=frozenset({Harm.MALFORMED, Harm.UNWANTED}),
        story=_quantity_of_floats,
        position="0.3",
    ),
    Incident(
        cite="hummingbot/hummingbot#1934",
        row="V07",
        happened="Orders were shown as filled without a trade at the exchange.",
        ours="Accepted means taken, not done; only executions are fills, and what nobody has seen is proved absent.",
        habits=frozenset({Habit.ACK_IS_FILLED}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(requests=(forged(CREATE, Forged(code=0, message="OK"), nth=FIRST),)),
        story=_buys,
        rests=0,
        position="0",
        calm_position="0.01",
    ),
    Incident(
        cite="ccxt/ccxt PR#4198",
        row="V05",
        happened="The answer that an id exists already reads like a refusal in the client library.",
        ours="It exists: unknown until seen, then adopted; never a new name.",
        habits=frozenset({Habit.EXISTS_IS_REFUSED}),
        harms=frozenset({Harm.DECLARED_DEAD, Harm.ORDERS}),
        plan=Plan(
            requests=(
                forged(CREATE, Forged(accepted=True, code=110072, message="OrderLinkedID is duplicate"), nth=FIRST),
            ),
            pushes=(muted("order", until_s=5),),
        ),
        story=_rests,
        rests=1,
    ),
)
