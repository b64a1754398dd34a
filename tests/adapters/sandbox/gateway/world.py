"""A gateway with a market that the test steps, and clients that sign by a code of their own."""

from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import urlencode

from adapters.sandbox.clock import Speed
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest, Lost
from adapters.sandbox.gateway.plan import Plan
from adapters.sandbox.gateway.private_session import PrivateSession
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.gateway.trade_session import TradeSession
from adapters.sandbox.synthetic_market import demo_market
from daemon.config import decode

Message = dict[str, Any]
KEY, SECRET, UID = "sandbox-key-1", "sandbox-secret-1", "100001"
CREATE, CANCEL, REALTIME = "/v5/order/create", "/v5/order/cancel", "/v5/order/realtime"
TOPICS = ("order", "execution", "position", "wallet")


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def signed_headers(payload: str, at_ms: int, *, key: str = KEY, secret: str = SECRET) -> dict[str, str]:
    return {
        "X-BAPI-API-KEY": key,
        "X-BAPI-TIMESTAMP": str(at_ms),
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": signature(secret, f"{at_ms}{key}5000{payload}"),
        "X-BAPI-SIGN-TYPE": "2",
    }


def auth_frame(at_ms: int, *, key: str = KEY, secret: str = SECRET, **more: object) -> str:
    expires = at_ms + 1000
    return json.dumps({"op": "auth", "args": [key, expires, signature(secret, f"GET/realtime{expires}")]} | more)


def market_order(link_id: str, qty: str = "0.01", **more: object) -> Message:
    return order(link_id, orderType="Market", qty=qty, **more)


def limit_order(link_id: str, price: str = "80000", **more: object) -> Message:
    return order(link_id, orderType="Limit", price=price, **more)


def order(link_id: str, **more: object) -> Message:
    body = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.01", "orderLinkId": link_id}
    return body | more


def plan_of(**tables: object) -> Plan:
    """A plan as a file would say it."""
    return decode(tables, Plan, name="plan.toml")


class World:
    """Everything in one process, on one clock: real time is market time unless the test says otherwise."""

    def __init__(self, plan: Plan | None = None, *, speed: Speed = 1.0, minutes: int = 30, **settings: Any) -> None:
        self.market = demo_market(["BTCUSDT"], minutes=minutes)
        self.gateway = Gateway(self.market, GatewaySettings(plan=plan or Plan(), **settings), speed=speed)
        self.now = self.market.start_ms
        self._streams = 0
        self.step()

    def step(self, steps: int = 1) -> None:
        """Play steps of the market, five seconds each."""
        for _ in range(steps):
            due = self.market.next_ms
            assert due is not None
            for topic, payload in self.market.advance(self.gateway.topics):
                self.gateway.on_frame(topic, payload, due)
            self.pass_to(due)

    def pass_to(self, now: int) -> None:
        self.now = now
        self.gateway.advance(now)

    def ask(
        self, method: str, path: str, what: Message | None = None, *, key: str = KEY, secret: str = SECRET
    ) -> HttpAnswer | Lost:
        query = urlencode(what or {}) if method == "GET" else ""
        body = "" if method == "GET" else json.dumps(what or {})
        headers = signed_headers(query or body, self.now, key=key, secret=secret)
        request = HttpRequest(method=method, path=path, raw_query=query, headers=headers, body=body.encode())
        return self.gateway.handle(request, self.now)

    def answer(self, method: str, path: str, what: Message | None = None, **keys: str) -> Message:
        answered = self.ask(method, path, what, **keys)
        assert isinstance(answered, HttpAnswer), answered
        decoded: Message = json.loads(answered.body)
        return decoded

    def post(self, path: str, body: Message, **keys: str) -> Message:
        return self.answer("POST", path, body, **keys)

    def get(self, path: str, **query: object) -> Message:
        return self.answer("GET", path, {"category": "linear"} | query)

    def rows(self, path: str, **query: object) -> list[Message]:
        rows: list[Message] = self.get(path, **query)["result"]["list"]
        return rows

    def private(self, *topics: str, key: str = KEY, secret: str = SECRET) -> PrivateSession:
        """A private stream that is authenticated and has subscribed."""
        self._streams += 1
        session = self.gateway.open_private(f"c{self._streams}")
        assert self.say(session, auth_frame(self.now, key=key, secret=secret))[0]["success"] is True
        if topics:
            said = self.say(session, json.dumps({"op": "subscribe", "req_id": "s", "args": topics}))
            assert said[0]["success"] is True, said
        return session

    def trade(self) -> TradeSession:
        session = self.gateway.open_trade("t1")
        assert self.say(session, auth_frame(self.now))[0]["retCode"] == 0
        return session

    def say(self, session: PrivateSession | TradeSession, text: str) -> list[Message]:
        return [json.loads(one) for one in session.handle(text, self.now)]

    def heard(self, session: PrivateSession | TradeSession, later_ms: int = 0) -> list[Message]:
        return [json.loads(one) for one in session.take_pushes(self.now + later_ms)]

    def truth(self, *what: str) -> list[Message]:
        return self.gateway.truth.of(*what)
