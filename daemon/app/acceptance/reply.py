"""An answer of the venue as cards look at it: its code and text as they came, and how long it took."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from adapters.bybit.http_call import HttpAnswer
from daemon.core.events import Fact


class Reply(Struct, frozen=True, kw_only=True):
    """An answer. code, message: the venue's, None and a reason of ours without an answer.

    ms: from giving it to the port until the answer.  facts: what the product's decoder reads in it.
    """

    code: int | None
    message: str
    ms: float
    status: int
    body: str = ""
    headers: dict[str, str] = {}
    facts: tuple[Fact, ...] = ()

    @property
    def result(self) -> dict[str, Any]:
        """The venue's `result`; empty when there is none."""
        try:
            found = msgspec.json.decode(self.body).get("result")
        except (msgspec.DecodeError, AttributeError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The venue's `list`."""
        found = self.result.get("list")
        return found if isinstance(found, list) else []


def raw_reply(answer: HttpAnswer, ms: float) -> Reply:
    """An answer that came beside the port."""
    code, message = code_and_message(answer.body)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    text = message or answer.error
    return Reply(code=code, message=text, ms=round(ms, 3), status=answer.status, body=answer.body, headers=headers)


def code_and_message(body: str) -> tuple[int | None, str]:
    """RetCode and retMsg of a body; None where it has no code."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None, ""
    if not isinstance(found, dict):
        return None, ""
    code = found.get("retCode")
    return code if isinstance(code, int) else None, str(found.get("retMsg", ""))
