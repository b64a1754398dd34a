"""What the private and the order socket have in common: who they belong to, what they still have to say, their trouble.

A frame of the client meets the plan's `streams` rules before it is understood; what they decide is a `Course`, and the
session does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from adapters.sandbox.gateway.accounts import Account, ApiKey
from adapters.sandbox.gateway.matching import Counted, Subject
from adapters.sandbox.gateway.messages import Instant
from adapters.sandbox.gateway.outbox import Outbox
from adapters.sandbox.gateway.plan import StreamFault
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.refused import Refused

IDLE_MS = 600_000
IDLE_MS_MIN, IDLE_MS_MAX = 30_000, 600_000


OnAuth: TypeAlias = Callable[[Instant], None]
"""Called when somebody has proved to own an account."""


class Frame(Struct):
    """A client's text frame; ids come as numbers from ccxt and as texts from pybit, and are echoed as they came."""

    op: str = ""
    req_id: str | int | None = None
    reqId: str | int | None = None  # noqa: N815 - Bybit's name
    header: dict[str, str | int] = {}
    args: list[object] = []


class Course(Struct, frozen=True):
    """What the plan does to a frame: refuse it with a code, answer late, not at all, not do it, end the stream."""

    refuse: int | None = None
    delay_ms: int = 0
    swallow: bool = False
    effect: bool = True
    close: int | None = None


ORDINARY = Course()


class Stream:
    """One connection.

    Args:
        conn: how it is named in answers and in the truth.
        path: /v5/private or /v5/trade.
        peer: address of the client.
        services: keys, rules, truth.
    """

    def __init__(self, conn: str, path: str, peer: str, services: Services) -> None:
        self.conn = conn
        self.path = path
        self.peer = peer
        self.outbox = Outbox(conn, services)
        self.account: Account | None = None
        self.key: ApiKey | None = None
        self._services = services

    @property
    def uid(self) -> str:
        """User id of the account; empty before auth."""
        return self.account.uid if self.account is not None else ""

    def authenticate(self, frame: Frame, course: Course, now: Instant) -> None:
        """Let the stream belong to who signed the frame.

        Raises:
            Refused: by the plan, or because key, time or signature are wrong.
        """
        if course.refuse is not None:
            raise Refused(course.refuse, "Invalid apikey")
        server_ms = self._services.server_ms(now.market_ms)
        account, key = self._services.verifier.stream(frame.args, peer=self.peer, now_ms=server_ms)
        if course.effect:
            self.account, self.key = account, key

    def read(self, text: str | bytes) -> Frame:
        """Decode a frame.

        Raises:
            Refused: it is not a request.
        """
        try:
            return msgspec.json.decode(text, type=Frame)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Refused(10001, f"error:invalid request:{error}") from error

    def course(self, op: str, now: Instant) -> Course:
        """What the plan does to a frame."""
        services = self._services
        if not services.stream_rules:
            return ORDINARY
        subject = Subject(route=self.path, op=op, uid=self.uid)
        met = services.stream_rules.met(subject, services.elapsed_s(now))
        services.note_faults("streams", met, conn=self.conn, op=op)
        return course_of(met)

    def note(self, event: str, **fields: object) -> None:
        """Write something about the stream into the truth."""
        self._services.truth.note("stream", {"conn": self.conn, "path": self.path, "event": event, **fields})


def course_of(met: Sequence[Counted[StreamFault]]) -> Course:
    """What several rules come to: the first refusal and closing, all delays."""
    if not met:
        return ORDINARY
    faults = [counted.rule for counted in met]
    return Course(
        refuse=next((fault.refuse for fault in faults if fault.refuse is not None), None),
        delay_ms=sum(fault.delay_ms for fault in faults),
        swallow=any(fault.swallow for fault in faults),
        effect=all(fault.effect for fault in faults),
        close=next((fault.close for fault in faults if fault.close is not None), None),
    )


def idle_ms_of(wish: str) -> int:
    """How long a stream may say nothing, by its `max_active_time`: `30s` to `600s`, or minutes; 10 minutes otherwise.

    Source: Bybit v5 docs, "Connect". What is not understood counts as not given, what is out of bounds is bounded.
    """
    number, unit = wish[:-1], wish[-1:]
    if not (number.isascii() and number.isdigit() and unit in {"s", "m"} and len(number) <= 6):
        return IDLE_MS
    return max(IDLE_MS_MIN, min(IDLE_MS_MAX, int(number) * (1000 if unit == "s" else 60_000)))
