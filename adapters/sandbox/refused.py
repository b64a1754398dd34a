"""A request that the exchange answers with an error code."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """The answer of a refused request: HTTP 200 with a code other than 0.

    Args:
        code: Bybit's retCode.
        message: retMsg.
        result: what stands in `result` nevertheless, such as the reasons of a refused margin mode.
    """

    def __init__(self, code: int, message: str, result: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.result = dict(result or {})
