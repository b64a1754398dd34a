"""What waits to be sent to one stream, each text at its time, and the trouble that pushes meet on the way.

Rules are applied in the order of the plan: a push that is collected by a permutation waits there and meets no further
rule; all others act on it together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from adapters.sandbox.faults import GARBAGE
from adapters.sandbox.gateway.matching import Counted, Subject
from adapters.sandbox.gateway.messages import Ending, Instant, json_of
from adapters.sandbox.gateway.plan import PushFault
from adapters.sandbox.gateway.services import Services


class Outgoing(Struct, frozen=True, kw_only=True):
    """A push on its way to one stream.

    number: names it in the truth log.  content: the envelope.
    """

    number: int
    topic: str
    uid: str
    content: dict[str, object]
    items: Sequence[dict[str, object]]


class Collection:
    """Pushes that a rule gathers until they are enough, or until it takes too long."""

    def __init__(self, fault: PushFault, seed: str, until_ms: int) -> None:
        self.until_ms = until_ms
        self._order = list(fault.permute) or _shuffled(fault.shuffle, seed)
        self.pushes: list[Outgoing] = []

    @property
    def complete(self) -> bool:
        """Whether nothing more is waited for."""
        return len(self.pushes) == len(self._order)

    def released(self) -> list[Outgoing]:
        """The pushes in the order wanted, as far as they came."""
        return [self.pushes[place] for place in self._order if place < len(self.pushes)]


class Outbox:
    """Texts of one stream, with their times.

    Args:
        conn: how the stream is named.
        services: rules and truth.
    """

    def __init__(self, conn: str, services: Services) -> None:
        self.ending: Ending | None = None
        self.silent = False
        self._conn = conn
        self._services = services
        self._waiting: list[tuple[int, int, bytes | Ending | None]] = []
        self._collections: dict[Counted[PushFault], Collection] = {}
        self._count = 0

    @property
    def deaf(self) -> bool:
        """Whether what the client says is not heard any more."""
        return self.silent or self.ending is not None

    @property
    def due_ms(self) -> int | None:
        """Real time at which the next text is to go out; None when nothing waits."""
        times = [collection.until_ms for collection in self._collections.values()]
        if self._waiting:
            times.append(self._waiting[0][0])
        return min(times) if times and self.ending is None else None

    def answer(self, text: bytes, now: Instant, delay_ms: int = 0) -> None:
        """Queue the answer to something the client said."""
        self._queue(now.real_ms + delay_ms, text)

    def end(self, code: int, now: Instant) -> None:
        """End the stream after what is due."""
        self._queue(now.real_ms, Ending(code))

    def fall_silent(self, now: Instant) -> None:
        """Let the stream say nothing any more after what is due."""
        self._queue(now.real_ms, None)

    def post(self, push: Outgoing, now: Instant) -> None:
        """Send a push through the plan's trouble."""
        services = self._services
        fate = "sent"
        if not services.push_rules:
            self._queue(now.real_ms, json_of(push.content))
        else:
            met = services.push_rules.met(_subject(push), services.elapsed_s(now))
            services.note_faults("pushes", met, conn=self._conn, push=push.number)
            fate = self._through(push, met, now)
        services.truth.note(
            "push",
            {"push": push.number, "conn": self._conn, "uid": push.uid, "topic": push.topic, "fate": fate}
            | {"ids": [_id_of(item) for item in push.items]},
        )

    def take(self, real_ms: int) -> list[bytes]:
        """Texts that are due, in order; an ending that is due ends the list for good."""
        self._release(real_ms)
        texts: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= real_ms and self.ending is None:
            _, _, text = heappop(self._waiting)
            if isinstance(text, Ending):
                self.ending = text
            elif text is None:
                self.silent = True
            elif not self.silent:
                texts.append(text)
        return texts

    def _through(self, push: Outgoing, met: Sequence[Counted[PushFault]], now: Instant) -> str:
        for counted in met:
            if counted.rule.permute or counted.rule.shuffle:
                self._collect(push, counted, now)
                return "collected"
        faults = [counted.rule for counted in met]
        fields = {name: value for fault in faults for name, value in fault.fields.items()}
        self._send(_changed(push, fields), faults, now)
        if any(fault.drop for fault in faults):
            return "dropped"
        return "delayed" if any(fault.delay_ms for fault in faults) else "sent"

    def _send(self, push: Outgoing, faults: Sequence[PushFault], now: Instant) -> None:
        due_ms = now.real_ms + sum(fault.delay_ms for fault in faults)
        text = next((fault.text.encode() for fault in faults if fault.text is not None), json_of(push.content))
        if any(fault.garbage for fault in faults):
            self._queue(due_ms, GARBAGE)
        copies = 0 if any(fault.drop for fault in faults) else 1 + sum(fault.copies for fault in faults)
        for _ in range(copies):
            self._queue(due_ms, text)
        for fault in faults:
            if fault.echo:
                self._queue(due_ms, json_of(_changed(push, fault.echo).content))
            if fault.close is not None:
                self._queue(due_ms, Ending(fault.close))
            if fault.silent:
                self._queue(due_ms, None)

    def _collect(self, push: Outgoing, counted: Counted[PushFault], now: Instant) -> None:
        collection = self._collections.get(counted)
        if collection is None:
            seed = f"{self._services.plan.seed}/{counted.label}/{push.number}"
            collection = Collection(counted.rule, seed, now.real_ms + counted.rule.hold_ms)
            self._collections[counted] = collection
        collection.pushes.append(push)
        if collection.complete:
            self._let_go(counted, now.real_ms)

    def _release(self, real_ms: int) -> None:
        for counted in [counted for counted, each in self._collections.items() if each.until_ms <= real_ms]:
            self._let_go(counted, real_ms)

    def _let_go(self, counted: Counted[PushFault], real_ms: int) -> None:
        for push in self._collections.pop(counted).released():
            self._queue(real_ms, json_of(push.content))

    def _queue(self, due_ms: int, text: bytes | Ending | None) -> None:
        self._count += 1
        heappush(self._waiting, (due_ms, self._count, text))


def _subject(push: Outgoing) -> Subject:
    words = [str(item.get(name, "")) for item in push.items for name in ("orderStatus", "execType")]
    return Subject(
        topic=push.topic, uid=push.uid, symbols=[str(item.get("symbol", "")) for item in push.items], statuses=words
    )


def _changed(push: Outgoing, fields: Mapping[str, object]) -> Outgoing:
    """The push with values of its items replaced."""
    if not fields:
        return push
    items = [{**item, **fields} for item in push.items]
    return replace(push, content=push.content | {"data": items}, items=items)


def _id_of(item: dict[str, object]) -> object:
    return item.get("execId") or item.get("orderId") or item.get("symbol") or item.get("accountType")


def _shuffled(count: int, seed: str) -> list[int]:
    draw = Random(seed).random  # noqa: S311 - trouble is drawn by a seed on purpose
    return sorted(range(count), key=lambda _: draw())
