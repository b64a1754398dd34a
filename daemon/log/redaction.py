"""Keeps secrets out of everything that is written for people."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
SECRET_LENGTH_MIN = 6
NESTING_MAX = 6

_NAMES = (
    r"api[-_]?key|api[-_]?secret|(?:[a-z]+[-_])?secret(?:[-_]?key)?|private[-_]?key|signature|sign|x-bapi-(?:sign|api-key)"
    r"|authorization|(?:[a-z]+[-_])?token|password|passphrase|(?:set-)?cookie"
)
_SECRET_KEY = re.compile(rf"(?:{_NAMES})\Z", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    rf"""(?<![a-z0-9])((?:{_NAMES})\\*["']?\s*[=:]\s*\\*)(?:(?:bearer|basic)\s+\S+|"[^"]*"|'[^']*'|[^\s,;&"'}}]+)""",
    re.IGNORECASE,
)


class Redactor:
    """Structlog processor: removes known secret values in every usual encoding, and what stands under a secret's name.

    Afterwards an event holds only text, numbers, true, false, None, lists and tables, so that every renderer can write
    it.

    Args:
        secrets: known secret values. Those shorter than six characters are not searched for: they would hit anything.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SECRET_LENGTH_MIN for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        """Return a clean copy of an event."""
        return {self.text(str(key)): self._value(str(key), value, 0) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Clean a text."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        return _SECRET_TEXT.sub(rf"\g<1>{REDACTED}", text)

    def _value(self, key: str, value: object, depth: int) -> object:
        if _SECRET_KEY.match(key):
            return REDACTED
        if value is None or (isinstance(value, bool | int | float) and _is_small(value)):
            return value
        if depth < NESTING_MAX and isinstance(value, Mapping):
            return {self.text(str(name)): self._value(str(name), item, depth + 1) for name, item in value.items()}
        if depth < NESTING_MAX and isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item, depth + 1) for item in value]
        return self.text(_as_text(value))


def _is_small(value: float) -> bool:
    """Whether every renderer can write a number: it is finite and fits 64 bits."""
    return -(2.0**63) <= value < 2.0**63


def _as_text(value: object) -> str:
    try:
        if isinstance(value, bytes | bytearray):
            return value.decode(errors="backslashreplace")
        return str(value)
    except Exception as error:  # noqa: BLE001 - a broken __str__ of any object must not reach the trading loop
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def _forms(secret: str) -> set[str]:
    """Encodings under which a value may appear."""
    raw = secret.encode(errors="surrogatepass")
    texts = {secret, quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex(), raw.hex().upper()}
    texts |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        texts |= {encoded.decode(), encoded.decode().rstrip("=")}
    return texts
