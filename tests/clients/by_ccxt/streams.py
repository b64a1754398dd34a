"""ccxt.pro over the public and the private socket."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import ccxt
import ccxt.pro

from tests.clients.board import Checks, rising
from tests.clients.by_ccxt.connect import BTC, ETH, Client, point, signed
from tests.clients.stand import Sandbox, Stand

PATIENCE_S = 20.0
SETTLE_S = 0.5
SOL = "SOL/USDT:USDT"
"""An order of this one makes the sandbox cut the stream."""
Script = Callable[[Client], Coroutine[Any, Any, None]]


def streaming(sandbox: Sandbox, script: Script, account: str = "ccxt-stream", **config: Any) -> None:
    """Let a script work with a client of ccxt.pro, and leave the account without orders and positions."""
    asyncio.run(_streaming(sandbox, script, account, config))


async def _streaming(sandbox: Sandbox, script: Script, account: str, config: dict[str, Any]) -> None:
    client = point(ccxt.pro.bybit(signed(sandbox, account) | config), sandbox)
    try:
        client.options["fetchMarkets"] = {"types": ["linear"]}
        await client.load_markets()
        await script(client)
        if account and not config:
            await client.cancel_all_orders(None, {"settleCoin": "USDT"})
            for held in await client.fetch_positions():
                side = "sell" if held["side"] == "long" else "buy"
                await client.create_order(held["symbol"], "market", side, held["contracts"], None, {"reduceOnly": True})
    finally:
        await client.close()


async def until(watch: Callable[[], Coroutine[Any, Any, Any]], good: Callable[[Any], bool], what: str) -> Any:
    """Watch until something good is seen."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = await watch()
                if good(seen):
                    return seen
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain until {what}") from None


async def while_watching(
    watch: Callable[[], Coroutine[Any, Any, Any]], good: Callable[[Any], bool], act: Script, client: Client
) -> Any:
    """Subscribe, act once the subscription stands, and watch until something good is seen."""
    watching = asyncio.create_task(until(watch, good, f"{watch.__name__} tells"))
    await asyncio.sleep(SETTLE_S)
    await act(client)
    return await watching


def order_book(stand: Stand) -> None:
    async def script(client: Client) -> None:
        for symbol, depth in ((BTC, 50), (ETH, 1)):
            for _ in range(20):
                book = await client.watch_order_book(symbol, depth)
                bids, asks = ([price for price, _ in book[side]] for side in ("bids", "asks"))
                assert bids[0] < asks[0]
                assert rising(reversed(bids))
                assert rising(asks)
                assert len(bids) <= depth
        tops = await client.watch_bids_asks([BTC])
        assert tops[BTC]["bid"] < tops[BTC]["ask"]

    streaming(stand.demo, script, "")


def trades(stand: Stand) -> None:
    async def script(client: Client) -> None:
        seen = [await client.watch_trades(BTC) for _ in range(5)]
        assert all(trade["price"] > 0 and trade["side"] in {"buy", "sell"} for each in seen for trade in each)

    streaming(stand.demo, script, "")


def tickers(stand: Stand) -> None:
    async def script(client: Client) -> None:
        for _ in range(10):
            ticker = await client.watch_ticker(BTC)
            assert ticker["bid"] < ticker["ask"]
            assert ticker["markPrice"] > 0
        both = await client.watch_tickers([BTC, ETH])
        assert set(both) <= {BTC, ETH}

    streaming(stand.demo, script, "")


def klines(stand: Stand) -> None:
    async def script(client: Client) -> None:
        async def watch() -> Any:
            return await client.watch_ohlcv(BTC, "1m")

        starts: list[int] = []
        while len(starts) < 3:
            bars = await until(watch, bool, "a bar is told")
            if bars[-1][0] not in starts:
                starts.append(bars[-1][0])
        assert [after - before for before, after in itertools.pairwise(starts)] == [60_000, 60_000]

    streaming(stand.demo, script, "")


