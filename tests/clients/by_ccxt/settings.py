"""Settings of an account: leverage, margin mode, position mode, margin of a position."""

from __future__ import annotations

import ccxt

from tests.clients.board import Checks, refused
from tests.clients.by_ccxt.connect import BTC, connect, contracts_of, trading
from tests.clients.stand import Stand


def leverage(stand: Stand) -> None:
    with trading(stand.demo) as client:
        wanted = 5 if client.fetch_leverage(BTC)["longLeverage"] != 5 else 10
        client.set_leverage(wanted, BTC)
        assert client.fetch_leverage(BTC)["longLeverage"] == wanted
        assert "110043" in str(refused(lambda: client.set_leverage(wanted, BTC), ccxt.BadRequest))
        refused(lambda: client.set_leverage(100.5, BTC), ccxt.BadRequest)


def margin_mode(stand: Stand) -> None:
    client = connect(stand.demo, "ccxt-hedge")
    for mode in ("cross", "isolated"):
        client.set_margin_mode(mode, BTC, {"leverage": 10})
        assert client.fetch_margin_mode(BTC)["marginMode"] == mode


def hedge(stand: Stand) -> None:
    with trading(stand.demo, "ccxt-hedge") as client:
        client.set_position_mode(True, BTC)
        refused(lambda: client.set_position_mode(True, BTC), ccxt.NoChange)
        client.create_order(BTC, "market", "buy", 0.02, None, {"hedged": True})
        client.create_order(BTC, "market", "sell", 0.01, None, {"hedged": True})
        held = {each["side"]: each["contracts"] for each in client.fetch_positions([BTC])}
        assert held == {"long": 0.02, "short": 0.01}
        refused(lambda: client.set_position_mode(False, BTC), ccxt.BaseError)
        client.create_order(BTC, "market", "sell", 0.02, None, {"positionIdx": 1, "reduceOnly": True})
        client.create_order(BTC, "market", "buy", 0.01, None, {"positionIdx": 2, "reduceOnly": True})
        client.set_position_mode(False, BTC)
        assert contracts_of(client) == 0


def added_margin(stand: Stand) -> None:
    with trading(stand.demo) as client:
        client.create_order(BTC, "market", "buy", 0.02)
        before = client.fetch_position(BTC)
        what = {"category": "linear", "symbol": "BTCUSDT", "positionIdx": 0}
        client.private_post_v5_position_add_margin(what | {"margin": "50"})
        after = client.fetch_position(BTC)
        assert after["liquidationPrice"] < before["liquidationPrice"]
        client.private_post_v5_position_add_margin(what | {"margin": "-50"})
        assert client.fetch_position(BTC)["liquidationPrice"] == before["liquidationPrice"]


CHECKS: Checks = {
    "leverage": leverage,
    "margin mode": margin_mode,
    "position mode: hedge": hedge,
    "added margin": added_margin,
}
