"""The other end of the live rows, in a process of its own: sends frames at a steady pace over a real socket.

`python -m benchmarks.sender RATE SECONDS` prints its address, waits for a subscription and sends trades and tickers in
turns. Each frame's `cs` is the time of sending in nanoseconds UTC.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from threading import Thread

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

SYMBOL = "BTCUSDT"
TOPICS = (f"publicTrade.{SYMBOL}", f"tickers.{SYMBOL}")
NAP_S = 0.00005
SETTLE_S = 0.3

TRADE = (
    b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":%d,"data":[{"T":%d,"s":"BTCUSDT","S":"Buy","v":"0.020",'
    b'"p":"%d.90","L":"ZeroPlusTick","i":"2a74ac78-691c-5b54-9dbe-%012d","BT":false,"RPI":false,"seq":%d}],"cs":%d}'
)
TICKER = (
    b'{"topic":"tickers.BTCUSDT","type":"%b","data":{"symbol":"BTCUSDT","lastPrice":"109378.90","markPrice":"%d.51",'
    b'"indexPrice":"109395.13","openInterest":"52774.528","fundingRate":"0.0001","nextFundingTime":"1758844800000",'
    b'"bid1Price":"109378.80","bid1Size":"2.049","ask1Price":"109378.90","ask1Size":"15.328"},"ts":%d,"cs":%d}'
)


def make_frame(number: int, now: int) -> bytes:
    """Frame `number` of the stream, sent at `now` nanoseconds UTC: odd ones are trades, even ones tickers."""
    ms = now // 1_000_000
    price = 109_000 + number % 100
    if number % 2:
        return TRADE % (ms, ms, price, number, number, now)
    return TICKER % (b"snapshot" if number == 0 else b"delta", price, ms, now)


def send_paced(connection: ServerConnection, rate: int, seconds: float) -> None:
    """Send frames at their due times; a frame that is late is sent at once, and the later ones keep their times."""
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = started + number / rate
        while time.perf_counter() < due:
            time.sleep(NAP_S)
        connection.send(make_frame(number, time.time_ns()), text=True)


def main(rate: int, seconds: float) -> None:
    """Serve one client after the other until killed."""

    def talk(connection: ServerConnection) -> None:
        sending = Thread(target=_send, args=(connection, rate, seconds), daemon=True)
        with suppress(ConnectionClosed):
            for message in connection:
                request = msgspec.json.decode(message)
                connection.send(_answer(request), text=True)
                if request["op"] == "subscribe" and not sending.is_alive():
                    sending.start()

    with serve(talk, "127.0.0.1", 0, compression=None) as server:
        port = server.socket.getsockname()[1]
        print(f"ws://127.0.0.1:{port}", flush=True)
        server.serve_forever()


def _send(connection: ServerConnection, rate: int, seconds: float) -> None:
    with suppress(ConnectionClosed):
        time.sleep(SETTLE_S)
        send_paced(connection, rate, seconds)


def _answer(request: dict[str, object]) -> bytes:
    answer = {"success": True, "ret_msg": "", "conn_id": "sender", "req_id": request.get("req_id", "")}
    return msgspec.json.encode(answer | {"op": request["op"], "ret_msg": "pong" if request["op"] == "ping" else ""})


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
