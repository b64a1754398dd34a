from __future__ import annotations

import pytest

from daemon.config.syntax import Format, format_of, read_document
from daemon.core.errors import ConfigError

TWICE = {
    "toml": "[feed]\ntrades = true\ntrades = false\n",
    "yaml": "feed:\n  trades: true\n  trades: false\n",
    "json": '{"feed": {"trades": true, "trades": false}}',
}
REFUSED: list[tuple[Format, str, str]] = [
    ("toml", "a = [", "not TOML"),
    ("toml", "a = 2025-05-06", "a: a value of type date is not allowed here"),
    ("toml", "a = nan", "a: nan is not a finite number"),
    ("toml", "a = -inf", "a: -inf is not a finite number"),
    ("toml", "a = 1e999", "a: inf is not a finite number"),
    ("toml", "a = 99999999999999999999", "a: the number does not fit 64 bits"),
    ("toml", 'a = { b = ["NaN"] }', "a.b[0]: 'NaN' is not a finite number"),
    ("toml", "a = " + "9" * 5000, "not TOML"),
    ("toml", "a = " + "[" * 5000, "nested too deeply"),
    ("toml", "a = " + "[" * 30 + "]" * 30, "nested too deeply"),
    ("toml", '"a\\u0007" = 1', "is not printable text"),
    ("yaml", "a: .nan", "a: nan is not a finite number"),
    ("yaml", "a: -.inf", "a: -inf is not a finite number"),
    ("yaml", "a: 1e999", "a: inf is not a finite number"),
    ("yaml", "a: nan", "a: 'nan' is not a finite number"),
    ("yaml", "a: !!python/object/apply:os.system [true]", "tags are not read (at line 1, column 4)"),
    ("yaml", "a: !!set {b}", "tags are not read"),
    ("yaml", "a: &x 1\nb: *x", "anchors and aliases are not read (at line 1, column 4)"),
    ("yaml", "b: *x", "anchors and aliases are not read"),
    ("yaml", "1: a", "a key is not text (at line 1, column 1)"),
    ("yaml", "? [a]\n: b", "a key is not text"),
    ("yaml", "a: 1\n---\nb: 2", "not YAML"),
    ("yaml", "a: [", "not YAML"),
    ("yaml", "a: \x07", "not YAML"),
    ("yaml", "a: " + "[" * 5000, "nested too deeply"),
    ("yaml", "", "the file holds nothing instead of a table"),
    ("yaml", "- a", "the file holds a list instead of a table"),
    ("json", "[1]", "the file holds a list instead of a table"),
    ("json", '{"a": NaN}', "a: nan is not a finite number"),
    ("json", '{"a": {"b": [1, -Infinity]}}', "a.b[1]: -inf is not a finite number"),
    ("json", '{"a": "\\ud800"}', "a: the text holds half a character"),
    ("json", '{"a": 1,}', "not JSON"),
    ("json", "[" * 100_000, "nested too deeply"),
    ("json", '{"a": "' + "x" * (1 << 20) + '"}', "the file is longer than 1 MiB"),
]


@pytest.mark.parametrize(("kind", "text", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_no_configuration_may_hold_is_refused(kind: Format, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(text, kind, "my.conf")
    assert str(caught.value).startswith("my.conf: ")
    assert reason in caught.value.message
    assert caught.value.cure


@pytest.mark.parametrize(("kind", "place"), [("toml", "line 3"), ("yaml", "line 3, column 3"), ("json", "feed.trades")])
def test_a_key_that_stands_twice_is_refused_with_its_place(kind: Format, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_document(TWICE[kind], kind, "my.conf")
    assert place in str(caught.value)
    assert "each key once" in caught.value.cure


def test_a_table_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 2"):
        read_document("[feed]\n[feed]\n", "toml", "my.toml")


def test_all_values_that_are_not_finite_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        read_document('{"a": NaN, "b": [Infinity]}', "json", "my.json")
    assert "my.json: a: " in str(caught.value)
    assert "my.json: b[0]: " in str(caught.value)


def test_yaml_scalars_mean_what_they_mean_in_json() -> None:
    meant = {
        "off": "off",
        "no": "no",
        "1:30": "1:30",
        "010": "010",
        "2025-05-06": "2025-05-06",
        "0x10": "0x10",
        "1_000": "1_000",
        "=": "=",
        "'1'": "1",
        "1e-3": 0.001,
        ".5": 0.5,
        "-7": -7,
        "true": True,
        "~": None,
    }
    text = "\n".join(f"key{index}: {scalar}" for index, scalar in enumerate(meant))
    assert list(read_document(text, "yaml", "my.yaml").values()) == list(meant.values())


def test_the_merge_key_of_yaml_is_a_key_like_any_other() -> None:
    assert read_document("<<: {a: 1}", "yaml", "my.yaml") == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".toml", "toml"), (".yaml", "yaml"), (".yml", "yaml"), (".JSON", "json")]
)
def test_the_ending_of_the_name_decides_the_format(suffix: str, kind: str) -> None:
    assert format_of(suffix, "my") == kind


@pytest.mark.parametrize("suffix", ["", ".ini", ".toml~"])
def test_another_ending_is_refused(suffix: str) -> None:
    with pytest.raises(ConfigError, match=r"my: cannot tell the format.*"):
        format_of(suffix, "my")
