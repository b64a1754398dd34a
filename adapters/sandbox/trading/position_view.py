"""A position as the account's private routes and its position topic show it.

Sources: Bybit v5 docs, "Position" (websocket) and "Get Position Info"; help centre, "Break-Even Price". The numbers are
those of `adapters.simulated.account` at the mark price of the moment.

Assumptions:
- A flat position has side "", size, averages and values "0" and no liquidation price.
- break even = (E q - realised) / (q - |q| max(c, 0.00055)), q signed, realised: of the position as it is held now.

Known limits: adlRankIndicator is 2 for every open position, since nobody stands on the other side.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.listings import Listing
from adapters.sandbox.trading.books import LegBook
from adapters.sandbox.trading.parameters import LINEAR
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain, price_text, qty_text
from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.liquidation import liquidation_price
from adapters.simulated.margin import tier_index
from daemon.core.orders import Protection
from daemon.core.units import ZERO, add, divide, multiply, subtract, to_cash

LEAST_CLOSING_RATE = Decimal("0.00055")


class PositionView(Struct, frozen=True, kw_only=True):
    """What a position is shown from. auto_add: whether the client asked for margin to be added by itself."""

    account: Account
    leg: Leg
    book: LegBook
    listing: Listing
    protection: Protection
    auto_add: bool = False


def position_item(view: PositionView) -> Result:
    """The position in the words of position/list."""
    leg, book, listing, protection = view.leg, view.book, view.listing, view.protection
    side = "" if not leg.position.qty else leg.side.value
    place = tier_index(leg.tiers, leg.value())
    bound = add(view.account.initial_margin_of(leg), leg.added) if side else ZERO
    needed = view.account.maintenance_margin_of(leg) if side else ZERO
    return {
        "positionIdx": int(leg.idx),
        "riskId": listing.symbol_id * 1000 + place + 1,
        "riskLimitValue": plain(leg.tiers[place].limit),
        "symbol": leg.symbol,
        "side": side,
        "size": qty_text(leg.qty, listing) if side else "0",
        "avgPrice": plain(leg.position.entry),
        "positionValue": plain(leg.entry_value()),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": int(view.auto_add),
        "adlRankIndicator": 2 if side else 0,
        "leverage": plain(leg.leverage),
        "positionBalance": plain(bound),
        "markPrice": price_text(leg.mark(), listing),
        "liqPrice": price_text(liquidation_price(view.account, leg) if side else None, listing),
        "bustPrice": "",
        "breakEvenPrice": _break_even(leg, book) if side else "0",
        "positionIM": plain(bound),
        "positionIMByMp": plain(bound),
        "positionMM": plain(needed),
        "positionMMByMp": plain(needed),
        "tpslMode": "Full",
        "takeProfit": price_text(protection.take_profit, listing, "0"),
        "stopLoss": price_text(protection.stop_loss, listing, "0"),
        "trailingStop": price_text(protection.trailing_stop, listing, "0"),
        "unrealisedPnl": plain(leg.unrealised()),
        "curRealisedPnl": plain(book.current if side else ZERO),
        "cumRealisedPnl": plain(book.total),
        "sessionAvgPrice": "",
        "seq": book.seq,
        "isReduceOnly": False,
        "mmrSysUpdateTime": "",
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(book.created_ms),
        "updatedTime": str(book.updated_ms),
        "openTime": book.opened_ms if side else 0,
    }


def pushed_item(item: Result) -> Result:
    """The same in the words of the position topic, which says entryPrice for avgPrice and names the category."""
    pushed = {name: value for name, value in item.items() if name != "avgPrice"}
    return {"category": LINEAR, **pushed, "entryPrice": item["avgPrice"]}


def _break_even(leg: Leg, book: LegBook) -> str:
    rate = max(leg.taker_fee, LEAST_CLOSING_RATE)
    qty = leg.position.qty
    value = subtract(leg.position.entry_value, book.current)
    return plain(to_cash(divide(value, subtract(qty, multiply(leg.qty, rate)))))
