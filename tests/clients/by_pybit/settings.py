"""Settings of an account: leverage, margin mode, position mode, margin of a position."""

from __future__ import annotations

from tests.clients.board import Checks
from tests.clients.by_pybit.connect import LINEAR, OF_BTC, code_of, connect, held, market, position, trading
from tests.clients.stand import Stand


def leverage(stand: Stand) -> None:
    with trading(stand.demo) as session:
        wanted = "7" if position(session)["leverage"] != "7" else "10"
        session.set_leverage(**OF_BTC, buyLeverage=wanted, sellLeverage=wanted)
        assert position(session)["leverage"] == wanted
        again = {"buyLeverage": wanted, "sellLeverage": wanted}
        assert code_of(lambda: session.set_leverage(**OF_BTC, **again)) == 110043
        session.set_leverage(**OF_BTC, buyLeverage="10", sellLeverage="10")


def margin_mode(stand: Stand) -> None:
    session = connect(stand.demo, "pybit-hedge")
    for mode in ("REGULAR_MARGIN", "ISOLATED_MARGIN"):
        session.set_margin_mode(setMarginMode=mode)
        assert session.get_account_info()["result"]["marginMode"] == mode


def hedge(stand: Stand) -> None:
    with trading(stand.demo, "pybit-hedge") as session:
        session.switch_position_mode(**OF_BTC, mode=3)
        assert code_of(lambda: session.switch_position_mode(**OF_BTC, mode=3)) == 110025
        market(session, "Buy", "0.02", positionIdx=1)
        market(session, "Sell", "0.01", positionIdx=2)
        assert [(position(session, idx)["side"], float(position(session, idx)["size"])) for idx in (1, 2)] == [
            ("Buy", 0.02),
            ("Sell", 0.01),
        ]
        assert code_of(lambda: session.switch_position_mode(**OF_BTC, mode=0)) == 110024
        market(session, "Sell", "0.02", positionIdx=1, reduceOnly=True)
        market(session, "Buy", "0.01", positionIdx=2, reduceOnly=True)
        session.switch_position_mode(**LINEAR, coin="USDT", mode=0)
        assert held(session) == 0


def added_margin(stand: Stand) -> None:
    with trading(stand.demo) as session:
        market(session, "Buy", "0.02")
        before = float(position(session)["liqPrice"])
        answered = session.add_or_reduce_margin(**OF_BTC, margin="50", positionIdx=0)["result"]
        assert float(answered["liqPrice"]) == float(position(session)["liqPrice"]) < before
        session.set_auto_add_margin(**OF_BTC, autoAddMargin=1, positionIdx=0)
        assert position(session)["autoAddMargin"] == 1
        session.set_auto_add_margin(**OF_BTC, autoAddMargin=0, positionIdx=0)


CHECKS: Checks = {
    "leverage": leverage,
    "margin mode": margin_mode,
    "position mode: hedge": hedge,
    "added margin": added_margin,
}
