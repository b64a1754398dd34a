"""Libraries speak through our log, where secrets are taken out."""

from __future__ import annotations

import io
import logging

import pytest

from daemon.log import configure, libraries_through_our_log

SECRET = "canary-secret-67890"


@pytest.fixture
def console() -> io.StringIO:
    stream = io.StringIO()
    configure(now=lambda: 0, stream=stream, secrets=[SECRET])
    return stream


def test_a_warning_of_a_library_is_an_event_without_secrets(console: io.StringIO) -> None:
    with libraries_through_our_log():
        logging.getLogger("some.library").warning("sent %s", {"header": SECRET})
    said = console.getvalue()
    assert "component=some.library" in said
    assert "[redacted]" in said
    assert SECRET not in said


def test_what_a_library_says_in_detail_is_not_said(console: io.StringIO) -> None:
    with libraries_through_our_log():
        logging.getLogger("some.library").info("details")
    assert console.getvalue() == ""


def test_a_message_that_cannot_be_formatted_harms_nobody(console: io.StringIO) -> None:
    with libraries_through_our_log():
        logging.getLogger("some.library").error("%d", "text")
    assert "cannot be shown: TypeError" in console.getvalue()


def test_afterwards_logging_is_as_it_was(console: io.StringIO) -> None:
    before = logging.getLogger().handlers[:]
    with libraries_through_our_log():
        pass
    assert logging.getLogger().handlers == before
