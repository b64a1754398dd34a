"""The public socket's conversation: what a client sends, what it is answered. No I/O, no waiting.

Source: Bybit v5 docs, "Connect", and answers seen from the exchange. Where neither says:
- a subscribe with one bad topic is refused as a whole, and so is one with a topic that is already subscribed;
- text that is not a request, or an unknown `op`, is answered with `success:false` and the connection stays.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec
from msgspec import Struct

ARGS_CHARS_MAX = 21_000


class ClientRequest(Struct):
    """A client's text frame; `req_id` comes as a number from ccxt and as text from pybit, and is echoed as it came."""

    op: str = ""
    req_id: str | int | None = None
    args: list[object] = []


class Outcome(Struct, frozen=True):
    """What to send back, and which topics begin and end with it."""

    answer: bytes
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Session:
    """One connection's subscriptions.

    Args:
        conn_id: how the connection is named in answers.
        offered: every topic that can be subscribed.
    """

    def __init__(self, conn_id: str, offered: Container[str]) -> None:
        self.conn_id = conn_id
        self.topics: dict[str, None] = {}
        self._offered = offered

    def handle(self, text: str | bytes) -> Outcome:
        """Answer one text frame and note what it changes."""
        try:
            request = msgspec.json.decode(text, type=ClientRequest)
        except (msgspec.DecodeError, UnicodeError) as error:
            return self._refuse(ClientRequest(), f"error:invalid request:{error}")
        match request.op:
            case "ping":
                return Outcome(self._answer(request, "pong"))
            case "subscribe":
                return self._subscribe(request)
            case "unsubscribe":
                return self._unsubscribe(request)
        return self._refuse(request, f"error:unknown op,op:{request.op}")

    def _subscribe(self, request: ClientRequest) -> Outcome:
        topics = dict.fromkeys(map(str, request.args))
        for topic in topics:
            if topic not in self._offered:
                return self._refuse(request, f"error:handler not found,topic:{topic}")
            if topic in self.topics:
                return self._refuse(request, f"error:already subscribed,topic:{topic}")
        if not topics:
            return self._refuse(request, "error:args is empty")
        if sum(len(topic) for topic in (*self.topics, *topics)) > ARGS_CHARS_MAX:
            return self._refuse(request, f"error:args longer than {ARGS_CHARS_MAX} characters")
        self.topics |= topics
        return Outcome(self._answer(request), added=tuple(topics))

    def _unsubscribe(self, request: ClientRequest) -> Outcome:
        removed = tuple(topic for topic in dict.fromkeys(map(str, request.args)) if topic in self.topics)
        for topic in removed:
            del self.topics[topic]
        return Outcome(self._answer(request), removed=removed)

    def _refuse(self, request: ClientRequest, reason: str) -> Outcome:
        return Outcome(self._answer(request, reason, success=False))

    def _answer(self, request: ClientRequest, message: str = "", *, success: bool = True) -> bytes:
        req_id = "" if request.req_id is None else request.req_id
        return msgspec.json.encode(
            {"success": success, "ret_msg": message, "conn_id": self.conn_id, "req_id": req_id, "op": request.op}
        )
