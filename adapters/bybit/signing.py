"""Our own signatures, and the type that keeps a secret out of everything that is written.

    GET:    text = timestamp + key + recvWindow + raw query string, as sent
    POST:   text = timestamp + key + recvWindow + raw body
    socket: text = "GET/realtime" + expires

HMAC-SHA256 with the secret, lower-case hex; times in milliseconds of the venue's clock. Source: Bybit v5 docs,
"Integration Guidance" and "WebSocket Stream > Connect".
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

import msgspec

HIDDEN: Final = "(hidden)"


class Secret:
    """A text that shows itself to nobody: every form of it but `reveal` is a constant.

    repr, str, format, pickle and what a traceback shows of it are "(hidden)"; JSON encoders refuse it. Equality is
    identity, so that no comparison tells anything.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (HIDDEN,)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def reveal(self) -> str:
        """The text itself; for signers only."""
        return self.__text

    def sign(self, text: str) -> str:
        """Signature of a text: lower-case hex."""
        return hmac.new(self.__text.encode(), text.encode(), sha256).hexdigest()


class Credentials:
    """An API key with its secret. Both hide themselves; the key goes into headers, the secret nowhere.

    Args:
        key: the API key.
        secret: what belongs to it.
    """

    __slots__ = ("_key", "secret")

    def __init__(self, key: str | Secret, secret: str | Secret) -> None:
        self._key = key if isinstance(key, Secret) else Secret(key)
        self.secret = secret if isinstance(secret, Secret) else Secret(secret)

    @property
    def key(self) -> str:
        """The API key in the clear."""
        return self._key.reveal()

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[type[Credentials], tuple[Secret, Secret]]:
        return Credentials, (Secret(HIDDEN), Secret(HIDDEN))


def sign_request(credentials: Credentials, *, timestamp_ms: int, window_ms: int, text: str) -> str:
    """Signature of a REST request. text: the body of a POST, the query string of a GET, exactly as sent."""
    return credentials.secret.sign(f"{timestamp_ms}{credentials.key}{window_ms}{text}")


def signed_headers(credentials: Credentials, *, timestamp_ms: int, window_ms: int, text: str) -> dict[str, str]:
    """The headers that sign a REST request."""
    return {
        "X-BAPI-API-KEY": credentials.key,
        "X-BAPI-TIMESTAMP": str(timestamp_ms),
        "X-BAPI-RECV-WINDOW": str(window_ms),
        "X-BAPI-SIGN": sign_request(credentials, timestamp_ms=timestamp_ms, window_ms=window_ms, text=text),
    }


def auth_frame(credentials: Credentials, *, expires_ms: int) -> bytes:
    """The first frame on a private socket. It holds a signature: it is sent, and written nowhere."""
    signature = credentials.secret.sign(f"GET/realtime{expires_ms}")
    return msgspec.json.encode({"op": "auth", "args": [credentials.key, expires_ms, signature]})
