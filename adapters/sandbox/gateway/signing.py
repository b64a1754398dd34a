"""Who signed a request: Bybit's rules for headers, clock window and signature.

    GET:    text = timestamp + key + recvWindow + rawQueryString    exactly as sent, still percent-encoded
    POST:   text = timestamp + key + recvWindow + rawBody           the exact bytes
    socket: text = "GET/realtime" + expires

signed with HMAC-SHA256, lower-case hex. A request is in time when server - recvWindow <= timestamp < server + 1000.
The market may run faster than the client's clock; the window is then as many times wider, and at "max" there is none.
A client that never asks the server for its time signs by its own clock. Over sockets that clock is as good as the
market's, since the day that is played is not today.
Source: Bybit v5 docs, "Integration Guidance" and "Connect".
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct

from adapters.sandbox.clock import Speed
from adapters.sandbox.gateway.accounts import ANYWHERE, Account, ApiKey, KeyRing
from adapters.sandbox.refused import Refused

BAD_REQUEST, OUT_OF_TIME, BAD_KEY, BAD_SIGN, NO_PERMISSION, NO_AUTH, BAD_IP = (
    10001,
    10002,
    10003,
    10004,
    10005,
    10007,
    10010,
)
EXPIRED = 33004
AHEAD_MS = 1000
WINDOW_MS = 5000


class Signature(Struct, frozen=True):
    """The headers that sign a request; texts as sent."""

    key: str
    timestamp: str
    window: str
    sign: str


def sign(secret: str, text: bytes) -> str:
    """Lower-case hex HMAC-SHA256."""
    return hmac.new(secret.encode(), text, sha256).hexdigest()


def signature_of(headers: Mapping[str, str]) -> Signature | None:
    """The signing headers of a request; None when one that is needed is missing.

    Args:
        headers: with lower-case names.
    """
    key, timestamp = headers.get("x-bapi-api-key", ""), headers.get("x-bapi-timestamp", "")
    signed = headers.get("x-bapi-sign", "")
    if not (key and timestamp and signed):
        return None
    return Signature(key, timestamp, headers.get("x-bapi-recv-window", ""), signed)


class Verifier:
    """Holds requests and auth frames against the keys.

    Args:
        ring: the keys.
        speed: market time per real time.
    """

    def __init__(self, ring: KeyRing, speed: Speed) -> None:
        self._ring = ring
        self._speed = speed

    def request(
        self, signature: Signature, payload: bytes, *, peer: str, now_ms: int, wall_ms: int | None = None
    ) -> tuple[Account, ApiKey]:
        """Whose request this is.

        Args:
            signature: its headers.
            payload: raw query of a GET, raw body of anything else.
            peer: address it came from.
            now_ms: server time.
            wall_ms: today's time, milliseconds UTC, where it counts too.

        Raises:
            Refused: key, clock, signature, address: whatever Bybit would refuse first.
        """
        account, key = self._known(signature.key)
        self.in_time(signature.timestamp, signature.window, now_ms, wall_ms)
        text = f"{signature.timestamp}{signature.key}{signature.window}".encode() + payload
        if not hmac.compare_digest(sign(key.secret, text).encode(), signature.sign.encode()):
            raise Refused(BAD_SIGN, f"error sign! origin_string[{text.decode(errors='replace')}]")
        _check_valid(key, peer, now_ms)
        return account, key

    def stream(self, args: list[object], *, peer: str, now_ms: int) -> tuple[Account, ApiKey]:
        """Whose stream this is, by the arguments of its auth frame: key, expires, signature.

        Raises:
            Refused: they are not three, or wrong.
        """
        if len(args) != 3:
            raise Refused(BAD_REQUEST, "Params Error")
        name, expires, signed = (str(each) for each in args)
        account, key = self._known(name, "Invalid apikey")
        if not is_number(expires):
            raise Refused(BAD_REQUEST, "Params Error")
        if self._speed != "max" and int(expires) <= now_ms - AHEAD_MS * max(0.0, self._speed - 1):
            raise Refused(BAD_SIGN, "Params Error: expires is in the past")
        if not hmac.compare_digest(sign(key.secret, f"GET/realtime{expires}".encode()).encode(), signed.encode()):
            raise Refused(BAD_SIGN, "Invalid sign")
        _check_valid(key, peer, now_ms)
        return account, key

    def in_time(self, timestamp: str, window: str, now_ms: int, wall_ms: int | None = None) -> None:
        """Check the clock of a request; arguments as of `request`.

        Raises:
            Refused: it is too old or comes from the future.
        """
        if not is_number(timestamp) or not (window == "" or is_number(window)):
            raise Refused(BAD_REQUEST, "params error: timestamp or recv_window invalid")
        if self._speed == "max":
            return
        clocks = [(now_ms, self._speed)] + ([] if wall_ms is None else [(wall_ms, 1.0)])
        signed, behind = int(timestamp), int(window or WINDOW_MS)
        if not any(at - behind * speed <= signed < at + AHEAD_MS * speed for at, speed in clocks):
            raise Refused(
                OUT_OF_TIME,
                "invalid request, please check your server timestamp or recv_window param. "
                f"req_timestamp[{timestamp}],server_timestamp[{now_ms}],recv_window[{window or WINDOW_MS}]",
            )

    def _known(self, name: str, otherwise: str = "API key is invalid.") -> tuple[Account, ApiKey]:
        found = self._ring.find(name)
        if found is None:
            raise Refused(BAD_KEY, otherwise)
        return found


def _check_valid(key: ApiKey, peer: str, now_ms: int) -> None:
    if key.expires_ms is not None and now_ms >= key.expires_ms:
        raise Refused(EXPIRED, "Your api key has expired.")
    if ANYWHERE not in key.ips and peer not in key.ips:
        raise Refused(BAD_IP, "Unmatched IP, please check your API key's bound IP addresses.")


def is_number(text: str) -> bool:
    """Whether a text is a time in milliseconds: digits and not too many of them."""
    return text.isascii() and text.isdigit() and len(text) <= 19
