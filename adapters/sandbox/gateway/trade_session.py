"""The order socket's conversation (`/v5/trade`): auth, then orders as frames. No I/O.

Source: Bybit v5 docs, "WebSocket Trade". A request and its answer, as seen:

    {"op":"order.create","reqId":"9","args":[{"symbol":"BTCUSDT",...}],"header":{"X-BAPI-TIMESTAMP":"1795194002494"}}
    {"reqId":"9","retCode":0,"retMsg":"OK","op":"order.create","data":{"orderId":"o9","orderLinkId":""},
     "retExtInfo":{},"header":{"X-Bapi-Limit":"10",...},"connId":"..."}

An answer that the plan loses is not sent; with "reset" the connection is cut.
"""

from __future__ import annotations

from adapters.sandbox.gateway.front import Call, Front, Outcome
from adapters.sandbox.gateway.messages import Ending, Instant, json_of
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.stream import Course, Frame, OnAuth, Stream
from adapters.sandbox.refused import Refused

PATH = "/v5/trade"
ROUTES = {
    f"order.{verb}{batch}": f"/v5/order/{verb}{batch}"
    for verb in ("create", "amend", "cancel")
    for batch in ("", "-batch")
}
AUTHED_ALREADY, DOUBLE_ID, NO_ROUTE, NO_AUTH = 20001, 20006, 10404, 10003
ID_CHARS_MAX = 36


class TradeSession:
    """One client's order stream.

    Args:
        stream: the connection.
        services: rules, truth, keys.
        front: carries requests out.
        on_auth: told when somebody has proved to own an account, and before each order.
    """

    def __init__(self, stream: Stream, services: Services, front: Front, on_auth: OnAuth) -> None:
        self.stream = stream
        self._services = services
        self._front = front
        self._on_auth = on_auth
        self._seen: set[str] = set()

    @property
    def ending(self) -> Ending | None:
        """How the stream ends; None while it goes on."""
        return self.stream.outbox.ending

    @property
    def due_ms(self) -> int | None:
        """Real time at which the next text is due; None when nothing waits."""
        return self.stream.outbox.due_ms

    def handle(self, text: str | bytes, now_ms: int, real_ms: int | None = None) -> list[bytes]:
        """Take one text frame of the client; returns what is to be sent now. Times as of a private session."""
        now = Instant(now_ms, now_ms if real_ms is None else real_ms)
        if not self.stream.outbox.deaf:
            self._understand(text, now)
        return self.take_pushes(now.real_ms)

    def take_pushes(self, real_ms: int) -> list[bytes]:
        """Answers that are due by real time, in order."""
        return self.stream.outbox.take(real_ms)

    def _understand(self, text: str | bytes, now: Instant) -> None:
        try:
            frame = self.stream.read(text)
        except Refused as refused:
            self.stream.outbox.answer(json_of(self._words(Frame(), refused.code, refused.message)), now)
            return
        course = self.stream.course(frame.op, now)
        if frame.op in ROUTES:
            self._order(frame, course, now)
        elif not course.swallow:
            self.stream.outbox.answer(json_of(self._answer(frame, course, now)), now, course.delay_ms)
        if course.close is not None:
            self.stream.outbox.end(course.close, now)

    def _answer(self, frame: Frame, course: Course, now: Instant) -> dict[str, object]:
        if frame.op == "ping":
            stamp = str(self._services.server_ms(now.market_ms))
            return {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [stamp], "connId": self.stream.conn} | (
                {} if frame.req_id is None else {"req_id": frame.req_id}
            )
        if frame.op == "auth":
            return self._auth(frame, course, now)
        return self._words(frame, NO_ROUTE, f"op {frame.op} is not found")

    def _auth(self, frame: Frame, course: Course, now: Instant) -> dict[str, object]:
        if self.stream.uid:
            return self._words(frame, AUTHED_ALREADY, "Repeat auth")
        try:
            self.stream.authenticate(frame, course, now)
        except Refused as refused:
            self.stream.note("auth refused", code=refused.code)
            return self._words(frame, refused.code, refused.message)
        self.stream.note("auth", uid=self.stream.uid)
        return self._words(frame, 0, "OK")

    def _order(self, frame: Frame, course: Course, now: Instant) -> None:
        try:
            outcome = self._perform(frame, course, now)
        except Refused as refused:
            outcome = Outcome(code=refused.code, message=refused.message)
        if outcome.lost is not None:
            if outcome.lost.how == "reset":
                self.stream.outbox.end(0, now)
            return
        if course.swallow:
            return
        text = outcome.body.encode() if outcome.body is not None else json_of(self._told(frame, outcome, now))
        self.stream.outbox.answer(text, now, course.delay_ms + outcome.delay_ms)

    def _perform(self, frame: Frame, course: Course, now: Instant) -> Outcome:
        if course.refuse is not None:
            raise Refused(course.refuse, "refused")
        if not self.stream.uid:
            raise Refused(NO_AUTH, "Request not authorized")
        self._check_id(frame)
        stamp = str(frame.header.get("X-BAPI-TIMESTAMP", ""))
        window = str(frame.header.get("X-BAPI-RECV-WINDOW", ""))
        lines = frame.args[0] if frame.args and isinstance(frame.args[0], dict) else {}
        call = Call(
            via="trade",
            method="POST",
            path=ROUTES[frame.op],
            lines=lines,
            account=self.stream.account,
            key=self.stream.key,
            signed_ts=stamp,
        )
        try:
            services = self._services
            clocks = services.server_ms(now.market_ms), services.wall_ms(now.market_ms)
            services.verifier.in_time(stamp, window, *clocks)
        except Refused as refused:
            return self._front.refused(call, refused)
        self._on_auth(now)
        return self._front.perform(call, now)

    def _check_id(self, frame: Frame) -> None:
        if frame.reqId is None:
            return
        name = str(frame.reqId)
        if name in self._seen or len(name) > ID_CHARS_MAX:
            raise Refused(DOUBLE_ID, "reqId is duplicated or too long")
        self._seen.add(name)

    def _told(self, frame: Frame, outcome: Outcome, now: Instant) -> dict[str, object]:
        services, allowance = self._services, outcome.allowance
        server_ms = services.server_ms(now.market_ms)
        signed = str(frame.header.get("X-BAPI-TIMESTAMP", ""))
        reset_ms = services.reset_ms(allowance.reset_in_ms, signed, now.market_ms)
        words = self._words(frame, outcome.code, outcome.message)
        return words | {
            "data": outcome.result,
            "retExtInfo": outcome.ext,
            "header": {
                "Traceid": f"{self.stream.conn}-{len(self._seen)}",
                "Timenow": str(server_ms),
                "X-Bapi-Limit": str(allowance.limit),
                "X-Bapi-Limit-Status": str(allowance.left),
                "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
            },
        }

    def _words(self, frame: Frame, code: int | str, message: str) -> dict[str, object]:
        known: dict[str, object] = {} if frame.reqId is None else {"reqId": frame.reqId}
        return known | {"retCode": code, "retMsg": message, "op": frame.op, "connId": self.stream.conn}
