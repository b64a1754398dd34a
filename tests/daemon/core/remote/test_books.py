from __future__ import annotations

import pytest

from daemon.core.account_events import (
    AccountSeen,
    Carried,
    Op,
    Origin,
    OutcomeKind,
    PositionSeen,
    StreamState,
    WalletSeen,
)
from daemon.core.events import Restarted, Side
from daemon.core.remote.books import CASH_TOLERANCE, Books
from daemon.core.remote.context import Context
from daemon.core.remote.requests import Request
from daemon.core.units import ZERO
from daemon.core.venue import AdoptionReport, GateReport, MarginMode, MismatchReport, TransferReport
from tests.daemon.core.account_facts import ACCOUNT, D, position_seen
from tests.daemon.core.build import BTC, ETH
from tests.daemon.core.remote.bench import Bench, make_context, of

K = OutcomeKind


def make(*symbols: str, **settings: object) -> tuple[Books, Context, list[Request]]:
    context, outbox = make_context(*symbols, **settings)
    books = Books(context)
    books.see(AccountSeen(account=ACCOUNT, margin_mode="ISOLATED_MARGIN"))
    return books, context, outbox


def wallet(balance: str, origin: Origin = Origin.QUERY) -> WalletSeen:
    return WalletSeen(account=ACCOUNT, origin=origin, balance=D(balance), equity=D(balance))


def pushed(qty: str, updated: int = 1) -> PositionSeen:
    return position_seen(qty, origin=Origin.STREAM, updated=updated)


def opened(*symbols: str, **settings: object) -> tuple[Books, Context, list[Request]]:
    """Books whose opening balance of 1,000 is booked."""
    books, context, outbox = make(*symbols, **settings)
    books.see(wallet("1000"))
    books.compare()
    context.take_reports()
    return books, context, outbox


# Positions


def test_books_that_agree_say_nothing() -> None:
    books, context, _ = make()
    books.see(position_seen("0"))
    assert books.compare() == []
    assert context.take_reports() == []


def test_a_position_that_differs_is_said_with_both_numbers() -> None:
    books, context, _ = make()
    books.see(position_seen("0.5"))
    assert books.compare() == ["position BTCUSDT: ours 0, venue 0.5"]
    assert context.take_reports() == []  # one look proves nothing


def test_a_position_that_was_never_shown_is_flat() -> None:
    books, context, _ = make()
    context.held.fill(BTC, Side.BUY, D(100), D(1), ZERO)
    assert books.compare() == ["position BTCUSDT: ours 1, venue 0"]


def test_of_pushes_the_newer_counts_and_a_query_always() -> None:
    books, _, _ = make()
    books.see(pushed("2", updated=5))
    books.see(pushed("1", updated=4))
    assert books.position(BTC) == D(2)
    books.see(pushed("3", updated=5))
    assert books.position(BTC) == D(3)
    books.see(position_seen("1", updated=0))
    assert books.position(BTC) == D(1)


def test_other_symbols_are_not_looked_at() -> None:
    books, _, _ = make()
    books.see(position_seen("5", symbol=ETH))
    assert books.positions == {}


@pytest.mark.parametrize("qty", ["0.5", "-0.5"])
def test_by_default_a_position_that_we_cannot_explain_halts_its_symbol(qty: str) -> None:
    books, context, outbox = make()
    books.see(position_seen(qty))
    assert books.resolve()
    mismatch, gate = context.take_reports()
    assert mismatch == MismatchReport("position", BTC, "", "0", qty, "halted the symbol")
    assert isinstance(gate, GateReport)
    assert (gate.who, gate.shut, gate.symbol) == ("position", True, BTC)
    assert (context.position(BTC), outbox) == (ZERO, [])  # never an order of ours to make numbers agree


def test_a_difference_that_was_judged_is_not_said_again_until_it_changes() -> None:
    books, context, _ = make()
    books.see(position_seen("0.5"))
    books.resolve()
    context.take_reports()
    assert books.compare() == []
    assert not books.resolve()
    books.see(position_seen("0.6"))
    assert books.compare() == ["position BTCUSDT: ours 0, venue 0.6"]
    assert books.resolve()


def test_a_symbol_opens_again_when_the_positions_agree() -> None:
    books, context, _ = make()
    books.see(position_seen("0.5"))
    books.resolve()
    books.see(position_seen("0"))
    context.take_reports()
    assert books.compare() == []
    assert context.take_reports() == [GateReport("position", False, "our position and the venue's agree", BTC)]
    books.see(position_seen("0.5"))
    assert books.compare() != []


