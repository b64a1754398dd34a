"""Asking: rate limits, keys, clocks, maintenance, answers of a wrong shape."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Forged, Maintenance, Plan, RequestFault, Skew, When
from tests.daemon.core.build import buy
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import EXECUTIONS, forged
from tests.museum.judge import Harm
from tests.museum.stage import Stage

NO_ID = '{"retCode":0,"retMsg":"OK","result":{"category":"linear","nextPageCursor":"","list":[{"symbol":"BTCUSDT"}]}}'


def _wants_in_trouble(stage: Stage) -> None:
    stage.run(3)
    stage.want(buy(0.01))
    stage.run(100)


def _buys(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(120)


INCIDENTS = (
    Incident(
        cite="bybit-exchange/pybit#191",
        row="R04",
        happened=(
            "Requests were refused for their timestamp (10002), and the client sent each again, up to three "
            "times, with a wider window."
        ),
        ours="Refused for certain, told to the strategy; an order is never taken long after its decision.",
        habits=frozenset({Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.LATE, Harm.STORM}),
        plan=Plan(
            requests=(RequestFault(name="seen", when=When(route="/v5/order/*", from_s=5, count=1), delay_ms=1),),
            clock=(Skew(skew_ms=20_000, from_s=5, until_s=65),),
        ),
        story=_wants_in_trouble,
    ),
    Incident(
        cite="Drakkar-Software/OctoBot#288",
        row="R11",
        happened="Maintenance of the exchange was not handled by its websocket; the issue asks for it, and is open.",
        ours="Without the venue no new risk; when it is back the books are compared first, and nothing old is sent.",
        habits=frozenset({Habit.TRADES_BLIND, Habit.FAILS_ON_ERROR, Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.BLIND, Harm.LATE}),
        plan=Plan(maintenance=(Maintenance(from_s=5, until_s=65),)),
        story=_wants_in_trouble,
    ),
    Incident(
        cite="donewiththedollar/directionalscalper#57",
        row="R01",
        happened="Bybit answered 10006, too many visits; the cure proposed was to wait a second and ask again.",
        ours="Refused for certain and not repeated by the machine; checks keep their slow pace.",
        habits=frozenset({Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.LATE, Harm.STORM}),
        plan=Plan(requests=(forged("/v5/*", Forged(code=10006, message="Too many visits."), from_s=5, until_s=65),)),
        story=_wants_in_trouble,
    ),
    Incident(
        cite="bybit-exchange/pybit#203",
        row="R05",
        happened="A key of the other environment was refused with 10003, on and on.",
        ours="Refused for certain; nothing is decided from it, and the slow pace of questions stays.",
        habits=frozenset({Habit.RETRIES_FOR_EVER}),
        harms=frozenset({Harm.STORM}),
        plan=Plan(requests=(forged("/v5/*", Forged(code=10003, message="API key is invalid."), from_s=5, until_s=65),)),
        story=_wants_in_trouble,
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#3836",
        row="N16",
        happened="One field was missing in a row of Bybit's, and the whole reconciliation ended in an error.",
        ours="An answer that can be read in part only is no answer: the pass fails and is tried again.",
        habits=frozenset({Habit.DIES_OF_SHAPES}),
        harms=frozenset({Harm.CRASHED}),
        plan=Plan(
            requests=(
                RequestFault(
                    name="field missing",
                    when=When(route=EXECUTIONS, nth=(2, 3)),
                    answer=Forged(accepted=True, body=NO_ID),
                ),
            )
        ),
        story=_buys,
        position="0.01",
    ),
)
