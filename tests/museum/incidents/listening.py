"""Listening to the stream: outages, lost, repeated, swapped and strange messages."""

from __future__ import annotations

from adapters.sandbox.gateway.plan import Plan, PushFault, RequestFault, When
from tests.daemon.core.build import buy
from tests.museum.habits import Habit
from tests.museum.incident import Incident
from tests.museum.incidents.words import CANCEL, CREATE, FIRST, bid, muted
from tests.museum.judge import Harm
from tests.museum.stage import Stage

DELIVERED = (3, 8, 11, 16)


def _buys(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(75)


def _filled_before_its_answer(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(2)
    stage.fill()
    stage.run(75)


def _placed_before_an_outage(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.outage(20)
    stage.run(15)


def _filled_in_an_outage(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    stage.outage(20, meanwhile=stage.fill)
    stage.run(15)


def _cancelled_in_an_outage(stage: Stage) -> None:
    stage.want(bid(0.01))
    stage.run(5)
    link_id = stage.loop.truth("accepted")[-1]["order_link_id"]
    stage.outage(20, meanwhile=lambda: stage.by_hand(CANCEL, orderLinkId=link_id))
    stage.run(15)


def _eighteen_orders(stage: Stage) -> None:
    stage.want(*[buy(0.001) for _ in range(18)])
    stage.run(120)


def _reconnects(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(5)
    stage.outage(10)
    stage.run(30)


def _two_orders(stage: Stage) -> None:
    stage.want(buy(0.01))
    stage.run(20)
    stage.want(buy(0.01))
    stage.run(75)


def _trades_in_an_outage(stage: Stage) -> None:
    stage.run(3)
    stage.outage(20, meanwhile=lambda: stage.want(buy(0.01)))
    stage.run(30)


INCIDENTS = (
    Incident(
        cite="veighna-global/vnpy_bybit#19",
        row="N09",
        happened="After a reconnect open orders were not asked for, and missing until they changed.",
        ours="Every reconnect asks for all open orders, executions, positions and the wallet before anything else.",
        habits=frozenset({Habit.FORGETS, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.LOST, Harm.ORDERS}),
        story=_placed_before_an_outage,
    ),
    Incident(
        cite="QuantConnect/Lean.Brokerages.InteractiveBrokers#249",
        row="N09",
        happened="Fills during a disconnect were dropped, and never asked for after it.",
        ours="Executions since the last complete look, minus ten minutes, are fetched and applied once.",
        habits=frozenset({Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION, Harm.ORDERS}),
        story=_filled_in_an_outage,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader PR#4991",
        row="N09",
        happened="A cancel received while the execution stream was down stayed absent from the engine.",
        ours="An order that the venue does not show as open is asked for by name; its end is told.",
        habits=frozenset({Habit.STREAM_ONLY}),
        harms=frozenset({Harm.ORDERS}),
        story=_cancelled_in_an_outage,
        position="0",
    ),
    Incident(
        cite="QuantConnect/Lean.Brokerages.TradeStation PR#95",
        row="N10",
        happened="Of 18 orders, all filled, the healthy stream delivered the fills of 4.",
        ours="Positions, open orders and executions are held against the venue's while trading goes on.",
        habits=frozenset({Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(
            pushes=(
                PushFault(
                    name="fills dropped",
                    when=When(topic="execution", nth=tuple(n for n in range(1, 19) if n not in DELIVERED)),
                    drop=True,
                ),
            )
        ),
        story=_eighteen_orders,
    ),
    Incident(
        cite="ccxt/ccxt#18854",
        row="N11",
        happened="A fill was delivered a second time, the same trade id and all.",
        ours="An execution is applied once by its id, whoever tells of it.",
        habits=frozenset({Habit.BOOKS_EVERY_MESSAGE}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(PushFault(name="told twice", when=When(topic="execution"), copies=1),)),
        story=_buys,
        position="0.01",
    ),
    Incident(
        cite="BYTEX-TRADE/bytex#16",
        row="N11",
        happened="A fill that the venue redelivered was not recognised, and moved the position again.",
        ours="Ids are remembered for eight days, over stream, queries, reconnects and restarts.",
        habits=frozenset({Habit.BOOKS_AGAIN_ON_START}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        story=_reconnects,
        position="0.01",
    ),
    Incident(
        cite="purefinance/mmb PR#127",
        row="N12",
        happened="The fill of an order came before the answer that created it, and had nowhere to go.",
        ours="Answer, order, execution and position may come in any order and end in one state.",
        habits=frozenset({Habit.BOOKS_ACKED_ORDERS_ONLY, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(
            requests=(RequestFault(name="late answer", when=When(route=CREATE), delay_ms=4_000),),
            pushes=(PushFault(name="swapped", when=When(from_s=4.5, count=4), permute=(1, 0, 3, 2)),),
        ),
        story=_filled_before_its_answer,
        position="0.01",
    ),
    Incident(
        cite="purefinance/mmb PR#277",
        row="V08",
        happened="The fill message of an order came before the order's creation, and was not handled as it should.",
        ours="Terminal states never reopen; a late answer only adds what it knows.",
        habits=frozenset({Habit.ACK_IS_OPEN, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.ORDERS}),
        plan=Plan(requests=(RequestFault(name="late answer", when=When(route=CREATE), delay_ms=4_000),)),
        story=_filled_before_its_answer,
        position="0.01",
    ),
    Incident(
        cite="nautechsystems/nautilus_trader PR#3493",
        row="V11",
        happened="Fills inferred from an order's state raced the real ones, and the order was overfilled.",
        ours="No fill is made up: the order waits as FillsPending until its executions are there.",
        habits=frozenset({Habit.INFERS_FILLS}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(PushFault(name="executions late", when=When(topic="execution"), delay_ms=5_000),)),
        story=_buys,
        position="0.01",
    ),
    Incident(
        cite="hummingbot/hummingbot#4975",
        row="V11",
        happened="On Bybit perpetuals filled trades were not recorded: orders ended, and nothing was booked.",
        ours="Filled without its executions is not an end: they are asked for by the order's name.",
        habits=frozenset({Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(muted("execution"),)),
        story=_buys,
        position="0.01",
    ),
    Incident(
        cite="sammchardy/python-binance#869",
        row="P09",
        happened="The task that read the stream died of one message; the program went on without it.",
        ours="What cannot be read is set aside, and the venue is asked for everything.",
        habits=frozenset({Habit.READER_DIES, Habit.STREAM_ONLY}),
        harms=frozenset({Harm.FILLS, Harm.POSITION}),
        plan=Plan(pushes=(PushFault(name="garbage", when=When(topic="order", nth=(2,)), garbage=True),)),
        story=_two_orders,
        position="0.02",
    ),
    Incident(
        cite="Drakkar-Software/OctoBot#991",
        row="V24",
        happened="New orders at the exchange, which it could not handle, made the bot crash.",
        ours="An unknown word is a fact too: the venue is asked, and nothing is concluded from it.",
        habits=frozenset({Habit.DIES_OF_WORDS}),
        harms=frozenset({Harm.CRASHED}),
        plan=Plan(
            pushes=(
                PushFault(name="new word", when=When(topic="order", nth=FIRST), fields={"orderStatus": "Teleported"}),
            )
        ),
        story=_buys,
        position="0.01",
    ),
    Incident(
        cite="deepentropy/ibx#113",
        row="N09",
        happened="A lost connection was not noticed as such, and positions and orders were run on without a stream.",
        ours="Without its stream an account takes no new risk; what is wanted then is denied, and said so.",
        habits=frozenset({Habit.TRADES_BLIND}),
        harms=frozenset({Harm.BLIND}),
        story=_trades_in_an_outage,
    ),
)
