"""What goes through the gateway: HTTP requests and their answers, without a transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

JSON = "application/json"
HTML = "text/html"

Lines: TypeAlias = Mapping[str, object]
"""Parameters of a request: text from a query, any JSON from a body."""


class Instant(Struct, frozen=True):
    """A moment on both clocks, in milliseconds: the market's, UTC, and the real one, which begins anywhere.

    What the exchange stamps and schedules goes by the market; limits and delays, which a client feels, are real.
    """

    market_ms: int
    real_ms: int


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request as it was sent.

    raw_query: without the question mark and still percent-encoded.  headers: any case.  peer: address of the client.
    """

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    peer: str = "127.0.0.1"


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """An answer. delay_ms: real milliseconds that whoever carries it waits before it goes out."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    content_type: str = JSON
    delay_ms: int = 0


class Lost(Struct, frozen=True, kw_only=True):
    """There will be no answer.

    how: the connection breaks ("reset") after `delay_ms` real milliseconds, or nothing comes at all ("silence") until
    the client gives up.
    """

    how: Literal["reset", "silence"]
    delay_ms: int = 0


class Ending(Struct, frozen=True):
    """A stream ends: with a close frame of `code`, or without a goodbye when it is 0."""

    code: int


def json_of(content: object) -> bytes:
    """Compact JSON, as everything here is sent."""
    return msgspec.json.encode(content)


def envelope(code: int | str, message: str, result: object, ext: object, time_ms: int) -> dict[str, object]:
    """Body of a REST answer. time_ms: server time, milliseconds UTC."""
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": ext, "time": time_ms}
