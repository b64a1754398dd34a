from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import config_digest, load_config
from daemon.core.errors import ConfigError
from tests.daemon.config.builders import DOCUMENT, write


def test_a_file_is_loaded_by_its_ending(tmp_path: Path) -> None:
    digests = set()
    for name, kind in (("a.toml", "toml"), ("a.yaml", "yaml"), ("a.yml", "yaml"), ("a.json", "json")):
        (tmp_path / name).write_text(write(DOCUMENT, kind))  # type: ignore[arg-type]
        digests.add(config_digest(load_config(tmp_path / name)))
    assert len(digests) == 1


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + write(DOCUMENT, "toml").encode())
    assert load_config(path).symbols == ("BTCUSDT",)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for name, reason in (
        ("missing.toml", "no such file"),
        ("folder.toml", "this is a folder"),
        ("latin.toml", "not UTF-8 at byte 5"),
        ("a.ini", "cannot tell the format"),
        ("loop.toml", "cannot be read"),
        ("nul\0.toml", "cannot be read"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: {reason}")
        assert caught.value.cure


def test_the_message_begins_with_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text("[[lanes]]\nguards = { max_leverage = 500 }\n")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("x.toml"))
    assert str(caught.value).startswith("x.toml: lanes[0].guards.max_leverage: Expected float <= 125.0, got 500")
