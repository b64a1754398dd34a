"""The account: positions, money, what is known of it, and two of them side by side."""

from __future__ import annotations

from math import isclose

import ccxt

from tests.clients.board import Checks, eventually, refused
from tests.clients.by_ccxt.connect import BTC, ETH, connect, contracts_of, last_of, trading
from tests.clients.stand import UIDS, Stand


def positions(stand: Stand) -> None:
    with trading(stand.demo) as client:
        client.create_order(BTC, "market", "buy", 0.02)
        client.create_order(ETH, "market", "sell", 0.5)
        held = {each["symbol"]: (each["side"], each["contracts"]) for each in client.fetch_positions()}
        assert held == {BTC: ("long", 0.02), ETH: ("short", 0.5)}
        closing = client.create_order(BTC, "market", "sell", 0.02, None, {"reduceOnly": True})
        closed = client.fetch_positions_history([BTC])
        row = next(each["info"] for each in closed if each["info"]["orderId"] == closing["id"])
        gross = float(row["cumExitValue"]) - float(row["cumEntryValue"])
        fees = float(row["openFee"]) + float(row["closeFee"])
        assert isclose(float(row["closedPnl"]), gross - fees, abs_tol=1e-6)
        assert float(row["closedSize"]) == 0.02


def wallet(stand: Stand) -> None:
    with trading(stand.demo) as client:
        before = client.fetch_balance()["USDT"]
        made = client.create_order(BTC, "market", "buy", 0.02)
        fees = sum(trade["fee"]["cost"] for trade in client.fetch_order_trades(made["id"], BTC))
        after = client.fetch_balance()
        assert isclose(before["total"] - after["USDT"]["total"], fees, abs_tol=2.0)  # equity moves with the market
        coin = after["info"]["result"]["list"][0]["coin"][0]
        assert float(coin["totalPositionIM"]) > 0
        assert float(coin["walletBalance"]) <= before["total"] + 1e-6


def info(stand: Stand) -> None:
    client = connect(stand.demo, "ccxt-main")
    key = client.private_get_v5_user_query_api()["result"]
    assert str(key["userID"]) == UIDS["ccxt-main"]
    assert int(key["readOnly"]) == 0
    account = client.private_get_v5_account_info()["result"]
    assert account["marginMode"] == "ISOLATED_MARGIN"
    assert int(account["unifiedMarginStatus"]) in {5, 6}
    live = connect(stand.live, "ccxt-main")
    assert live.is_unified_enabled() == [True, True] or live.is_unified_enabled()[1] is True


def fee_rates(stand: Stand) -> None:
    client = connect(stand.live, "ccxt-main")
    fee = client.fetch_trading_fee(BTC)
    assert (fee["taker"], fee["maker"]) == (0.00055, 0.0002)
    assert BTC in client.fetch_trading_fees()
    refused(lambda: connect(stand.demo, "ccxt-main").fetch_trading_fee(BTC), ccxt.BadRequest)


def funding_paid(stand: Stand) -> None:
    with trading(stand.demo, "ccxt-other") as client:
        client.create_order(BTC, "market", "buy", 0.1)
        known = {row["id"] for row in client.fetch_funding_history(BTC)}
        paid = eventually(
            lambda: [row for row in client.fetch_funding_history(BTC) if row["id"] not in known], "funding is paid"
        )
        value = 0.1 * last_of(client) * 0.0001
        assert isclose(abs(paid[-1]["amount"]), value, rel_tol=0.01), (paid[-1], value)


def demo_funds(stand: Stand) -> None:
    client = connect(stand.demo, "ccxt-other")
    before = client.fetch_balance()["USDT"]["total"]
    wish = {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "1000"}]}
    client.private_post_v5_account_demo_apply_money(wish)
    assert isclose(client.fetch_balance()["USDT"]["total"] - before, 1000, abs_tol=1e-6)
    refused(lambda: client.private_post_v5_account_demo_apply_money(wish), ccxt.RateLimitExceeded)


def two_accounts(stand: Stand) -> None:
    with trading(stand.demo) as client, trading(stand.demo, "ccxt-other") as other:
        price = round(last_of(client) * 0.9, 1)
        made = client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": "same-name-of-two"})
        theirs = other.create_order(BTC, "limit", "buy", 0.02, price, {"clientOrderId": "same-name-of-two"})
        assert [order["id"] for order in client.fetch_open_orders(BTC)] == [made["id"]]
        assert [order["id"] for order in other.fetch_open_orders(BTC)] == [theirs["id"]]
        refused(lambda: other.cancel_order(made["id"], BTC), ccxt.OrderNotFound)
        client.create_order(BTC, "market", "buy", 0.01)
        assert (contracts_of(client), contracts_of(other)) == (0.01, 0)


CHECKS: Checks = {
    "positions and closed profit": positions,
    "wallet": wallet,
    "account and key info": info,
    "fee rates": fee_rates,
    "funding paid": funding_paid,
    "demo funds": demo_funds,
    "two accounts at once": two_accounts,
}
