"""The account: positions, money, what is known of it, and two of them side by side."""

from __future__ import annotations

from math import isclose

from tests.clients.board import Checks, eventually
from tests.clients.by_pybit.connect import (
    ETH,
    LINEAR,
    OF_BTC,
    Client,
    Row,
    code_of,
    connect,
    held,
    last_of,
    limit,
    market,
    open_orders,
    trading,
)
from tests.clients.stand import UIDS, Stand

USDT = {"accountType": "UNIFIED", "coin": "USDT"}


def positions(stand: Stand) -> None:
    with trading(stand.demo) as session:
        market(session, "Buy", "0.02")
        session.place_order(**LINEAR, symbol=ETH, side="Sell", orderType="Market", qty="0.5")
        rows = session.get_positions(**LINEAR, settleCoin="USDT")["result"]["list"]
        assert sorted((row["symbol"], row["side"]) for row in rows) == [("BTCUSDT", "Buy"), (ETH, "Sell")]
        closing = market(session, "Sell", "0.02", reduceOnly=True)
        closed = session.get_closed_pnl(**OF_BTC)["result"]["list"]
        row = next(each for each in closed if each["orderId"] == closing)
        gross = float(row["cumExitValue"]) - float(row["cumEntryValue"])
        assert isclose(float(row["closedPnl"]), gross - float(row["openFee"]) - float(row["closeFee"]), abs_tol=1e-6)


def _coin(session: Client) -> Row:
    coin: Row
    (coin,) = session.get_wallet_balance(**USDT)["result"]["list"][0]["coin"]
    return coin


def wallet(stand: Stand) -> None:
    with trading(stand.demo) as session:
        before = _coin(session)
        made = market(session, "Buy", "0.02")
        rows = session.get_executions(**LINEAR, orderId=made)["result"]["list"]
        fees = sum(float(row["execFee"]) for row in rows)
        after = _coin(session)
        assert isclose(float(before["walletBalance"]) - float(after["walletBalance"]), fees, abs_tol=1e-6)
        assert float(after["totalPositionIM"]) > 0
        whole = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
        assert whole["accountType"] == "UNIFIED"
        assert abs(float(whole["totalWalletBalance"]) - float(after["walletBalance"])) < 500


def info(stand: Stand) -> None:
    session = connect(stand.demo, "pybit-main")
    key = session.get_api_key_information()["result"]
    assert (str(key["userID"]), key["readOnly"], key["uta"]) == (UIDS["pybit-main"], 0, 1)
    account = session.get_account_info()["result"]
    assert (account["marginMode"], account["unifiedMarginStatus"]) == ("ISOLATED_MARGIN", 5)
    assert session.get_collateral_info(currency="USDT")["result"]["list"][0]["currency"] == "USDT"


def fee_rates(stand: Stand) -> None:
    session = connect(stand.live, "pybit-main")
    (row,) = session.get_fee_rates(**OF_BTC)["result"]["list"]
    assert (float(row["takerFeeRate"]), float(row["makerFeeRate"])) == (0.00055, 0.0002)


def funding_paid(stand: Stand) -> None:
    with trading(stand.demo, "pybit-other") as session:
        market(session, "Buy", "0.1")
        query = OF_BTC | {"execType": "Funding"}
        known = {row["execId"] for row in session.get_executions(**query)["result"]["list"]}
        paid = eventually(
            lambda: [row for row in session.get_executions(**query)["result"]["list"] if row["execId"] not in known],
            "funding is paid",
        )
        assert isclose(float(paid[0]["execFee"]), 0.1 * last_of(session) * 0.0001, rel_tol=0.01)
        log = session.get_transaction_log(accountType="UNIFIED", type="SETTLEMENT")["result"]["list"]
        assert isclose(float(log[0]["funding"]), -float(paid[0]["execFee"]), rel_tol=0.01)


def demo_funds(stand: Stand) -> None:
    session = connect(stand.demo, "pybit-stream", max_retries=1)
    before = float(_coin(session)["walletBalance"])
    session.request_demo_trading_funds()
    assert float(_coin(session)["walletBalance"]) > before


def two_accounts(stand: Stand) -> None:
    with trading(stand.demo) as session, trading(stand.demo, "pybit-other") as other:
        price = last_of(session) * 0.9
        mine = limit(session, "Buy", "0.01", price, orderLinkId="same-name-of-two")
        theirs = limit(other, "Buy", "0.02", price, orderLinkId="same-name-of-two")
        assert [order["orderId"] for order in open_orders(session)] == [mine]
        assert [order["orderId"] for order in open_orders(other)] == [theirs]
        assert code_of(lambda: other.cancel_order(**OF_BTC, orderId=mine)) == 110001
        market(session, "Buy", "0.01")
        assert (held(session), held(other)) == (0.01, 0)


CHECKS: Checks = {
    "positions and closed profit": positions,
    "wallet": wallet,
    "account and key info": info,
    "fee rates": fee_rates,
    "funding paid": funding_paid,
    "demo funds": demo_funds,
    "two accounts at once": two_accounts,
}
