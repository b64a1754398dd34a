"""Private frames and answers into facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.account_decoder import AccountDecoder
from daemon.core.account_events import (
    AccountSeen,
    Answered,
    Executed,
    Op,
    OrderSeen,
    Origin,
    Outcome,
    OutcomeKind,
    PositionSeen,
    StreamState,
    Unreadable,
    WalletSeen,
)
from daemon.core.events import Fact, Link, Quarantined, Restarted
from daemon.core.units import NS_PER_MS, ZERO
from tests.adapters.bybit.frames import T0_MS
from tests.adapters.bybit.private_frames import (
    ACCOUNT,
    SOURCE,
    answer,
    coin_row,
    execution_row,
    order_row,
    page,
    position_row,
    private_push,
    wallet_row,
)

DATA = Path(__file__).parents[2] / "data" / "bybit"


def decode(frame: bytes) -> Sequence[Fact]:
    return AccountDecoder(ACCOUNT).decode(frame, 1, SOURCE)


def only(frame: bytes) -> Fact:
    (fact,) = decode(frame)
    return fact


def ask(answered: Answered) -> tuple[list[Fact], Outcome]:
    """The rows of an answer and its outcome, which comes last and once."""
    *rows, last = AccountDecoder(ACCOUNT).observe(answered)
    assert isinstance(last, Outcome)
    assert not any(isinstance(row, Outcome) for row in rows)
    return rows, last


def test_an_order_is_told_in_the_venues_words() -> None:
    assert only(private_push("order", order_row())) == OrderSeen(
        account=ACCOUNT,
        origin=Origin.STREAM,
        link_id="ls-1",
        venue_id="v-1",
        symbol="BTCUSDT",
        side="Buy",
        type="Limit",
        status="New",
        qty=Decimal("0.010"),
        filled=ZERO,
        updated=T0_MS * NS_PER_MS,
        price=Decimal("50000.10"),
        time_in_force="GTC",
        reject_reason="EC_NoError",
        cancel_type="UNKNOWN",
        create_type="CreateByUser",
        created=(T0_MS - 5) * NS_PER_MS,
    )


@pytest.mark.parametrize("unset", ["", "0", "0.00", None])
def test_a_price_that_is_not_set_comes_in_many_forms(unset: str | None) -> None:
    seen = only(private_push("order", order_row(price=unset, triggerPrice=unset)))
    assert isinstance(seen, OrderSeen)
    assert (seen.price, seen.trigger_price) == (None, None)


def test_words_that_nobody_has_heard_of_are_facts_too() -> None:
    row = order_row(orderStatus="Sleeping", cancelType="CancelByMoon", rejectReason="EC_New", createType="CreateByX")
    seen = only(private_push("order", row))
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.cancel_type, seen.reject_reason) == ("Sleeping", "CancelByMoon", "EC_New")
    executed = only(private_push("execution", execution_row(execType="CorporateAction")))
    assert isinstance(executed, Executed)
    assert executed.exec_type == "CorporateAction"


def test_the_fills_of_one_message_come_in_its_order() -> None:
    rows = [execution_row(execId=f"e-{number}") for number in range(3)]
    seen = decode(private_push("execution.linear", *rows))
    assert [fact.exec_id for fact in seen if isinstance(fact, Executed)] == ["e-0", "e-1", "e-2"]
    first = seen[0]
    assert isinstance(first, Executed)
    assert (first.fee, first.mark, first.order_qty) == (Decimal("0.13750028"), Decimal(50001), Decimal("0.010"))


@pytest.mark.parametrize("fee", ["0.5", "-0.5"])
def test_funding_keeps_the_sign_of_its_fee(fee: str) -> None:
    seen = only(private_push("execution", execution_row(execType="Funding", orderType="UNKNOWN", execFee=fee)))
    assert isinstance(seen, Executed)
    assert (seen.exec_type, seen.fee) == ("Funding", Decimal(fee))


@pytest.mark.parametrize(
    ("side", "size", "qty"), [("Sell", "0.3", "-0.3"), ("Buy", "0.3", "0.3"), ("", "0", "0"), (None, "0", "0")]
)
def test_a_position_is_signed_by_its_side(side: str | None, size: str, qty: str) -> None:
    seen = only(private_push("position", position_row(side=side, size=size)))
    assert isinstance(seen, PositionSeen)
    assert (seen.qty, seen.entry, seen.stop_loss) == (Decimal(qty), Decimal("50000.1"), Decimal(52000))
    assert (seen.take_profit, seen.liquidation_price, seen.leverage) == (ZERO, None, Decimal(5))


def test_an_open_position_without_a_side_is_not_guessed() -> None:
    bad, told = decode(private_push("position", position_row(side="")))
    assert isinstance(bad, Quarantined)
    assert told == Unreadable(ACCOUNT, "position", "a position of 0.3 on side ''", "BTCUSDT")


def test_the_wallet_is_read_in_usdt_only() -> None:
    row = wallet_row(coin_row("BTC", walletBalance="1"), coin_row())
    assert only(private_push("wallet", row)) == WalletSeen(
        account=ACCOUNT,
        origin=Origin.STREAM,
        balance=Decimal("1000.5"),
        equity=Decimal("1001.25"),
        order_margin=Decimal(10),
        position_margin=None,
        maintenance_margin=ZERO,
        updated=T0_MS * NS_PER_MS,
    )
    assert decode(private_push("wallet", wallet_row(coin_row("BTC")))) == []


def test_other_categories_are_none_of_ours() -> None:
    assert decode(private_push("order", order_row(category="spot"))) == []
    assert decode(private_push("execution", execution_row(category="inverse"))) == []


@pytest.mark.parametrize(
    "frame",
    [
        b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}',
        b'{"success":true,"ret_msg":"","conn_id":"c","req_id":"x","op":"subscribe"}',
        b'{"req_id":"1","op":"pong","args":["1690884539181"],"conn_id":"c"}',
        b'{"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey","connId":"c"}',
    ],
)
def test_answers_of_the_conversation_are_no_facts(frame: bytes) -> None:
    assert list(decode(frame)) == []


def test_a_bad_item_hides_no_good_one() -> None:
    rows = [execution_row(execId="e-1"), execution_row(execPrice="NaN", symbol="ETHUSDT"), execution_row(execId="e-3")]
    first, bad, told, last = decode(private_push("execution", *rows))
    assert isinstance(first, Executed)
    assert isinstance(last, Executed)
    assert bad == Quarantined(SOURCE, "execPrice: 'NaN' is not a number", "ETHUSDT")
    assert told == Unreadable(ACCOUNT, "execution", "execPrice: 'NaN' is not a number", "ETHUSDT")


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "Infinity", "-Infinity", "1e5", "1E-7", "0x10", "1_000", " 1", "+1", "\u0661", "9" * 30),
        *("1." + "0" * 30, "", None, 1.5, True, [], {}, -1, "-1"),
    ],
)
def test_a_number_that_is_none_is_refused(value: Any) -> None:
    bad, told = decode(private_push("execution", execution_row(execQty=value)))
    assert isinstance(bad, Quarantined)
    assert isinstance(told, Unreadable)
    assert told.symbol == "BTCUSDT"


def test_whole_numbers_without_quotes_are_taken() -> None:
    seen = only(private_push("order", order_row(qty=2, updatedTime=T0_MS)))
    assert isinstance(seen, OrderSeen)
    assert (seen.qty, seen.updated) == (Decimal(2), T0_MS * NS_PER_MS)


@pytest.mark.parametrize("side", ["", "None", "buy", "Hold"])
def test_a_side_that_is_none_is_not_guessed_where_money_depends_on_it(side: str) -> None:
    assert isinstance(decode(private_push("order", order_row(side=side)))[0], Quarantined)
    assert isinstance(decode(private_push("execution", execution_row(side=side)))[0], Quarantined)
    assert isinstance(only(private_push("execution", execution_row(side=side, execType="Funding"))), Executed)


@pytest.mark.parametrize("field", ["orderType", "orderStatus"])
def test_a_word_without_end_is_no_word(field: str) -> None:
    assert isinstance(decode(private_push("order", order_row(**{field: "x" * 65})))[0], Quarantined)
    assert isinstance(only(private_push("order", order_row(**{field: "x" * 64}))), OrderSeen)


def test_an_execution_type_without_end_is_none() -> None:
    assert isinstance(decode(private_push("execution", execution_row(execType="x" * 65)))[0], Quarantined)


@pytest.mark.parametrize("time", ["0", "1758845431", "17588454310000", "9000000000000", "-1", "", "1758845431000.5"])
def test_a_time_of_another_era_is_refused(time: str) -> None:
    assert isinstance(decode(private_push("execution", execution_row(execTime=time)))[0], Quarantined)


@pytest.mark.parametrize(
    ("frame", "topic"),
    [
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[1,2]", ""),
        (b'{"topic":"order","data":', ""),
        (b"[" * 100_000, ""),
        (b'{"topic":"greeks","data":[]}', "greeks"),
        (b'{"topic":"order.spot","data":[]}', "order.spot"),
        (b'{"topic":"order"}', "order"),
        (b'{"topic":"order","data":{}}', ""),
        (b"{}", ""),
    ],
)
def test_what_cannot_be_read_is_told_twice_and_raises_nothing(frame: bytes, topic: str) -> None:
    bad, told = decode(frame)
    assert isinstance(bad, Quarantined)
    assert isinstance(told, Unreadable)
    assert (bad.source, told.topic) == (SOURCE, topic)


def test_the_link_is_the_state_of_the_stream() -> None:
    decoder = AccountDecoder(ACCOUNT)
    assert decoder.observe(Link(SOURCE, up=True, topics=("order",))) == (StreamState(ACCOUNT, up=True),)
    assert decoder.observe(Link(SOURCE, up=False, reason="cut")) == (StreamState(ACCOUNT, up=False, reason="cut"),)
    assert decoder.observe(Link("private.other", up=True)) == ()
    assert decoder.observe(Link("public-1", up=True)) == ()
    assert decoder.observe(Restarted()) == ()


def test_a_page_of_orders_and_where_the_next_begins() -> None:
    cursor = "page_args%3Dfd4300ae%26symbol%3D6%26"
    rows, outcome = ask(answer(Op.OPEN_ORDERS, page(order_row(), order_row(orderId="v-2"), cursor=cursor)))
    assert [(row.venue_id, row.origin, row.request) for row in rows if isinstance(row, OrderSeen)] == [
        ("v-1", Origin.QUERY, "r-1"),
        ("v-2", Origin.QUERY, "r-1"),
    ]
    assert (outcome.kind, outcome.rows, outcome.cursor) == (OutcomeKind.ACCEPTED, 2, cursor)
    assert (outcome.venue_ts, outcome.signed, outcome.window_ms) == (T0_MS * NS_PER_MS, 5, 3000)


@pytest.mark.parametrize("op", [Op.ORDER, Op.ORDER_HISTORY, Op.ORDER_EXECUTIONS, Op.EXECUTIONS, Op.OPEN_ORDERS])
def test_an_empty_list_is_an_answer_and_an_error_is_not(op: Op) -> None:
    rows, empty = ask(answer(op, page()))
    assert (rows, empty.kind, empty.rows) == ([], OutcomeKind.ACCEPTED, 0)
    rows, failed = ask(answer(op, page(), code=10016))
    assert (rows, failed.kind) == ([], OutcomeKind.UNKNOWN)


def test_a_row_that_cannot_be_read_leaves_the_answer_open_and_hides_no_other() -> None:
    result = page(execution_row(), execution_row(execFee="1e-3", symbol="ETHUSDT"))
    rows, outcome = ask(answer(Op.EXECUTIONS, result))
    assert isinstance(rows[0], Executed)
    assert isinstance(rows[1], Unreadable)
    assert rows[1].symbol == "ETHUSDT"
    assert (outcome.kind, outcome.rows, outcome.reason) == (OutcomeKind.UNKNOWN, 1, "1 of 2 rows cannot be read")


@pytest.mark.parametrize("result", [None, [], {}, {"list": None}, {"list": {}}, {"category": "spot", "list": []}])
def test_an_answer_of_another_shape_is_not_an_empty_one(result: Any) -> None:
    rows, outcome = ask(answer(Op.POSITIONS, result))
    assert (rows, outcome.kind) == ([], OutcomeKind.UNKNOWN)


@pytest.mark.parametrize("cursor", ["a&limit=1", "a b", "a#b", "a\r\nX: y", "x" * 2000, "ä", "a?b"])
def test_a_cursor_that_would_change_the_next_question_is_refused(cursor: str) -> None:
    _, outcome = ask(answer(Op.EXECUTIONS, page(execution_row(), cursor=cursor)))
    assert (outcome.kind, outcome.cursor) == (OutcomeKind.UNKNOWN, "")


def test_a_position_in_an_answer_calls_its_entry_by_another_name() -> None:
    row = position_row(avgPrice="49000.5", side="Buy")
    del row["entryPrice"]
    rows, outcome = ask(answer(Op.POSITIONS, page(row)))
    assert isinstance(rows[0], PositionSeen)
    assert (rows[0].entry, rows[0].qty, outcome.rows) == (Decimal("49000.5"), Decimal("0.3"), 1)


def test_wallet_and_account_answers() -> None:
    rows, outcome = ask(answer(Op.WALLET, {"list": [wallet_row(coin_row())]}))
    assert isinstance(rows[0], WalletSeen)
    assert (rows[0].balance, rows[0].updated, outcome.rows) == (Decimal("1000.5"), T0_MS * NS_PER_MS, 1)
    rows, outcome = ask(answer(Op.ACCOUNT, {"marginMode": "ISOLATED_MARGIN", "updatedTime": str(T0_MS)}))
    seen = AccountSeen(account=ACCOUNT, margin_mode="ISOLATED_MARGIN", updated=T0_MS * NS_PER_MS, request="r-1")
    assert (rows, outcome.rows) == ([seen], 1)


def test_an_act_brings_its_outcome_only() -> None:
    rows, outcome = ask(answer(Op.CREATE, {"orderId": "v-9", "orderLinkId": "ls-9"}))
    assert (rows, outcome.kind, outcome.venue_id) == ([], OutcomeKind.ACCEPTED, "v-9")


def test_answers_of_other_accounts_are_left_to_their_decoders() -> None:
    assert AccountDecoder("other").observe(answer(Op.CREATE, {"orderId": "v"})) == ()


def test_recorded_private_messages_are_read() -> None:
    seen: list[Fact] = []
    for line in (DATA / "ws_private_gct.jsonl").read_bytes().splitlines():
        seen += decode(line)
    kinds = [type(fact) for fact in seen]  # the first order is of an option, greeks are not subscribed
    assert kinds == [PositionSeen, WalletSeen, Quarantined, Unreadable, Executed, OrderSeen]


def test_recorded_answers_are_read() -> None:
    ops = {
        "Account/GetMarginAccountInfo": (Op.ACCOUNT, 1),
        "Account/GetBalances": (Op.WALLET, 0),
        "Trading/GetOrderHistory": (Op.ORDER_HISTORY, 1),
        "Trading/GetOrders": (Op.OPEN_ORDERS, 1),
        "Trading/GetUserTrades": (Op.EXECUTIONS, 1),
        "Trading/PlaceOrder": (Op.CREATE, 0),
        "Trading/EditOrder": (Op.AMEND, 0),
        "Trading/CancelOrder": (Op.CANCEL, 0),
        "Trading/CancelAllOrder": (Op.CANCEL_ALL, 0),
        "Trading/SetTradingStop": (Op.PROTECT, 0),
    }
    for line in (DATA / "rest_private_bybitnet.jsonl").read_bytes().splitlines():
        pair = json.loads(line)
        if pair["name"] not in ops:
            continue
        op, count = ops.pop(pair["name"])
        body = json.dumps(pair["response"])
        rows, outcome = ask(Answered(account=ACCOUNT, request="r", op=op, status=200, body=body))
        assert (outcome.kind, len(rows), outcome.rows) == (OutcomeKind.ACCEPTED, count, count), pair["name"]
    assert not ops


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=5,
)
ROWS = {"order": order_row, "execution": execution_row, "position": position_row}


@given(st.sampled_from(sorted(ROWS)), st.data())
def test_any_field_may_be_anything_and_the_other_rows_are_still_read(topic: str, data: st.DataObject) -> None:
    good = ROWS[topic]()
    bad = {**good, data.draw(st.sampled_from(sorted(good))): data.draw(ANYTHING)}
    seen = decode(private_push(topic, good, bad, good))
    whole = only(private_push(topic, good))
    assert (seen[0], seen[-1]) == (whole, whole)
    answered = {"order": Op.OPEN_ORDERS, "execution": Op.EXECUTIONS, "position": Op.POSITIONS}[topic]
    rows, outcome = ask(answer(answered, page(good, bad)))
    assert type(rows[0]) is type(whole)
    assert (outcome.kind is OutcomeKind.ACCEPTED) == (not any(isinstance(row, Unreadable) for row in rows))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(frame: bytes) -> None:
    assert all(isinstance(fact, Quarantined | Unreadable) for fact in decode(frame))


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_garbled_byte_raises_nothing(offset: int, byte: int) -> None:
    frame = bytearray(private_push("execution", execution_row(), execution_row(execId="e-2")))
    position = offset * len(frame) // 61
    frame[position] = byte
    decode(bytes(frame))


def test_reading_is_repeatable() -> None:
    frame = private_push("order", order_row(), order_row(qty="x"))
    decoder = AccountDecoder(ACCOUNT)
    assert decoder.decode(frame, 1, SOURCE) == decoder.decode(frame, 2, SOURCE)
    assert msgspec.json.encode(decode(frame)) == msgspec.json.encode(decode(frame))
