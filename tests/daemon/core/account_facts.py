"""Facts about an account, as a decoder of a venue makes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from daemon.core.account_events import (
    AccountFact,
    AccountSeen,
    Answered,
    Armed,
    Carried,
    Executed,
    Op,
    OrderSeen,
    Origin,
    Outcome,
    OutcomeKind,
    PositionSeen,
    StreamState,
    Unreadable,
    VenueTime,
    WalletSeen,
)
from tests.daemon.core.build import BTC

D = Decimal
ACCOUNT = "demo"


def order_seen(link_id: str, status: str = "New", **fields: Any) -> OrderSeen:
    """An order of one BTC, bought at 100, as the private stream shows it."""
    shown: dict[str, Any] = {
        "account": ACCOUNT,
        "origin": Origin.STREAM,
        "link_id": link_id,
        "venue_id": f"v-{link_id}",
        "symbol": BTC,
        "side": "Buy",
        "type": "Limit",
        "status": status,
        "qty": D(1),
        "filled": D(0),
        "updated": 1,
        "price": D(100),
        "time_in_force": "GTC",
        "create_type": "CreateByUser",
    }
    return OrderSeen(**(shown | fields))


def executed(link_id: str, exec_id: str = "e1", qty: str = "1", **fields: Any) -> Executed:
    """An execution of a buy at 100, as the private stream tells it."""
    told: dict[str, Any] = {
        "account": ACCOUNT,
        "origin": Origin.STREAM,
        "exec_id": exec_id,
        "link_id": link_id,
        "venue_id": f"v-{link_id}",
        "symbol": BTC,
        "side": "Buy",
        "price": D(100),
        "qty": D(qty),
        "fee": D("0.055"),
        "maker": False,
        "exec_type": "Trade",
        "ts": 1,
        "create_type": "CreateByUser",
        "order_type": "Limit",
        "order_qty": D(1),
    }
    return Executed(**(told | fields))


def position_seen(qty: str = "0", entry: str = "100", **fields: Any) -> PositionSeen:
    """The position of BTC in one-way mode, as a query shows it."""
    shown: dict[str, Any] = {
        "account": ACCOUNT,
        "origin": Origin.QUERY,
        "symbol": BTC,
        "idx": 0,
        "qty": D(qty),
        "entry": D(entry) if D(qty) else D(0),
        "leverage": D(5),
        "take_profit": D(0),
        "stop_loss": D(0),
        "trailing_stop": D(0),
        "updated": 1,
    }
    return PositionSeen(**(shown | fields))


ONE_OF_EACH: list[AccountFact] = [
    Carried(account=ACCOUNT, run="trade-1", positions={BTC: D("-0.5")}),
    Armed(account=ACCOUNT, environment="demo", real_money=False, fingerprint="ab12"),
    Answered(account=ACCOUNT, request="main-r1", op=Op.CREATE, status=200, body='{"retCode":0}', signed=5, window_ms=3),
    VenueTime(account=ACCOUNT, offset=-3, bound=7),
    StreamState(ACCOUNT, up=True),
    Outcome(account=ACCOUNT, request="main-r1", op=Op.CREATE, kind=OutcomeKind.ACCEPTED, venue_id="v1"),
    order_seen("ls-x"),
    executed("ls-x"),
    position_seen("-1.5"),
    WalletSeen(account=ACCOUNT, origin=Origin.QUERY, balance=D(10_000), equity=D(9_999)),
    AccountSeen(account=ACCOUNT, margin_mode="ISOLATED_MARGIN"),
    Unreadable(ACCOUNT, "order", "qty is NaN", BTC),
]
