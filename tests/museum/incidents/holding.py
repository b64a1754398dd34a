"""Holding a position: funding, strangers, forced closings, lying queries, stops."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import (
    Deleverage,
    Event,
    Forged,
    FundingByHand,
    Plan,
    PushFault,
    RequestByHand,
    RequestFault,
    When,
)
from tests.daemon.core.build import BTC, buy, close
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import CREATE, LEVERAGE, POSITIONS, forged, usdt
from tests.museum.judge import Harm
from tests.museum.stage import Stage
from tests.simulation.closed_loop import UID, venue_account

OTHER_LEVERAGE = {"account": venue_account(leverage=usdt(10))}


def _hand(side: str, qty: str) -> RequestByHand:
    body: dict[str, str | int | bool] = {"category": "linear", "symbol": BTC, "side": side, "orderType": "Market"}
    return RequestByHand(path=CREATE, body=body | {"qty": qty})


def _holds(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(120)


def _holds_and_wants_more(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(30)
    stage.want(buy(0.01))
    stage.run(60)


def _holds_with_a_stop(stage: Stage) -> None:
    stage.want(buy(0.01, stop_loss=90_000.0))
    stage.run(90)


def _closes(stage: Stage) -> None:
    stage.want(buy(0.01, stop_loss=90_000.0))
    stage.run(6)
    stage.want(close())
    stage.run(90)


INCIDENTS = (
    Incident(
        cite="nautechsystems/nautilus_trader#4937",
        row="V23",
        happened="Bybit lists funding among the executions; its rows were booked as trades and inflated positions.",
        ours="Funding moves cash only, by its type.",
        habits=frozenset({Habit.BOOKS_FUNDING}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=20, uid=UID, funding=FundingByHand(symbol=BTC, rate=usdt(1) / 10_000)),)),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="freqtrade/freqtrade#12583",
        row="M12",
        happened="Funding was reckoned from an interval that the exchange had changed.",
        ours="Funding is what the executions say was paid, whenever it is; the wallet is held against it.",
        habits=frozenset({Habit.PREDICTS_FUNDING}),
        harms=frozenset({Harm.CASH}),
        plan=Plan(events=(Event(at_s=20, uid=UID, funding=FundingByHand(symbol=BTC, rate=usdt(1) / 10_000)),)),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="hummingbot/hummingbot#4778",
        row="C06",
        happened=(
            "After a position had been closed by hand on Bybit, the bot, started again, did not show its next one."
        ),
        ours="A stranger's execution is booked; its symbol takes no new risk until a person says so.",
        habits=frozenset({Habit.BOOKS_OWN_ORDERS_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=20, uid=UID, request=_hand("Sell", "0.01")),)),
        story=_holds,
        ends="foreign",
    ),
    Incident(
        cite="chrisleekr/binance-trading-bot PR#774",
        row="V25",
        happened="Fills of orders that somebody else had placed were adopted or not, without proof of whose they were.",
        ours="An order is ours by a name that only our lineage gives; others are followed, told and halt the symbol.",
        habits=frozenset({Habit.BOOKS_OWN_ORDERS_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=20, uid=UID, request=_hand("Buy", "0.02")),)),
        story=_holds_and_wants_more,
        position="0.03",
        calm_position="0.02",
        ends="foreign",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#3622",
        row="V22",
        happened="The venue held less than the cache, and the loop that was to settle it found no end.",
        ours="A forced close is booked from its execution, and the symbol halted with that reason.",
        habits=frozenset({Habit.BOOKS_OWN_ORDERS_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(events=(Event(at_s=20, uid=UID, adl=Deleverage(symbol=BTC, share=0.5)),)),
        story=_holds,
        position="0.005",
        calm_position="0.01",
        ends="forced",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader PR#4517",
        row="V26",
        happened="One snapshot of positions that did not fit the moment was acted on, and opened a position.",
        ours="One look that differs proves nothing; no order is ever sent to make numbers agree.",
        habits=frozenset({Habit.READS_POSITION_ONCE, Habit.EVENS_OUT}),
        harms=frozenset({Harm.DUPLICATED, Harm.LATE}),
        plan=Plan(
            requests=(RequestFault(name="a flat lie", when=When(route=POSITIONS, from_s=15, count=1), lie="flat"),)
        ),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader PR#3715",
        row="V26",
        happened=(
            "A position that the venue did not report was to count as closed; a failed snapshot had to be told "
            "from that."
        ),
        ours="A symbol that is missing says nothing; two looks and every execution decide.",
        habits=frozenset({Habit.READS_POSITION_ONCE, Habit.TOPS_UP}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(
            requests=(RequestFault(name="an empty lie", when=When(route=POSITIONS, from_s=15, count=1), lie="empty"),)
        ),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader#4617",
        row="V26",
        happened="A position query that failed was taken for a flat position.",
        ours="A read that failed is no read.",
        habits=frozenset({Habit.READS_POSITION_ONCE, Habit.FAILED_READ_IS_FLAT, Habit.TOPS_UP}),
        harms=frozenset({Harm.DUPLICATED, Harm.UNWANTED}),
        plan=Plan(requests=(forged(POSITIONS, Forged(code=10016, message="Server error."), from_s=15, until_s=45),)),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="Thornsnake/MCRBot#17",
        row="V26",
        happened="In a disruption with 502 answers it sold coin after coin, and bought nothing for them.",
        ours="Nothing is decided from an answer that did not come; orders need a decision of the strategy.",
        habits=frozenset({Habit.SELLS_WHEN_LOST}),
        harms=frozenset({Harm.UNWANTED}),
        plan=Plan(
            requests=(
                RequestFault(
                    name="502",
                    when=When(route="/v5/*", from_s=15, until_s=25),
                    answer=Forged(accepted=True, http=502, body="<html>502 Bad Gateway</html>"),
                ),
            )
        ),
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="ccxt/ccxt#19396",
        row="V27",
        happened="Setting the leverage that is set already raised an exception, though nothing was wrong.",
        ours="Not modified is success.",
        habits=frozenset({Habit.DIES_OF_REFUSALS}),
        harms=frozenset({Harm.CRASHED}),
        plan=Plan(
            requests=(
                forged(LEVERAGE, Forged(accepted=True, code=110043, message="Set leverage not modified"), nth=(1,)),
            )
        ),
        world=OTHER_LEVERAGE,
        story=_holds,
        position="0.01",
    ),
    Incident(
        cite="freqtrade/freqtrade#11608",
        row="V31",
        happened=(
            "A user found a stop left at the exchange after its trade was closed; the maintainer doubted it: "
            "stops are reduce-only."
        ),
        ours="The stop belongs to the position and goes with it; the venue removes it when the position is flat.",
        habits=frozenset({Habit.STOP_MAY_OPEN, Habit.STOP_IS_LEFT}),
        harms=frozenset({Harm.STRAY_STOP}),
        plan=Plan(events=(Event(at_s=20, uid=UID, request=_hand("Sell", "0.01")),)),
        story=_holds_with_a_stop,
        position="0",
        calm_position="0.01",
        protected=True,
        ends="foreign",
    ),
    Incident(
        cite="freqtrade/freqtrade#12528",
        row="V31",
        happened="A stop was placed again after the position had been closed, and stayed.",
        ours="A missing stop is placed only when the venue shows the position as we hold it.",
        habits=frozenset({Habit.STOP_MAY_OPEN, Habit.STOP_IS_LEFT}),
        harms=frozenset({Harm.STRAY_STOP}),
        plan=Plan(
            pushes=(PushFault(name="executions late", when=When(topic="execution", from_s=5.2), delay_ms=6_000),)
        ),
        story=_closes,
        position="0",
        protected=True,
    ),
    Incident(
        cite="l2code/trader-bot2#50",
        row="V31",
        happened="Stop orders were submitted and never confirmed; a position could be without one and nobody knew.",
        ours="Every five seconds the venue must show the stop that is wanted; a missing one is placed at once.",
        habits=frozenset({Habit.STOP_IS_FORGOTTEN}),
        harms=frozenset({Harm.UNPROTECTED}),
        plan=Plan(
            events=(
                Event(
                    at_s=20,
                    uid=UID,
                    request=RequestByHand(path="/v5/order/cancel-all", body={"category": "linear", "symbol": BTC}),
                ),
            )
        ),
        story=_holds_with_a_stop,
        position="0.01",
        protected=True,
    ),
)