@pytest.mark.parametrize(
    ("held", "venue", "side", "qty", "price"),
    [("0", "0.5", Side.BUY, "0.5", "90"), ("0", "-0.5", Side.SELL, "0.5", "90"), ("2", "0.5", Side.SELL, "1.5", "90")],
)
def test_where_it_is_configured_a_position_is_adopted_with_a_record(
    held: str, venue: str, side: Side, qty: str, price: str
) -> None:
    books, context, outbox = make(foreign_position="adopt")
    if D(held):
        context.held.fill(BTC, Side.BUY, D(100), D(held), ZERO)
    books.see(position_seen(venue, "90"))
    assert books.resolve()
    reports = context.take_reports()
    assert of(reports, MismatchReport)[0].action == "adopted"
    [adoption] = of(reports, AdoptionReport)
    assert (adoption.side, adoption.qty, adoption.price) == (side, D(qty), D(price))
    assert context.position(BTC) == D(venue)
    assert (books.compare(), outbox) == ([], [])


def test_a_position_that_is_gone_is_adopted_at_what_it_cost() -> None:
    books, context, _ = make(foreign_position="adopt")
    context.held.fill(BTC, Side.BUY, D(100), D(1), ZERO)
    books.see(position_seen("0"))
    books.resolve()
    [adoption] = of(context.take_reports(), AdoptionReport)
    assert (adoption.side, adoption.price, context.position(BTC)) == (Side.SELL, D(100), ZERO)


def test_an_operator_may_have_adopted_what_was_refused() -> None:
    books, context, _ = make()
    books.see(position_seen("0.5", "90"))
    books.resolve()
    books.adopt_all()
    assert context.position(BTC) == ZERO  # what is held by now is looked at first
    assert books.compare() == ["position BTCUSDT: ours 0, venue 0.5"]
    assert books.resolve()
    assert context.position(BTC) == D("0.5")
    assert not context.is_shut("position", BTC)


def test_what_an_earlier_run_of_ours_held_is_explained_by_it_once() -> None:
    books, context, _ = make()
    books.carry(Carried(account=ACCOUNT, run="trade-1", positions={BTC: D("0.5")}))
    books.see(position_seen("0.5", "90"))
    assert books.compare() == []
    assert [report.reason for report in of(context.take_reports(), AdoptionReport)] == ["carried over from trade-1"]
    context.held.fill(BTC, Side.SELL, D(90), D("0.5"), ZERO)
    assert books.compare() != []


def test_a_position_of_another_size_than_was_carried_is_not_explained() -> None:
    books, context, _ = make()
    books.carry(Carried(account=ACCOUNT, run="trade-1", positions={BTC: D("0.5")}))
    books.see(position_seen("0.6"))
    assert books.compare() == ["position BTCUSDT: ours 0, venue 0.6"]
    assert of(context.take_reports(), AdoptionReport) == []


# Money


def test_the_opening_balance_is_booked_once() -> None:
    books, context, _ = make()
    books.compare()
    assert context.take_reports() == []
    books.see(wallet("1000.5"))
    books.compare()
    books.compare()
    assert context.take_reports() == [TransferReport(D("1000.5"), "opening balance")]
    assert context.held.cash == D("1000.5")


def test_the_balance_is_that_of_a_query_as_pushes_come_while_others_are_on_their_way() -> None:
    books, _, _ = make()
    books.see(wallet("900", Origin.STREAM))
    assert books.balance is None


@pytest.mark.parametrize(("venue", "told"), [("990", True), ("999.98", True), ("999.99", False), ("1000", False)])
def test_missing_money_is_booked_when_it_is_missing_in_two_looks(venue: str, told: bool) -> None:
    books, context, _ = opened()
    books.see(wallet(venue))
    books.look_at_money()
    assert context.take_reports() == []
    books.look_at_money()
    reports = context.take_reports()
    assert bool(reports) == told
    if told:
        gap = D(venue) - D(1000)
        assert reports == [
            MismatchReport("wallet", "", "", "1000", venue, "booked as a transfer"),
            TransferReport(gap, "unexplained: the venue's wallet holds less"),
        ]
        assert context.held.cash == D(venue)
        books.look_at_money()
        books.look_at_money()
        assert context.take_reports() == []


def test_too_much_money_is_not_counted_on() -> None:
    books, context, _ = opened()
    books.see(wallet("1100"))
    books.look_at_money()
    books.look_at_money()
    assert context.take_reports() == [MismatchReport("wallet", "", "", "1000", "1100", "not counted on")]
    books.look_at_money()
    assert context.take_reports() == []
    assert context.held.cash == D(1000)


def test_a_gap_that_changes_is_on_its_way() -> None:
    books, context, _ = opened()
    for balance in ("990", "980", "970"):
        books.see(wallet(balance))
        books.look_at_money()
    assert context.take_reports() == []


def test_what_is_compared_does_not_depend_on_the_order_of_executions() -> None:
    """Sold at 110 before bought at 100, or after: the wallet differs by what the open position cost."""
    books, context, _ = opened()
    context.held.fill(BTC, Side.BUY, D(100), D(1), D(1))
    context.held.fill(BTC, Side.BUY, D(120), D(1), D(1))
    context.held.fill(BTC, Side.SELL, D(110), D(1), D(1))
    assert context.held.cash == D(997)
    books.see(position_seen("1", "120"))
    books.see(wallet("1007"))  # the venue saw the sale before the second purchase
    books.look_at_money()
    books.look_at_money()
    assert context.take_reports() == []


