from __future__ import annotations

from zlib import crc32

from daemon.journal.chain import continues, follow, read_envelope, seed
from daemon.journal.layout import Stream


def line(body: bytes, crc: int) -> tuple[bytes, int]:
    reached = crc32(body, crc)
    return b'%b,"crc":"%08x"}' % (body, reached), reached


def chained(count: int, crc: int) -> list[bytes]:
    lines = []
    for seq in range(1, count + 1):
        text, crc = line(b'{"kind":"frame","seq":%d,"ts":5,"source":"a","raw":1' % seq, crc)
        lines.append(text)
    return lines


def test_each_stream_starts_from_its_own_name_and_format() -> None:
    assert seed(Stream.INPUTS) == crc32(b"lockstep inputs 1")
    assert seed(Stream.DECISIONS) == crc32(b"lockstep decisions 1")


def test_a_whole_chain_is_followed_to_its_end() -> None:
    lines = chained(5, 7)
    reached = crc32(b"".join(text[:-18] for text in lines), 7)
    assert follow(lines, 7) == (5, reached)
    assert follow([], 7) == (0, 7)


def test_following_stops_before_the_first_line_that_does_not_belong() -> None:
    lines = chained(5, 7)
    good, reached = follow([*lines[:3], lines[4], lines[3]], 7)
    assert good == 3
    assert continues(lines[3], reached)
    assert follow(lines, 8) == (0, 8)


def test_a_checksum_in_capitals_is_not_accepted() -> None:
    text = next(t for t in chained(50, 1) if t[-10:-2] != t[-10:-2].upper())
    good, _ = follow([text[:-10] + text[-10:-2].upper() + b'"}'], 1)
    assert good == 0


def test_an_envelope_is_read_from_both_ends_of_a_line() -> None:
    text, crc = line(b'{"kind":"order","seq":12,"cause":34,"ts":56,"lane":",\\"crc\\":\\"00000000\\"}"', 3)
    assert read_envelope(text) == ("order", 12, 34, 56, crc)


def test_what_is_not_a_whole_record_has_no_envelope() -> None:
    text = chained(1, 0)[0]
    for broken in (b"", b"{}", text[1:], text[:-1], text + b"\n", text[:-4], b"\0" * 100):
        assert read_envelope(broken) is None
