"""Public REST questions to Bybit: one GET, one answer in Bybit's envelope, or an error that says what to do.

Source: Bybit v5 docs, "Integration Guidance". No keys are needed.
"""

from __future__ import annotations

from typing import TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from adapters.bybit.hosts import is_loopback
from daemon.core.errors import FeedError

TIMEOUT_SECONDS = 10.0
INVALID_PARAMETER = 10001
UNKNOWN_ROUTE = 10017
FORBIDDEN = 403

Body = TypeVar("Body")


class Answer(Struct, frozen=True, rename="camel"):
    """Bybit's envelope; `ret_code` 0 is success."""

    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")


def client_for(rest_url: str) -> aiohttp.ClientSession:
    """A client for one or a few questions; the caller closes it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, trust_env=not is_loopback(rest_url))


async def ask(client: aiohttp.ClientSession, url: str, query: dict[str, str]) -> Answer:
    """Ask once.

    Raises:
        FeedError: there is no answer in Bybit's envelope.
    """
    try:
        async with client.get(url, params=query) as response:
            body = await response.read()
    except (aiohttp.ClientError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise FeedError(f"GET {url}: {reason}", cure="check the network and the address of the environment") from error
    if response.status == FORBIDDEN:
        raise FeedError(
            f"GET {url}: refused with HTTP 403",
            cure="Bybit refuses this address or region, or was asked too often: then wait ten minutes",
        )
    return _decode(body, Answer, f"{url} (HTTP {response.status})")


def read_result(answer: Answer, type_: type[Body], url: str) -> Body:
    """The result of a successful answer as a struct.

    Raises:
        FeedError: the venue refused, or the result is something else.
    """
    if answer.ret_code != 0:
        raise FeedError(
            f"GET {url}: retCode {answer.ret_code}, {answer.ret_msg[:200]}", cure="look the code up in Bybit's v5 docs"
        )
    return _decode(answer.result, type_, url)


def _decode(body: bytes | msgspec.Raw, type_: type[Body], url: str) -> Body:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        head = bytes(body)[:60].decode("utf-8", "replace")
        raise FeedError(
            f"GET {url}: not an answer of Bybit's v5 API ({error}), it begins {head!r}",
            cure="check the address of the environment; a proxy or login page may answer in its place",
        ) from error
