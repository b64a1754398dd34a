"""The conversation on the private connection of an account, without its socket: see `session` for the manner.

Connect, authenticate, wait for the ack; subscribe to each topic, wait for every ack; only then is the stream up. The
venue sends no snapshot and nothing of what happened before: what was missed is asked for over REST.
Source: Bybit v5 docs, "WebSocket Stream > Connect" and "Private".
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from random import Random

import msgspec
from msgspec import Struct, field

from adapters.bybit.account_decoder import SOURCE_PREFIX
from adapters.bybit.backoff import Backoff
from adapters.bybit.pulse import Pulse
from adapters.bybit.settings import NEVER, FeedSettings
from daemon.core.events import Fact, Link
from daemon.core.units import NS_PER_MS, NS_PER_SECOND

TOPICS = ("order", "execution", "position", "wallet")
AUTH_REFUSED = "authentication refused"
AUTH_WAIT = 20 * NS_PER_SECOND


class _Stage(Enum):
    DOWN = "down"
    AUTHENTICATING = "authentication"
    SUBSCRIBING = "subscription"
    UP = "up"


class _Answer(Struct, frozen=True):
    """An answer of the venue, in the forms that private sockets give it.

    {"success":true,"ret_msg":"","op":"auth","conn_id":"cejreaspqfh3sjdnldmg-p"}
    {"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey","connId":"..."}
    {"success":true,"ret_msg":"","op":"subscribe","conn_id":"cejreaspqfh3sjdnldmg-p","req_id":"private.main-2"}
    {"req_id":"private.main-6","op":"pong","args":["1690884539181"],"conn_id":"cejreaspqfh3sjdnldmg-p"}
    """

    op: str | None = None
    topic: str | None = None
    success: bool | None = None
    req_id: str | None = None
    ret_msg: str | None = None
    ret_code: int | None = field(name="retCode", default=None)
    message: str | None = field(name="retMsg", default=None)

    @property
    def is_pong(self) -> bool:
        return self.op in {"ping", "pong"} or self.ret_msg == "pong"

    @property
    def accepted(self) -> bool:
        return self.success is True or (self.success is None and self.ret_code == 0)

    @property
    def reason(self) -> str:
        code = "" if self.ret_code is None else f"{self.ret_code} "
        return f"{code}{self.message or self.ret_msg or 'no reason given'}"[:120]


_decode_answer = msgspec.json.Decoder(_Answer).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class PrivateSession:
    """Implements `connection.Conversation`. Times are nanoseconds of our clock.

    - The stream is up, and told so once, when the authentication and each of the topics are acknowledged; each answer
      must come within `ack_ms`, or the connection is replaced.
    - A refused authentication ends the connection with a reason that begins with `AUTH_REFUSED`; it is tried again
      three times a minute at most, in case the key or the clock is mended.
    - A topic that is refused or never acknowledged replaces the connection: a stream with a hole is no stream.

    Args:
        account: whose stream it is; the connection is named `private.<account>`.
        authenticate: gives the frame that authenticates, valid from now for some seconds; asked when it is to be sent.
        settings: limits and intervals.
        jitter: chance for the back-off.
    """

    def __init__(self, account: str, authenticate: Callable[[], bytes], settings: FeedSettings, jitter: Random) -> None:
        self.source = f"{SOURCE_PREFIX}{account}"
        self.replace_reason = ""
        self.retry_at = 0
        self._authenticate = authenticate
        self._settings = settings
        self._backoff = Backoff(settings.backoff_first_ms * NS_PER_MS, settings.backoff_max_ms * NS_PER_MS, jitter)
        self._stage = _Stage.DOWN
        self._due = NEVER
        self._opened_at = 0
        self._pulse = Pulse(settings)
        self._told_failure = ""
        self._request_count = 0
        self._asked: dict[str, str] = {}
        self._auth_wanted = False
        self._requests: list[bytes] = []
        self._facts: list[Fact] = []

    @property
    def ready(self) -> bool:
        """Whether the stream is up."""
        return self._stage is _Stage.UP and not self.replace_reason

    @property
    def has_news(self) -> bool:
        """Whether there are requests to send or facts to take."""
        return bool(self._auth_wanted or self._requests or self._facts or self.replace_reason)

    @property
    def deadline(self) -> int:
        """When `tick` is to be called next, or when to connect while the connection is down."""
        return self.retry_at if self._stage is _Stage.DOWN else min(self._due, self._pulse.due)

    def take_requests(self) -> list[bytes]:
        """Frames to send, once."""
        requests, self._requests = self._requests, []
        if self._auth_wanted:
            self._auth_wanted = False
            requests.insert(0, self._authenticate())
        return requests

    def take_facts(self) -> list[Fact]:
        """Facts noticed since the last call."""
        facts, self._facts = self._facts, []
        return facts

    def opened(self, now: int) -> None:
        """The connection is up: authenticate."""
        self.replace_reason = ""
        self._opened_at = now
        self._pulse.start(now)
        self._auth_wanted = True
        self._enter(_Stage.AUTHENTICATING, now)

    def received(self, frame: bytes, now: int) -> None:
        """Take note of a frame; what data says is the decoder's business."""
        if b'"op"' not in frame:
            return
        try:
            answer = _decode_answer(frame)
        except _UNREADABLE:
            return
        if answer.topic is not None:
            return
        if answer.is_pong:
            self._pulse.pong()
        elif answer.op == "auth" and self._stage is _Stage.AUTHENTICATING:
            self._authenticated(answer, now)
        elif answer.op == "subscribe" and self._stage is _Stage.SUBSCRIBING:
            self._subscribed(answer)

    def tick(self, now: int) -> None:
        """Do what is due: pings, missing answers."""
        if self._stage is _Stage.DOWN or self.replace_reason:
            return
        if now >= self._due:
            waiting = f" of {', '.join(self._asked.values())}" if self._asked else ""
            self._replace(f"no answer to the {self._stage.value}{waiting} within {self._settings.ack_ms} ms")
        elif self._pulse.is_overdue(now):
            self._replace(self._pulse.overdue_reason)
        elif self._pulse.wants_ping(now):
            self._request("ping")

    def excuse(self, duration: int) -> None:
        """Move the deadlines by a time in which we did not read: silence then was ours."""
        self._pulse.excuse(duration)
        if self._due != NEVER:
            self._due += duration

    def closed(self, reason: str, now: int) -> None:
        """The connection is gone: what happens at the venue is unknown from here."""
        was_up = self._stage is _Stage.UP
        self._stage = _Stage.DOWN
        self._due = NEVER
        self._asked.clear()
        self._requests.clear()
        self._auth_wanted = False
        if was_up and now - self._opened_at >= self._settings.stable_ms * NS_PER_MS:
            self._backoff.reset()
        self._wait(now, AUTH_WAIT if reason.startswith(AUTH_REFUSED) else 0)
        self._tell_down(reason, always=was_up)

    def failed(self, reason: str, now: int, *, forbidden: bool = False) -> None:
        """An attempt to connect failed. `forbidden` is HTTP 403, after which the venue wants to be left alone."""
        self._wait(now, self._settings.forbidden_ms * NS_PER_MS if forbidden else 0)
        self._tell_down(reason, always=False)

    def _wait(self, now: int, least: int) -> None:
        self.retry_at = now + least + self._backoff.wait()

    def _tell_down(self, reason: str, *, always: bool) -> None:
        """The same failure again is not told twice."""
        if always or reason != self._told_failure:
            self._facts.append(Link(self.source, up=False, reason=reason, topics=TOPICS))
        self._told_failure = reason

    def _enter(self, stage: _Stage, now: int) -> None:
        self._stage = stage
        self._due = now + self._settings.ack_ms * NS_PER_MS

    def _replace(self, reason: str) -> None:
        self.replace_reason = self.replace_reason or reason

    def _request(self, op: str, topic: str = "") -> str:
        self._request_count += 1
        request_id = f"{self.source}-{self._request_count}"
        request: dict[str, object] = {"op": op, "req_id": request_id}
        if topic:
            request["args"] = [topic]
        self._requests.append(msgspec.json.encode(request))
        return request_id

    def _authenticated(self, answer: _Answer, now: int) -> None:
        if not answer.accepted:
            self._replace(f"{AUTH_REFUSED}: {answer.reason}")
            return
        self._enter(_Stage.SUBSCRIBING, now)
        for topic in TOPICS:
            self._asked[self._request("subscribe", topic)] = topic

    def _subscribed(self, answer: _Answer) -> None:
        """An ack or a refusal; one without a request id answers the oldest open subscription."""
        topic = self._asked.pop(answer.req_id or next(iter(self._asked), ""), "")
        if not answer.accepted:
            self._replace(f"subscription of {topic or 'a topic'} refused: {answer.reason}")
        elif not self._asked:
            self._stage = _Stage.UP
            self._due = NEVER
            self._told_failure = ""
            self._facts.append(Link(self.source, up=True, topics=TOPICS))
