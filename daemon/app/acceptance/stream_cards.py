"""Cards about the private stream: what a reconnect loses, and whether execution.fast exists."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from adapters.bybit.signing import auth_frame
from daemon.app.acceptance.card import Notes, Spec
from daemon.app.acceptance.desk import Desk
from daemon.app.acceptance.order_cards import place_resting
from daemon.core.account_events import OrderSeen
from daemon.core.units import NS_PER_MS

ANSWER_S = 8.0
SILENCE_S = 1.0
FAST = "execution.fast"


async def play_reconnect(desk: Desk, notes: Notes) -> None:
    """What was missed while the stream was down is not sent again, and the queries have it."""
    link, _, taken = await place_resting(desk, notes)
    if not taken:
        return
    await desk.disconnect()
    notes.expect_code("order/cancel while the stream is down", await desk.cancel(link), 0)
    began = desk.monotonic()
    took = await desk.connect()
    notes.see("connected, authenticated and subscribed again", ms=took)
    if not notes.expect(took >= 0, "the stream did not come up again"):
        return
    await asyncio.sleep(SILENCE_S)
    repeated = [
        one for one in desk.heard if one.at >= began and isinstance(one.fact, OrderSeen) and one.fact.link_id == link
    ]
    notes.see("pushes about what was missed", pushes=len(repeated))
    notes.expect(not repeated, "the venue sent what was missed: no such thing is documented")
    row = await desk.order(link)
    status = "not found" if row is None else row.status
    notes.expect(status == "Cancelled", f"order/realtime by id shows the missed cancel as {status}")


async def play_fast(desk: Desk, notes: Notes) -> None:
    """Whether the topic can be subscribed to."""
    try:
        async with connect(desk.grounds.host.private, open_timeout=ANSWER_S, proxy=None) as socket:
            frame = auth_frame(desk.credentials, expires_ms=desk.venue_now // NS_PER_MS + 10_000)
            await socket.send(frame.decode())
            answer = await _answer(socket, "auth")
            if not notes.expect(
                answer.get("success") is True, f"auth: {answer.get('ret_msg') or answer.get('retMsg')}"
            ):
                return
            await socket.send(msgspec.json.encode({"op": "subscribe", "req_id": "1", "args": [FAST]}).decode())
            answer = await _answer(socket, "subscribe")
    except (OSError, TimeoutError, WebSocketException) as error:
        notes.cannot_tell(f"{type(error).__name__} on the private socket")
        return
    success, text = bool(answer.get("success")), str(answer.get("ret_msg", ""))
    notes.see(f"subscribe {FAST}", success=success, ret_msg=text)
    notes.record(f"{FAST} is {'taken' if success else 'refused'}: {text or 'no text'}")


async def _answer(socket: ClientConnection, op: str) -> dict[str, Any]:
    async with asyncio.timeout(ANSWER_S):
        while True:
            found = msgspec.json.decode(await socket.recv())
            if isinstance(found, dict) and found.get("op") == op:
                return found


RECONNECT = Spec(
    name="reconnect",
    title="The private stream, lost and found",
    does="closes the stream, cancels an order meanwhile, connects again",
    expects="nothing is sent again; order/realtime by id shows the cancel",
    play=play_reconnect,
)
FAST_EXECUTIONS = Spec(
    name="fast_executions",
    title="execution.fast",
    does="subscribes to it on a connection of its own",
    expects="nothing: the answer is recorded",
    settles="whether execution.fast works on the demo service",
    play=play_fast,
)
