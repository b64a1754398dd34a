"""What must hold of a venue whatever it was asked, judged by its notes, its pushes and its answers."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

from adapters.sandbox.trading.account import VenueAccount
from daemon.core.orders import TRANSITIONS
from daemon.core.records import OrderStatus
from tests.adapters.sandbox.trading.bench import BTC, ETH, Bench

D = Decimal
FUNDING = "Funding"


def check(bench: Bench) -> None:
    """Hold everything the venue said against everything else."""
    _check_positions(bench)
    _check_orders(bench)
    _check_pushes(bench)
    for uid, account in bench.venue.accounts.items():
        _check_wallet(bench, uid, account)
        _check_open_orders(bench, uid, account)


def _executions(bench: Bench) -> dict[str, dict[str, Any]]:
    noted = bench.noted("execution")
    found = {note["exec_id"]: note for note in noted}
    assert len(found) == len(noted), "an execution id was given twice"
    return found


def _check_positions(bench: Bench) -> None:
    """The sum of executions is the position, at every step and at the end, everywhere it is shown."""
    executions, sizes = _executions(bench), defaultdict[tuple[str, str, int], Decimal](Decimal)
    seen = set()
    for note in bench.noted("position"):
        execution = executions[note["exec_id"]]
        key = (note["uid"], note["symbol"], note["position_idx"])
        sizes[key] += D(execution["qty"]) if execution["side"] == "Buy" else -D(execution["qty"])
        assert sizes[key] == D(note["size"])
        seen.add(note["exec_id"])
    assert seen == {name for name, each in executions.items() if each["exec_type"] != FUNDING}
    for uid, account in bench.venue.accounts.items():
        for symbol in (BTC, ETH):
            for idx in account.legs():
                held = sizes[uid, symbol, int(idx)]
                row = bench.position(symbol, int(idx), uid)
                assert D(row["size"]) * (-1 if row["side"] == "Sell" else 1) == held
                assert account.account.held(symbol, idx) == held


def _check_orders(bench: Bench) -> None:
    """Each order was taken once, moved as the life cycle says, and filled by the sum of its executions."""
    taken = [note["order_id"] for note in bench.noted("accepted") + bench.noted("placed")]
    assert len(set(taken)) == len(taken)
    links = [(note["uid"], note["order_link_id"]) for note in bench.noted("accepted") if note["order_link_id"]]
    assert len(set(links)) == len(links)
    filled = defaultdict[str, Decimal](Decimal)
    for each in bench.noted("execution"):
        if each["exec_type"] != FUNDING:
            filled[each["order_id"]] += D(each["qty"])
    moves = defaultdict[str, list[dict[str, Any]]](list)
    for note in bench.noted("status"):
        moves[note["order_id"]].append(note)
    assert set(moves) <= set(taken)
    for order_id, notes in moves.items():
        assert D(notes[-1]["cum_qty"]) == filled[order_id]
        for before, after in pairwise(OrderStatus(note["status"]) for note in notes):
            assert after is before or after in TRANSITIONS[before], (order_id, before, after)
    assert set(filled) <= set(taken)


def _check_pushes(bench: Bench) -> None:
    """Every execution was pushed once, and every status, in the order in which they were noted."""
    pushed = [item["execId"] for _, topic, items in bench.pushes if topic == "execution" for item in items]
    assert pushed == [note["exec_id"] for note in bench.noted("execution")]
    orders = [
        (item["orderId"], item["orderStatus"], D(item["cumExecQty"]))
        for _, topic, items in bench.pushes
        if topic == "order"
        for item in items
    ]
    assert orders == [(note["order_id"], note["status"], D(note["cum_qty"])) for note in bench.noted("status")]


def _check_wallet(bench: Bench, uid: str, account: VenueAccount) -> None:
    """Every change of the balance has its cause, and they add up to the last digit."""
    notes = [note for note in bench.noted("wallet") if note["uid"] == uid]
    balance = D(0)
    for note in notes:
        balance += D(note["change"])
        assert balance == D(note["balance"])
    executions = [each["exec_id"] for each in bench.noted("execution") if each["uid"] == uid]
    assert [note["cause"] for note in notes if note["cause"] in set(executions)] == executions
    transfers = [note for note in bench.noted("transfer") if note["uid"] == uid]
    assert len(notes) == len(executions) + len(transfers)
    assert balance == account.account.ledger.cash == account.books.ledger.cash == D(bench.coin(uid)["walletBalance"])
    log = account.books.transactions
    assert [row.change for row in log] == [D(note["change"]) for note in notes]
    realised = sum((leg.total for leg in account.books.legs()), D(0))
    assert realised == balance - sum((D(note["amount"]) for note in transfers), D(0))
    account.account.check_all()


def _check_open_orders(bench: Bench, uid: str, account: VenueAccount) -> None:
    """What is open at the exchange is what order/realtime lists."""
    listed = {record.request.order_id for record in account.orders.open_orders()}
    assert listed == {order.id for order in account.exchange.open_orders()}
    for order in account.exchange.open_orders():
        record = account.orders.inner(order.id)
        assert record is not None
        assert (record.status, record.cum_qty, record.request) == (order.status, order.filled, order.request)
