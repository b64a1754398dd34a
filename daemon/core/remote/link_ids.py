"""Order link ids: the name under which a venue knows an order of ours.

A pure function of the lineage of the journal, our own order id and the generation of the attempt, so that the same
decision has the same name after a crash, and in its replay. Within Bybit's rule: at most 36 characters of letters,
digits, dash and underscore, unique for good (Bybit v5 docs, "Place Order", orderLinkId).

    ls-<24 characters of base 32, 120 bits>-<generation><check>
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

PREFIX = "ls-"
GENERATIONS_MAX = 32
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def link_id(lineage: str, order_id: str, generation: int = 0) -> str:
    """The name of an attempt at an order.

    Raises:
        ValueError: there are no more than 32 generations.
    """
    if not 0 <= generation < GENERATIONS_MAX:
        raise ValueError(f"generation {generation} of {order_id}")
    digest = sha256(f"{lineage}/{order_id}/{generation}".encode()).digest()
    body = b32encode(digest[:15]).decode().lower() + "-" + _ALPHABET[generation]
    return PREFIX + body + _check(body)


def is_ours(text: str) -> bool:
    """Whether a name is one that some journal of ours has given, by its form and check character."""
    body = text.removeprefix(PREFIX)
    return len(text) == len(PREFIX) + 27 and text.startswith(PREFIX) and body[-1] == _check(body[:-1])


def _check(body: str) -> str:
    return _ALPHABET[sha256(body.encode()).digest()[0] % 32]
