"""Which frames of a venue can stand in a line as they are."""

from __future__ import annotations

import msgspec

_NEWLINE, _RETURN = b"\n\r"
_skim = msgspec.json.Decoder(msgspec.Raw).decode


def is_one_line(frame: bytes) -> bool:
    """Whether a frame is UTF-8 without line breaks, so that it cannot break the line it stands in."""
    return (frame.isascii() or _is_utf8(frame)) and _NEWLINE not in frame and _RETURN not in frame


def is_json(frame: bytes) -> bool:
    """Whether a frame is one valid JSON value; text inside strings is not looked at."""
    try:
        _skim(frame)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_utf8(frame: bytes) -> bool:
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True
