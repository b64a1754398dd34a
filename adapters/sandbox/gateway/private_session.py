"""The private socket's conversation: auth, subscriptions, pings; and the pushes of an account. No I/O.

Source: Bybit v5 docs, "Connect" and "WebSocket Stream / Private", and answers seen from the exchange:

    {"op":"auth","args":["key",1795193978065,"8e2d5d50..."]}
    {"success":true,"ret_msg":"","op":"auth","conn_id":"..."}
    {"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey","connId":"..."}
    {"op":"subscribe","req_id":6,"args":["order"]}
    {"success":true,"ret_msg":"","conn_id":"...","req_id":6,"op":"subscribe"}
    {"req_id":"","op":"pong","args":["1795193997077"],"conn_id":"..."}

Nothing is pushed before a subscription and nothing is sent again later. Where the documentation is silent: a refused
auth leaves the stream open; a subscribe with a bad topic, or with a plain topic beside its suffixed form, is refused as
a whole; `greeks` and `dcp.*` are accepted and say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.sandbox.gateway.messages import Ending, Instant, json_of
from adapters.sandbox.gateway.outbox import Outgoing
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.stream import Course, Frame, OnAuth, Stream
from adapters.sandbox.refused import Refused

PATH = "/v5/private"
SUFFIXES = ("linear", "inverse", "option", "spot")
SUFFIXED = ("order", "execution", "execution.fast", "position")
FAST_FIELDS = (
    *("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "orderLinkId", "side", "execTime"),
    "seq",
)


class PrivateSession:
    """One client's private stream.

    Args:
        stream: the connection.
        services: rules, truth, what the environment offers.
        on_auth: told when somebody has proved to own an account.
    """

    def __init__(self, stream: Stream, services: Services, on_auth: OnAuth) -> None:
        self.topics: dict[str, None] = {}
        self.stream = stream
        self._services = services
        self._on_auth = on_auth

    @property
    def conn_id(self) -> str:
        """How the connection is named."""
        return self.stream.conn

    @property
    def uid(self) -> str:
        """Whose stream this is; empty before auth."""
        return self.stream.uid

    @property
    def ending(self) -> Ending | None:
        """How the stream ends; None while it goes on. What was taken before still goes out."""
        return self.stream.outbox.ending

    @property
    def due_ms(self) -> int | None:
        """Real time at which the next text is due; None when nothing waits."""
        return self.stream.outbox.due_ms

    def handle(self, text: str | bytes, now_ms: int, real_ms: int | None = None) -> list[bytes]:
        """Take one text frame of the client; returns what is to be sent now.

        Args:
            text: the frame.
            now_ms: market time, milliseconds UTC.
            real_ms: real time in milliseconds; the same clock when left out.
        """
        now = Instant(now_ms, now_ms if real_ms is None else real_ms)
        if not self.stream.outbox.deaf:
            self._understand(text, now)
        return self.take_pushes(now.real_ms)

    def take_pushes(self, real_ms: int) -> list[bytes]:
        """Texts that are due by real time, in order."""
        return self.stream.outbox.take(real_ms)

    def push(self, topic: str, items: Sequence[dict[str, object]], number: int, now: Instant) -> None:
        """Send a message of an account's topic to whoever subscribed it, in each form that was subscribed."""
        for name in _names(topic, self.topics):
            content: dict[str, object] = {"topic": name, "creationTime": self._services.server_ms(now.market_ms)}
            chosen: Sequence[dict[str, object]] = items
            if name.startswith("execution.fast"):
                chosen = [_fast(item) for item in items if item.get("execType") == "Trade"]
            else:
                content = {"id": f"sandbox-{self.uid}-{number}", **content}
            if chosen:
                self.stream.outbox.post(
                    Outgoing(number=number, topic=name, uid=self.uid, content=content | {"data": chosen}, items=chosen),
                    now,
                )

    def _understand(self, text: str | bytes, now: Instant) -> None:
        frame, refusal = Frame(), ""
        try:
            frame = self.stream.read(text)
        except Refused as refused:
            refusal = refused.message
        course = self.stream.course(frame.op, now)
        answer = self._refuse(frame, refusal) if refusal else self._answer(frame, course, now)
        if not course.swallow:
            self.stream.outbox.answer(json_of(answer), now, course.delay_ms)
        if course.close is not None:
            self.stream.outbox.end(course.close, now)

    def _answer(self, frame: Frame, course: Course, now: Instant) -> dict[str, object]:
        match frame.op:
            case "ping":
                stamp = str(self._services.server_ms(now.market_ms))
                return {"req_id": _id(frame), "op": "pong", "args": [stamp], "conn_id": self.conn_id}
            case "auth":
                return self._auth(frame, course, now)
            case "subscribe" | "unsubscribe":
                if course.refuse is not None:
                    return self._refuse(frame, f"error:refused,code:{course.refuse}")
                if not self.uid:
                    return self._refuse(frame, "Request not authorized")
                return self._subscribe(frame, course) if frame.op == "subscribe" else self._unsubscribe(frame, course)
        return self._refuse(frame, f"error:unknown op,op:{frame.op}")

    def _auth(self, frame: Frame, course: Course, now: Instant) -> dict[str, object]:
        known: dict[str, object] = {} if frame.req_id is None else {"req_id": frame.req_id}
        try:
            self.stream.authenticate(frame, course, now)
        except Refused as refused:
            self.stream.note("auth refused", code=refused.code)
            words = {"op": "auth", "success": False, "retCode": refused.code, "retMsg": refused.message}
            return words | {"connId": self.conn_id} | known
        if self.uid:
            self._on_auth(now)
        self.stream.note("auth", uid=self.uid)
        return {"success": True, "ret_msg": "", "op": "auth", "conn_id": self.conn_id} | known

    def _subscribe(self, frame: Frame, course: Course) -> dict[str, object]:
        topics = dict.fromkeys(map(str, frame.args))
        if not topics:
            return self._refuse(frame, "error:args is empty")
        for topic in topics:
            if (reason := _refusal(topic, topics, self._services.offer.topics)) or topic in self.topics:
                return self._refuse(frame, reason or f"error:already subscribed,topic:{topic}")
        if course.effect:
            self.topics |= topics
            self.stream.note("subscribe", topics=list(topics))
        return self._accept(frame)

    def _unsubscribe(self, frame: Frame, course: Course) -> dict[str, object]:
        if course.effect:
            for topic in map(str, frame.args):
                self.topics.pop(topic, None)
        return self._accept(frame)

    def _accept(self, frame: Frame) -> dict[str, object]:
        return {"success": True, "ret_msg": "", "conn_id": self.conn_id, "req_id": _id(frame), "op": frame.op}

    def _refuse(self, frame: Frame, reason: str) -> dict[str, object]:
        return {"success": False, "ret_msg": reason, "conn_id": self.conn_id, "req_id": _id(frame), "op": frame.op}


def _id(frame: Frame) -> str | int:
    return "" if frame.req_id is None else frame.req_id


def _plain(topic: str) -> str:
    """The form of a topic without its category."""
    stem, _, suffix = topic.rpartition(".")
    return stem if stem in SUFFIXED and suffix in SUFFIXES else topic


def _refusal(topic: str, asked: Collection[str], offered: Collection[str]) -> str:
    plain = _plain(topic)
    if plain not in offered:
        return f"error:handler not found,topic:{topic}"
    if topic != plain and plain in asked:
        return f"error:topics conflict,topic:{topic}"
    return ""


def _names(topic: str, subscribed: Collection[str]) -> list[str]:
    """Under which names a message of a linear account goes out."""
    forms = [topic, f"{topic}.linear"]
    if topic == "execution":
        forms += ["execution.fast", "execution.fast.linear"]
    return [name for name in forms if name in subscribed]


def _fast(item: dict[str, object]) -> dict[str, object]:
    """An execution as the fast topic has it: few fields, and no orderLinkId for makers."""
    short = {name: item[name] for name in FAST_FIELDS if name in item}
    return short | {"orderLinkId": ""} if item.get("isMaker") else short
