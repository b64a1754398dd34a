"""Damage to frames, as a broken or hostile venue, proxy or disk might do it: seeded, on the text, fast.

A seed frame is cut into its JSON tokens once; a mutation changes a token, a member or raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

from adapters.bybit.connection import FRAME_BYTES_MAX

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}\[\],:]')
LARGE_BYTES = FRAME_BYTES_MAX - (64 << 10)
DEPTHS = (10, 200, 3_000)
NUMBERS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"1e308",
    b"1e-400",
    b"-0",
    b"-0.0",
    b"0",
    b"-1",
    b"1E5",
    b"1e15",
    b"9007199254740993",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"9" * 400,
    b"-" + b"9" * 5_000,
    b"0." + b"0" * 300 + b"1",
    b"1_000",
    b"0x10",
    b"007",
    b"1746489600000000",
    b"-1746489600000",
)
TEXTS = (
    b'""',
    b'" "',
    b'"Teleported"',
    b'"null"',
    b'"\\u0000"',
    b'"\\ud800"',
    '"\u0661\u0662"'.encode(),
    b'"1,5"',
    b'" 1"',
    b'"+1"',
    b'"1."',
    b'".5"',
    b'"' + b"x" * 300 + b'"',
    b'"BTCUSDT"',
    b'"Buy"',
    b'"linear"',
)
OTHERS = (b"null", b"true", b"false", b"{}", b"[]", b"[[]]", b'{"a":1}', b"[null]", b'["1"]')
BYTES = (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x00", b"\n", b"\xef\xbb\xbf", b"\\", b'"', b"{", b"]")


class Seed(Struct, frozen=True):
    """A real text. values: places of scalar values among the tokens.  members: those of `key : scalar`."""

    text: bytes
    tokens: tuple[bytes, ...]
    values: tuple[int, ...]
    members: tuple[int, ...]


def seed_of(text: bytes) -> Seed:
    """Cut a real text into tokens."""
    tokens = tuple(_TOKEN.findall(text))
    scalars = [place for place, token in enumerate(tokens) if token[:1] not in b"{}[],:"]
    keys = {place for place in scalars if place + 1 < len(tokens) and tokens[place + 1] == b":"}
    members = tuple(place for place in sorted(keys) if place + 2 < len(tokens) and place + 2 in scalars)
    return Seed(text, tokens, tuple(place for place in scalars if place not in keys), members)


class Mutator:
    """Draws seeds and damages them; the same seed number gives the same texts.

    large: one text in so many holds a string of almost the largest frame that a connection takes; 0 for none.
    """

    def __init__(self, seeds: Sequence[Seed], number: int, *, large: int = 0) -> None:
        self._seeds = seeds
        self._random = Random(number)
        self._large = large
        self._on_tokens: tuple[Callable[[list[bytes], Seed], None], ...] = (
            self._number,
            self._number,
            self._text,
            self._other,
            self._swap,
            self._drop,
            self._repeat,
            self._rename,
            self._nest,
        )
        self._on_bytes: tuple[Callable[[bytes], bytes], ...] = (self._flip, self._cut, self._insert, self._splice)

    def draw(self) -> tuple[int, bytes]:
        """The place of a seed, and its damaged text; one in twenty is as it was, so that books live again."""
        random = self._random
        place = int(random.random() * len(self._seeds))
        seed = self._seeds[place]
        kind = random.random()
        text = seed.text
        if kind > 0.95:
            return place, text
        if kind < 0.8 and seed.members and seed.values:
            tokens = list(seed.tokens)
            for _ in range(1 + (kind < 0.3) + (kind < 0.1)):
                self._on_tokens[int(random.random() * len(self._on_tokens))](tokens, seed)
            text = b"".join(tokens)
        if kind > 0.7:
            text = self._on_bytes[int(random.random() * len(self._on_bytes))](text)
        return place, text

    def _one(self, places: Sequence[bytes]) -> bytes:
        return places[int(self._random.random() * len(places))]

    def _place(self, places: Sequence[int]) -> int:
        return places[int(self._random.random() * len(places))]

    def _number(self, tokens: list[bytes], seed: Seed) -> None:
        number = self._one(NUMBERS)
        tokens[self._place(seed.values)] = number if self._random.random() < 0.4 else b'"' + number + b'"'

    def _text(self, tokens: list[bytes], seed: Seed) -> None:
        tokens[self._place(seed.values)] = self._long() if self._is_large() else self._one(TEXTS)

    def _other(self, tokens: list[bytes], seed: Seed) -> None:
        tokens[self._place(seed.values)] = self._one(OTHERS)

    def _swap(self, tokens: list[bytes], seed: Seed) -> None:
        first, second = self._place(seed.values), self._place(seed.values)
        tokens[first], tokens[second] = tokens[second], tokens[first]

    def _drop(self, tokens: list[bytes], seed: Seed) -> None:
        place = self._place(seed.members)
        end = place + 3 if tokens[place + 3 : place + 4] != [b","] else place + 4
        if end == place + 3 and tokens[place - 1] == b",":
            tokens[place - 1] = b""
        tokens[place:end] = [b""] * (end - place)

    def _repeat(self, tokens: list[bytes], seed: Seed) -> None:
        place = self._place(seed.members)
        value = tokens[place + 2] if self._random.random() < 0.5 else self._one(NUMBERS)
        tokens[place] = b"".join((seed.tokens[place], b":", value, b",", tokens[place]))

    def _rename(self, tokens: list[bytes], seed: Seed) -> None:
        tokens[self._place(seed.members)] = self._one((b'"unknown"', b'"\\u0000"', b'""', b'"symbol"'))

    def _nest(self, tokens: list[bytes], seed: Seed) -> None:
        place, depth = self._place(seed.values), self._random.choice(DEPTHS)
        opening, closing = (b"[", b"]") if self._random.random() < 0.5 else (b'{"a":', b"}")
        tokens[place] = opening * depth + tokens[place] + closing * (depth if self._random.random() < 0.8 else 0)

    def _is_large(self) -> bool:
        return bool(self._large) and self._random.random() * self._large < len(self._on_tokens)

    def _long(self) -> bytes:
        return b'"' + b"7" * LARGE_BYTES + b'"'

    def _flip(self, text: bytes) -> bytes:
        damaged = bytearray(text)
        for _ in range(1 + int(self._random.random() * 3)):
            damaged[int(self._random.random() * len(damaged))] ^= 1 << int(self._random.random() * 8)
        return bytes(damaged)

    def _cut(self, text: bytes) -> bytes:
        return text[: int(self._random.random() * len(text))]

    def _insert(self, text: bytes) -> bytes:
        at = int(self._random.random() * len(text))
        return text[:at] + self._one(BYTES) + text[at:]

    def _splice(self, text: bytes) -> bytes:
        other = self._seeds[int(self._random.random() * len(self._seeds))].text
        return text[: int(self._random.random() * len(text))] + other[int(self._random.random() * len(other)) :]
