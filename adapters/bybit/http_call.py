"""One HTTP attempt with nothing hidden in it: no retry, no redirect, no cookie, no proxy that was not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
import yarl
from msgspec import Struct

BODY_BYTES_MAX = 4 * 1024 * 1024
REASON_CHARACTERS_MAX = 200
_FAILURES = (aiohttp.ClientError, OSError, ValueError)


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """How an attempt ended. status: 0 without an answer.  error: why there is none, or why it was not taken.

    sent: False only when it is certain that no byte of the request left.
    """

    status: int = 0
    headers: Mapping[str, str] = {}
    body: str = ""
    error: str = ""
    sent: bool = True


class _Attempt:
    """Whether a connection was there to write on."""

    connected = False


class HttpClient:
    """A pool of connections to one venue. Certificates are always verified; TLS 1.2 or newer.

    Args:
        connect_seconds: within which there must be a connection; without one nothing was sent.
        seconds: total time of an attempt, from the search for a connection to the last byte of the answer.
        proxy: whether a proxy that the environment names may be used.
    """

    def __init__(self, *, connect_seconds: float, seconds: float, proxy: bool = False) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_connected)
        trace.on_connection_reuseconn.append(_connected)
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=seconds, connect=connect_seconds),
            trust_env=proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            headers={"Accept-Encoding": "identity", "User-Agent": "lockstep"},
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: str) -> HttpAnswer:
        """Send once; raises nothing for what the venue or the network does."""
        attempt = _Attempt()
        try:
            async with self._session.request(
                method,
                yarl.URL(url, encoded=True),
                headers=headers,
                data=body.encode() if body else None,
                allow_redirects=False,
                trace_request_ctx=attempt,
            ) as response:
                content = await _read(response)
                if content is None:
                    error = f"an answer of more than {BODY_BYTES_MAX >> 20} MiB"
                    return HttpAnswer(status=response.status, headers=dict(response.headers), error=error)
                text = content.decode("utf-8", "replace")
                return HttpAnswer(status=response.status, headers=dict(response.headers), body=text)
        except _FAILURES as failure:
            return HttpAnswer(error=_reason(failure), sent=attempt.connected)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


async def _connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.connected = True


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(1 << 16):
        size += len(part)
        if size > BODY_BYTES_MAX:
            response.close()
            return None
        parts.append(part)
    return b"".join(parts)


def _reason(failure: Exception) -> str:
    lines = str(failure).splitlines()
    return f"{type(failure).__name__}: {lines[0] if lines else 'no answer in time'}"[:REASON_CHARACTERS_MAX]