def orders(stand: Stand) -> None:
    async def script(client: Client) -> None:
        seen: dict[str, list[str]] = {}

        async def watch_orders() -> Any:
            for order in await client.watch_orders(BTC):
                seen.setdefault(order["id"], []).append(order["status"])
            return seen

        made: dict[str, str] = {}

        async def act(client: Client) -> None:
            price = (await client.fetch_ticker(BTC))["last"]
            resting = await client.create_order(BTC, "limit", "buy", 0.01, round(price * 0.9, 1))
            await client.edit_order(resting["id"], BTC, "limit", "buy", 0.02, round(price * 0.89, 1))
            await client.cancel_order(resting["id"], BTC)
            made["resting"] = resting["id"]
            made["filled"] = (await client.create_order(BTC, "market", "buy", 0.01))["id"]

        def done(_: Any) -> bool:
            return "filled" in made and seen.get(made["filled"], [""])[-1] == "closed"

        await while_watching(watch_orders, done, act, client)
        assert seen[made["resting"]][-1] == "canceled"
        assert seen[made["resting"]][0] == "open"

    streaming(stand.demo, script)


def executions(stand: Stand) -> None:
    async def script(client: Client) -> None:
        made: dict[str, str] = {}

        async def watch_my_trades() -> Any:
            return await client.watch_my_trades(BTC)

        async def act(client: Client) -> None:
            made["id"] = (await client.create_order(BTC, "market", "buy", 0.01))["id"]

        told = await while_watching(
            watch_my_trades, lambda seen: any(each["order"] == made.get("id") for each in seen), act, client
        )
        mine = [each for each in told if each["order"] == made["id"]]
        queried = await client.fetch_order_trades(made["id"], BTC)
        assert {each["id"] for each in mine} <= {each["id"] for each in queried}
        assert mine[0]["fee"]["cost"] > 0
        assert mine[0]["takerOrMaker"] == "taker"

    streaming(stand.demo, script)


def positions(stand: Stand) -> None:
    async def script(client: Client) -> None:
        async def watch_positions() -> Any:
            return await client.watch_positions([BTC])

        async def act(client: Client) -> None:
            await client.create_order(BTC, "market", "buy", 0.03)

        def good(seen: Any) -> bool:
            return any(each["side"] == "long" and each["contracts"] == 0.03 for each in seen)

        await while_watching(watch_positions, good, act, client)

    streaming(stand.demo, script)


def wallet(stand: Stand) -> None:
    async def script(client: Client) -> None:
        before = (await client.fetch_balance())["USDT"]["total"]

        async def watch_balance() -> Any:
            return await client.watch_balance()

        async def act(client: Client) -> None:
            await client.create_order(BTC, "market", "buy", 0.03)

        told = await while_watching(watch_balance, lambda seen: seen["USDT"]["total"] != before, act, client)
        assert abs(told["USDT"]["total"] - before) < 50

    streaming(stand.demo, script)


def wrong_key(stand: Stand) -> None:
    async def script(client: Client) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await client.watch_orders(BTC)
        except ccxt.AuthenticationError:
            return
        raise AssertionError("a wrong secret was let in")

    streaming(stand.demo, script, secret="wrong")


def reconnect(stand: Stand) -> None:
    """The connection is cut under the client: it connects and subscribes anew, and hears what comes then."""

    async def script(client: Client) -> None:
        made: list[str] = []

        async def watch_orders() -> Any:
            return await client.watch_orders(BTC)

        async def act(client: Client) -> None:
            made.append((await client.create_order(BTC, "market", "buy", 0.01))["id"])

        def good(seen: Any) -> bool:
            return bool(made) and any(each["id"] == made[-1] for each in seen)

        await while_watching(watch_orders, good, act, client)
        made.clear()
        lost = asyncio.create_task(watch_orders())
        price = (await client.fetch_ticker(SOL))["last"]
        await client.create_order(SOL, "limit", "buy", 1, round(price * 0.9, 2))
        try:
            await asyncio.wait_for(lost, PATIENCE_S)
        except ccxt.NetworkError:  # this is how ccxt says that the connection was lost
            await while_watching(watch_orders, good, act, client)
        else:
            raise AssertionError("the connection was not cut")

    streaming(stand.demo, script)


CHECKS: Checks = {
    "stream: order book": order_book,
    "stream: trades": trades,
    "stream: tickers": tickers,
    "stream: klines": klines,
    "stream: orders": orders,
    "stream: executions": executions,
    "stream: positions": positions,
    "stream: wallet": wallet,
    "stream: wrong key": wrong_key,
    "stream: reconnect": reconnect,
}
