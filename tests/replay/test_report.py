from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.events import Side
from daemon.core.records import (
    AccountLine,
    Action,
    Choice,
    Context,
    CreateType,
    DecisionLine,
    FillLine,
    FundingLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    RefusalLine,
    TimeInForce,
    TransferLine,
    Verdict,
    Window,
)
from replay.report import RunReport, summarise
from tests.replay.streams import CAPITAL, MINUTE, START, Market, records

D = Decimal


def decision(minute: int, mark: float, equity: float, *, allow: bool = True) -> DecisionLine:
    context = Context(mark, D(0), D(0), equity, "", {}, Window(0, ""))
    verdicts = () if allow else (Verdict("position", False, "POSITION_ABOVE_LIMIT", 2.0, 1.0),)
    choice = Choice(Action.HOLD if allow else Action.BUY, D(0), None, "")
    return DecisionLine(minute, minute, minute * MINUTE, "a", "s", "X", minute, context, choice, verdicts)


def fill(minute: int, side: Side, price: str, qty: str, *after: str) -> FillLine:
    cash, position, realised = after
    return FillLine(
        minute, minute, minute * MINUTE, "a", "o", 1, "f", "X", side, D(price), D(qty), D(1), False, D(realised),
        D(position), D(cash),
    )  # fmt: skip


BY_HAND: list[Record] = [
    TransferLine(0, 0, 0, "a", D(1000), D(1000), "opening balance"),
    decision(1, 100.0, 1000.0),
    fill(2, Side.BUY, "100", "2", "999", "2", "0"),
    decision(3, 110.0, 1019.0),
    fill(4, Side.SELL, "110", "2", "1018", "0", "20"),
    decision(5, 120.0, 1018.0, allow=False),
    fill(6, Side.SELL, "120", "1", "1017", "-1", "0"),
    decision(7, 130.0, 1007.0),
    fill(8, Side.BUY, "130", "2", "1006", "1", "-10"),
    decision(10, 130.0, 1006.0),
]


def test_a_run_counted_by_hand() -> None:
    lane = summarise(BY_HAND).lanes[0]
    symbol = lane.symbols[0]
    assert (symbol.decisions, symbol.holds, symbol.fills) == (5, 4, 4)
    assert symbol.denied == {"POSITION_ABOVE_LIMIT": 1}
    assert (symbol.fees, symbol.realised_pnl, symbol.position) == (D(4), D(10), D(1))
    assert symbol.turnover == D(200 + 220 + 120 + 260)
    assert (symbol.closed_trades, symbol.won, symbol.win_rate) == (2, 1, 0.5)
    assert (symbol.exposure, symbol.longest_flat) == (0.6, 2 * MINUTE)
    assert (lane.opening_cash, lane.cash, lane.cash_unexplained) == (D(0), D(1006), D(0))
    assert lane.transfers == {"opening balance": D(1000)}
    assert lane.final_equity == 1006.0
    assert lane.max_drawdown_usdt == 13.0
    assert lane.max_drawdown == pytest.approx(13 / 1019)


def test_cash_that_does_not_add_up_is_shown() -> None:
    stolen = msgspec.structs.replace(BY_HAND[-2], cash=D(1005))
    lane = summarise([*BY_HAND[:-2], stolen]).lanes[0]
    assert lane.cash_unexplained == D(-1)


def test_capital_is_no_rise_and_funding_is_a_fall() -> None:
    more = TransferLine(4, 4, 4 * MINUTE, "a", D(500), D(1500), "deposit")
    paid = TransferLine(6, 6, 6 * MINUTE, "a", D(-3), D(1497), "funding")
    stream = [BY_HAND[0], decision(1, 1.0, 1000.0), more, decision(5, 1.0, 1500.0), paid, decision(7, 1.0, 1497.0)]
    lane = summarise(stream).lanes[0]
    assert (lane.max_drawdown_usdt, lane.transfers["funding"]) == (3.0, D(-3))
    withdrawn = TransferLine(4, 4, 4 * MINUTE, "a", D(-500), D(500), "withdrawal")
    lane = summarise([BY_HAND[0], decision(1, 1.0, 1000.0), withdrawn, decision(5, 1.0, 500.0)]).lanes[0]
    assert lane.max_drawdown_usdt == 0.0


def funding(minute: int, fee: str, cash: str) -> FundingLine:
    return FundingLine(
        minute, minute, minute * MINUTE, "a", "X", minute * MINUTE, D(1), D(100), D("0.01"), D(fee), D(cash)
    )


