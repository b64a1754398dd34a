from __future__ import annotations

import inspect

from daemon.core import errors


def test_every_error_is_drawn_in_the_tree_and_is_one_that_people_may_see() -> None:
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
    assert len(classes) > 8
    for one in classes:
        assert issubclass(one, errors.LockstepError)
        assert one.__name__ in (errors.__doc__ or "")


def test_an_error_shows_its_cure_when_it_has_one() -> None:
    assert (
        str(errors.ConfigError("lanes[0].name: missing", cure="name it")) == "lanes[0].name: missing\n  cure: name it"
    )
    assert str(errors.ConfigError("lanes[0].name: missing")) == "lanes[0].name: missing"


def test_corruption_names_file_offset_and_record() -> None:
    found = errors.JournalCorrupt("flipped byte", file="inputs-000001.jsonl", offset=17, seq=3)
    assert str(found) == "inputs-000001.jsonl: byte 17, record 3: flipped byte"
    assert (found.file, found.offset, found.seq, found.reason) == ("inputs-000001.jsonl", 17, 3, "flipped byte")