def test_money_is_not_compared_before_it_was_opened_nor_while_positions_differ() -> None:
    books, context, _ = make()
    books.look_at_money()
    books.see(wallet("1000"))
    books.look_at_money()
    books.compare()
    books.see(wallet("900"))
    books.see(position_seen("1"))
    books.look_at_money()
    books.look_at_money()
    assert of(context.take_reports(), MismatchReport) == []
    assert D("0.01") == CASH_TOLERANCE


# Settings


@pytest.mark.parametrize(
    ("word", "wanted", "agrees"),
    [
        ("ISOLATED_MARGIN", MarginMode.ISOLATED, True),
        ("REGULAR_MARGIN", MarginMode.CROSS, True),
        ("REGULAR_MARGIN", MarginMode.ISOLATED, False),
        ("PORTFOLIO_MARGIN", MarginMode.CROSS, False),
        ("", MarginMode.ISOLATED, False),
    ],
)
def test_another_margin_mode_than_configured_halts_the_symbol(word: str, wanted: MarginMode, agrees: bool) -> None:
    books, context, _ = make(margin_mode=wanted)
    books.see(AccountSeen(account=ACCOUNT, margin_mode=word))
    books.compare()
    assert context.is_shut("settings", BTC) != agrees


def test_hedge_mode_halts_the_symbol_until_it_is_left() -> None:
    books, context, _ = make()
    books.see(position_seen("1", idx=1))
    books.compare()
    assert "hedge mode" in context.gates["settings", BTC]
    books.see(position_seen("0"))
    books.compare()
    assert not context.is_shut("settings", BTC)


def test_the_leverage_of_a_flat_symbol_is_set_once_and_the_symbol_waits_for_it() -> None:
    books, context, outbox = make()
    books.see(position_seen("0", leverage=D(10)))
    books.compare()
    books.compare()
    assert [(request.op, request.call.text) for request in outbox] == [(Op.SET_LEVERAGE, "BTCUSDT|5")]
    assert context.gates["settings", BTC] == "leverage is 10, being set to 5"
    books.see(position_seen("0", leverage=D(5)))
    books.compare()
    assert not context.is_shut("settings", BTC)


@pytest.mark.parametrize("venue", ["1", "0"])
def test_the_leverage_of_a_position_is_not_changed(venue: str) -> None:
    books, context, outbox = make()
    if venue == "0":
        context.held.fill(BTC, Side.BUY, D(100), D(1), ZERO)
    books.see(position_seen(venue, leverage=D(10)))
    books.compare()
    assert context.gates["settings", BTC] == "leverage is 10, configured is 5"
    assert outbox == []


def test_leverage_is_left_alone_where_that_is_configured() -> None:
    books, context, outbox = make(set_leverage=False)
    books.see(position_seen("0", leverage=D(10)))
    books.compare()
    assert context.is_shut("settings", BTC)
    assert outbox == []


def test_a_leverage_that_cannot_be_set_is_said_and_not_tried_for_ever() -> None:
    bench = Bench()
    bench.venue.leverage = D(10)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.answer_questions()
    bench.answer(bench.take(Op.SET_LEVERAGE), K.REFUSED, code=110013, reason="risk limit")
    assert bench.context.gates["settings", BTC] == "leverage could not be set: 110013: risk limit"
    bench.pass_time(30_000)
    assert bench.waiting == []


def test_a_leverage_whose_answer_a_restart_lost_is_set_again() -> None:
    bench = Bench()
    bench.venue.leverage = D(10)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.answer_questions()
    bench.take(Op.SET_LEVERAGE)
    bench.hear(Restarted())
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.answer_questions()
    bench.answer(bench.take(Op.SET_LEVERAGE), K.ACCEPTED)
    bench.venue.leverage = D(5)
    bench.pass_time(5_000)
    assert bench.exchange.ready
    assert bench.gates() == set()


@pytest.mark.parametrize("kind", [K.NO_OP, K.ACCEPTED])
def test_a_leverage_that_is_set_already_is_set(kind: OutcomeKind) -> None:
    bench = Bench()
    bench.venue.leverage = D(10)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.answer_questions()
    bench.answer(bench.take(Op.SET_LEVERAGE), kind)
    bench.venue.leverage = D(5)
    bench.pass_time(5_000)
    assert bench.exchange.ready
    assert bench.gates() == set()


def test_a_request_to_set_leverage_that_nobody_answered_is_made_again() -> None:
    bench = Bench()
    bench.venue.leverage = D(10)
    bench.hear(StreamState(ACCOUNT, up=True))
    bench.pass_time(200_000)
    assert len(bench.sends(Op.SET_LEVERAGE)) > 1