def test_funding_is_paid_by_the_account_and_belongs_to_its_symbol_and_trade() -> None:
    stream = [
        BY_HAND[0],
        fill(2, Side.BUY, "100", "2", "999", "2", "0"),
        funding(3, "30", "969"),
        fill(4, Side.SELL, "110", "2", "988", "0", "20"),
        decision(5, 110.0, 988.0),
    ]
    lane = summarise(stream).lanes[0]
    (symbol,) = lane.symbols
    assert (symbol.funding, lane.funding, lane.cash, lane.cash_unexplained) == (D(30), D(30), D(988), D(0))
    assert (symbol.closed_trades, symbol.won) == (1, 0)
    assert lane.max_drawdown_usdt == 30.0


def test_a_stream_that_begins_with_funding_shows_the_cash_before_it() -> None:
    lane = summarise([funding(3, "-2", "1002")]).lanes[0]
    assert (lane.opening_cash, lane.cash, lane.cash_unexplained) == (D(1000), D(1002), D(0))


def made(minute: int, status: OrderStatus, create_type: CreateType) -> OrderLine:
    return OrderLine(
        minute, minute, minute * MINUTE, "a", f"o-{create_type}", 0, "X", Side.SELL, OrderType.MARKET, TimeInForce.IOC,
        D(1), None, True, status, D(0), create_type=create_type,
    )  # fmt: skip


def test_what_the_exchange_did_by_itself_is_counted_apart() -> None:
    account = AccountLine(6, 6, 6, "a", 1.0, 1.0, 1.0, 1.0, 1.0, 0.25, 1.0, "X", 0.5, D(0), D(0), D(0))
    stream: list[Record] = [
        made(1, OrderStatus.SUBMITTED, CreateType.USER),
        made(1, OrderStatus.NEW, CreateType.USER),
        made(2, OrderStatus.UNTRIGGERED, CreateType.STOP_LOSS),
        made(3, OrderStatus.TRIGGERED, CreateType.STOP_LOSS),
        made(4, OrderStatus.FILLED, CreateType.STOP_LOSS),
        LiquidationLine(5, 5, 5 * MINUTE, "a", "X", "takeover", Side.BUY, D(1), D(1), None, D(1), D(0), D(1)),
        msgspec.structs.replace(account, margin_ratio=0.75),
        account,
        RefusalLine(7, 7, 7 * MINUTE, "a", 1, "X", "o", "cancel", "too late"),
    ]
    lane = summarise(stream).lanes[0]
    (symbol,) = lane.symbols
    assert (symbol.orders, symbol.made_orders, symbol.liquidations) == (1, 1, 1)
    assert (lane.liquidations, lane.margin_ratio, lane.refusals) == (1, 0.75, 1)


def test_slippage_adds_up() -> None:
    slipped = [
        msgspec.structs.replace(record, slippage=D("0.5")) if isinstance(record, FillLine) else record
        for record in BY_HAND
    ]
    lane = summarise(slipped).lanes[0]
    assert (lane.slippage, lane.symbols[0].slippage) == (D(2), D(2))
    assert summarise(BY_HAND).lanes[0].margin_ratio is None


def test_a_stream_that_begins_with_a_fill_shows_the_cash_before_it() -> None:
    lane = summarise(BY_HAND[2:]).lanes[0]
    assert (lane.opening_cash, lane.cash, lane.cash_unexplained) == (D(1000), D(1006), D(0))


def test_an_empty_stream_has_an_empty_report() -> None:
    assert summarise([]) == RunReport(first_ts=None, last_ts=None, decisions=0, orders=0, fills=0, lanes=())


def test_lanes_and_symbols_are_kept_apart_and_sorted() -> None:
    found = summarise(records())
    assert [lane.lane for lane in found.lanes] == ["a", "b"]
    assert [symbol.symbol for symbol in found.lanes[0].symbols] == ["BTCUSDT", "ETHUSDT"]
    assert (found.first_ts, found.last_ts, found.decisions) == (START, START + 100 * MINUTE, 400)
    assert found.lanes[0].halts == 1
    assert found.lanes[1].halts == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), minutes=st.integers(1, 60))
def test_realised_pnl_less_fees_is_the_change_of_cash_in_the_stream(seed: int, minutes: int) -> None:
    stream = Market(seed).run(minutes)
    cash = {record.lane: record.cash for record in stream if isinstance(record, FillLine | TransferLine)}
    realised = {lane: D(0) for lane in cash}
    for record in stream:
        if isinstance(record, FillLine):
            realised[record.lane] += record.realised_pnl
    for lane in summarise(stream).lanes:
        assert lane.realised_pnl == realised[lane.lane]
        assert lane.realised_pnl - lane.fees == cash[lane.lane] - CAPITAL - lane.transfers.get("funding", D(0))
        assert lane.cash_unexplained == 0
        assert lane.fees == sum(symbol.fees for symbol in lane.symbols)


def test_a_report_survives_json() -> None:
    found = summarise(records())
    assert msgspec.json.decode(msgspec.json.encode(found), type=RunReport) == found
