"""The conversation on one public connection, without its socket: bytes and time in, requests and facts out.

The socket's owner calls `opened`, `received`, `tick` (at `deadline`), `closed` and `failed`, sends what `take_requests`
returns, and replaces the connection when `replace_reason` is set. The session reads no clock and waits for nothing.

Source of the rules: Bybit v5 docs, "WebSocket Stream > Connect" (ping every 20 s, acks, limits).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import msgspec

from adapters.bybit.backoff import Backoff
from adapters.bybit.pulse import Pulse
from adapters.bybit.settings import NEVER, FeedSettings
from adapters.bybit.subscription import Phase, Subscription
from adapters.bybit.topics import Topic, TopicKind, split_requests, topic_prefix
from adapters.bybit.wire import ControlFrame, decode_control
from daemon.core.events import Fact, Link, Quarantined, Stale
from daemon.core.units import NS_PER_MS

_NOT_A_TOPIC = re.compile(r"[^A-Za-z0-9._-]+")
MAY_BE_SILENT = frozenset({TopicKind.TRADE, TopicKind.LIQUIDATION})


class Session:
    """One public connection and its subscriptions. Times are nanoseconds of our clock.

    - Each topic needs its ack, and a book or ticker its snapshot, within `ack_ms`, or the connection is replaced.
    - A silent topic is told stale and asked for anew; silent for a second limit it costs the connection. Trades and
      liquidations do not: a quiet market is no fault. Nor does, while others speak, a topic that has already cost
      `replacements` connections: it is asked for now and then.
    - A refused topic is told (quarantined and stale) and left alone until the next connection.

    Args:
        source: name of the connection in facts, such as "public-1".
        topics: what it carries.
        settings: limits and intervals.
        jitter: chance for the back-off.
    """

    def __init__(self, source: str, topics: Sequence[Topic], settings: FeedSettings, jitter: Random) -> None:
        self.source = source
        self.topic_names = tuple(topic.name for topic in topics)
        self.replace_reason = ""
        self.retry_at = 0
        self._settings = settings
        self._subscriptions = {topic.name: Subscription(topic, settings.silence) for topic in topics}
        self._by_prefix = {topic_prefix(name): one for name, one in self._subscriptions.items()}
        self._backoff = Backoff(settings.backoff_first_ms * NS_PER_MS, settings.backoff_max_ms * NS_PER_MS, jitter)
        self._up = False
        self._opened_at = 0
        self._pulse = Pulse(settings)
        self._told_failure = ""
        self._request_count = 0
        self._heard_before = 0
        self._asked: dict[str, list[Subscription]] = {}
        self._requests: list[bytes] = []
        self._facts: list[Fact] = []

    @property
    def ready(self) -> bool:
        """Whether every topic is acknowledged and those with a snapshot have had theirs."""
        return self._up and all(
            one.phase is Phase.ACKED and not (one.waiting and one.sends_snapshot)
            for one in self._subscriptions.values()
        )

    @property
    def heard(self) -> int:
        """When data of any topic came last, or the wait for it began, nanoseconds of our clock; 0 before."""
        return max(self._heard_before, *(one.heard for one in self._subscriptions.values()))

    @property
    def has_news(self) -> bool:
        """Whether there are requests to send or facts to take."""
        return bool(self._requests or self._facts)

    @property
    def deadline(self) -> int:
        """When `tick` is to be called next, or when to connect while the connection is down."""
        if not self._up:
            return self.retry_at
        topics = min(one.deadline() for one in self._subscriptions.values())
        return min(self._pulse.due, topics)

    def take_requests(self) -> list[bytes]:
        """Frames to send, once."""
        requests, self._requests = self._requests, []
        return requests

    def take_facts(self) -> list[Fact]:
        """Facts noticed since the last call."""
        facts, self._facts = self._facts, []
        return facts

    def opened(self, now: int) -> None:
        """The connection is up: subscribe to everything."""
        self._up = True
        self._opened_at = now
        self.replace_reason = ""
        self._told_failure = ""
        self._pulse.start(now)
        self._facts.append(Link(self.source, up=True, topics=self.topic_names))
        topics = [one.topic for one in self._subscriptions.values()]
        for batch in split_requests(topics, self._settings.topics_per_request):
            self._subscribe([self._subscriptions[topic.name] for topic in batch], now)

    def received(self, frame: bytes, now: int) -> None:
        """Take note of a frame; what it says is the decoder's business."""
        subscription = self._by_prefix.get(frame.partition(b'",')[0])
        if subscription is None:
            self._received_other(frame, now)
        else:
            if subscription.waiting:
                self._hear(subscription, frame, now)
            subscription.heard = now

    def tick(self, now: int) -> None:
        """Do what is due: pings, missing answers, silent topics, resyncs."""
        if not self._up or self.replace_reason:
            return
        if self._pulse.is_overdue(now):
            self._replace(self._pulse.overdue_reason)
        elif self._pulse.wants_ping(now):
            self._request("ping")
        for one in self._subscriptions.values():
            if now >= one.deadline():
                self._look_after(one, now)

    def resync(self, name: str, now: int) -> None:
        """Ask for a fresh snapshot of a topic, at most once per `resync_ms`; unknown and refused topics are ignored."""
        one = self._subscriptions.get(name)
        if one is None or one.phase in {Phase.OFF, Phase.REFUSED} or one.resync_at != NEVER:
            return
        if one.waiting and one.due != NEVER:
            return
        one.resync_at = max(now, one.asked + self._settings.resync_ms * NS_PER_MS)
        self.tick(now)

    def excuse(self, duration: int) -> None:
        """Move the deadlines by a time in which we did not read: silence then was ours."""
        self._pulse.excuse(duration)
        for one in self._subscriptions.values():
            one.excuse(duration)

    def closed(self, reason: str, now: int) -> None:
        """The connection is gone: everything it carried is unknown."""
        self._heard_before = self.heard
        self._down()
        if now - self._opened_at >= self._settings.stable_ms * NS_PER_MS:
            self._backoff.reset()
        self.retry_at = now + self._backoff.wait()
        self._facts.append(Link(self.source, up=False, reason=reason, topics=self.topic_names))

    def failed(self, reason: str, now: int, *, forbidden: bool = False) -> None:
        """An attempt to connect failed. `forbidden` is HTTP 403, after which the venue wants to be left alone.

        The same failure again is not told twice.
        """
        wait = self._backoff.wait() + (self._settings.forbidden_ms * NS_PER_MS if forbidden else 0)
        self.retry_at = now + wait
        if reason != self._told_failure:
            self._told_failure = reason
            self._facts.append(Link(self.source, up=False, reason=reason, topics=self.topic_names))

    def _down(self) -> None:
        self._up = False
        self._asked.clear()
        self._requests.clear()
        for one in self._subscriptions.values():
            one.reset()

    def _replace(self, reason: str) -> None:
        self.replace_reason = self.replace_reason or reason

    def _request(self, op: str, topics: Sequence[str] = ()) -> str:
        self._request_count += 1
        request_id = f"{self.source}-{self._request_count}"
        request: dict[str, object] = {"op": op, "req_id": request_id}
        if topics:
            request["args"] = topics
        self._requests.append(msgspec.json.encode(request))
        return request_id

    def _subscribe(self, batch: list[Subscription], now: int) -> None:
        request_id = self._request("subscribe", [one.topic.name for one in batch])
        self._asked[request_id] = batch
        for one in batch:
            one.ask(now, due=now + self._settings.ack_ms * NS_PER_MS)

    def _subscribe_anew(self, one: Subscription, now: int) -> None:
        one.waiting = True
        self._request("unsubscribe", [one.topic.name])
        self._subscribe([one], now)

    def _hear(self, one: Subscription, frame: bytes, now: int) -> None:
        if one.hear(frame) and one.stale:
            one.stale = False
            silent_ms = (now - one.silent_since) // NS_PER_MS
            self._facts.append(Stale(self.source, one.topic.name, one.topic.symbol, stale=False, silent_ms=silent_ms))

    def _look_after(self, one: Subscription, now: int) -> None:
        """Something about a topic is due."""
        if now >= one.due:
            self._give_up_on(one, f"{one.overdue()} within {self._settings.ack_ms} ms", now)
        elif now >= one.heard + one.limit:
            self._silent(one, now)
        elif now >= one.resync_at:
            self._subscribe_anew(one, now)

    def _silent(self, one: Subscription, now: int) -> None:
        if not one.stale:
            self._tell_stale(one, one.heard, now)
            self._subscribe_anew(one, now)
        elif one.topic.kind in MAY_BE_SILENT:
            one.heard = now
        else:
            self._give_up_on(one, f"{one.topic.name} stayed silent", now)

    def _give_up_on(self, one: Subscription, reason: str, now: int) -> None:
        """Replace the connection for a topic, unless that has not helped before and others would suffer."""
        self._tell_stale(one, one.heard, now)
        others_speak = any(not other.waiting for other in self._subscriptions.values())
        if one.replacements >= self._settings.replacements and others_speak:
            self._subscribe_anew(one, now)
            one.leave(until=now + self._settings.backoff_max_ms * NS_PER_MS)
        else:
            one.replacements += 1
            self._replace(reason)

    def _tell_stale(self, one: Subscription, since: int, now: int) -> None:
        one.waiting = True
        if not one.stale:
            one.stale = True
            one.silent_since = since
            silent_ms = (now - since) // NS_PER_MS
            self._facts.append(Stale(self.source, one.topic.name, one.topic.symbol, stale=True, silent_ms=silent_ms))

    def _received_other(self, frame: bytes, now: int) -> None:
        """An answer, data whose topic does not stand first, or what nobody can read."""
        try:
            envelope = decode_control(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if envelope.is_pong:
            self._pulse.pong()
        elif envelope.is_control:
            self._answered(envelope, now)
        elif (one := self._subscriptions.get(envelope.topic or "")) is not None:
            if one.waiting:
                self._hear(one, frame, now)
            one.heard = now

    def _answered(self, answer: ControlFrame, now: int) -> None:
        """An ack or a refusal; one without a request id answers the oldest open subscription."""
        if answer.op not in {None, "subscribe"}:
            return
        request_id = answer.req_id or next(iter(self._asked), "")
        batch = self._asked.pop(request_id, [])
        if answer.success is False:
            self._refused(batch, answer.ret_msg or "no reason given", now)
        else:
            for one in batch:
                one.acknowledge()

    def _refused(self, batch: list[Subscription], text: str, now: int) -> None:
        """Find the topic that was meant, and ask for the others one by one: the venue may or may not have kept them."""
        words = {word.strip(".") for word in _NOT_A_TOPIC.split(text)}
        for one in batch:
            if len(batch) > 1 and one.topic.name not in words:
                self._subscribe([one], now)
            elif "already subscribed" in text:
                one.acknowledge()
            else:
                one.refuse()
                reason = f"subscription of {one.topic.name} refused: {text[:120]}"
                self._facts.append(Quarantined(self.source, reason, one.topic.symbol))
                self._tell_stale(one, now, now)
