from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.trading.books import Books
from adapters.sandbox.trading.closed_pnl import closed_pnl_item
from adapters.sandbox.trading.execution_record import ExecutionRecord
from adapters.sandbox.trading.transactions import transaction_item
from daemon.core.events import Side

D = Decimal
ETH, XRP = LISTINGS["ETHUSDT"], LISTINGS["XRPUSDT"]

EXECUTION = ExecutionRecord(
    serial=1,
    exec_id="e",
    order_id="o",
    link_id="l",
    symbol="ETHUSDT",
    side=Side.BUY,
    price=D(1),
    qty=D(1),
    fee=D(0),
    rate=D("0.0006"),
    exec_type="Trade",
    time_ms=1_672_214_887_236,
    seq=1,
    maker=False,
    mark=D(1),
    index=D(1),
    closed=D(0),
    pnl=D(0),
    order_type="Market",
    stop_order_type="",
    create_type="CreateByUser",
    order_price=None,
    order_qty=D(3),
    leaves=D(0),
)


def trade(books: Books, side: Side, price: str, qty: str, *, symbol: str = "ETHUSDT", rate: str = "0.0006") -> None:
    fee = D(price) * D(qty) * D(rate)
    booked = books.fill(symbol, side, D(price), D(qty), fee)
    execution = replace(
        EXECUTION, symbol=symbol, side=side, price=D(price), qty=D(qty), fee=fee, order_id=side.value,
        serial=EXECUTION.serial + 1,
    )  # fmt: skip
    books.note_fill(symbol, execution, booked, D(3))


def test_the_documented_closed_pnl_comes_out() -> None:
    """Source: Bybit v5 docs, "Get Closed PnL": entry value 3584.9255, exit value 3541.795, 0.06 % both ways."""
    books = Books("1")
    books.transfer(D(5000), 0)
    trade(books, Side.BUY, "1194.9751666666666666", "3")
    trade(books, Side.SELL, "1180.5983333333333333", "3")
    (row,) = books.closed
    item = closed_pnl_item(row, ETH)
    assert round(D(str(item["cumEntryValue"])), 4) == D("3584.9255")
    assert round(D(str(item["cumExitValue"])), 3) == D("3541.795")
    assert round(D(str(item["closedPnl"])), 7) == D("-47.4065323")
    assert (item["side"], item["closedSize"], item["leverage"]) == ("Sell", "3.00", "3")


def test_the_documented_transactions_come_out() -> None:
    """Source: Bybit v5 docs, "Get Transaction Log": 88 XRP at 0.3615, then funding of 100 XRP at mark 0.3676."""
    books = Books("592324")
    trade(books, Side.BUY, "0.3615", "12", symbol="XRPUSDT")
    trade(books, Side.BUY, "0.3615", "88", symbol="XRPUSDT")
    funding = replace(
        EXECUTION, symbol="XRPUSDT", price=D("0.3676"), qty=D(100), fee=D("0.003676"), rate=D("0.0001"),
        exec_type="Funding",
    )  # fmt: skip
    books.settle("XRPUSDT", funding)
    bought, paid = (transaction_item(row, XRP) for row in books.transactions[1:])
    assert (bought["fee"], bought["change"], bought["size"]) == ("0.0190872", "-0.0190872", "100.0")
    assert (paid["funding"], paid["change"], paid["type"], paid["fee"]) == ("-0.003676", "-0.003676", "SETTLEMENT", "0")


def test_a_turned_position_closes_with_its_share_of_the_fees_and_begins_anew() -> None:
    books = Books("1")
    trade(books, Side.BUY, "1000", "1")
    trade(books, Side.SELL, "1100", "3")
    (row,) = books.closed
    assert (row.qty, row.open_fee, row.close_fee, row.realised) == (D(1), D("0.6"), D("0.66"), D(100))
    leg = books.leg("ETHUSDT")
    assert (leg.open_fees, leg.current, leg.total) == (D("1.32"), D("-1.32"), D(100) - D("2.58"))


def test_a_partly_closed_position_keeps_its_share_of_the_fees() -> None:
    books = Books("1")
    trade(books, Side.BUY, "1000", "4")
    trade(books, Side.SELL, "1000", "1")
    assert books.closed[0].open_fee == D("0.6")
    assert books.leg("ETHUSDT").open_fees == D("1.8")
    trade(books, Side.SELL, "1000", "3")
    assert books.closed[0].open_fee == D("2.4")
    assert (books.closed[0].fills, len(books.closed)) == (2, 1)
    assert books.leg("ETHUSDT").open_fees == 0
