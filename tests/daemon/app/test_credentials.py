"""Keys come from variables, which are taken away, or from a file that nobody else can read or replace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.app.credentials import read_credentials
from daemon.core.errors import ArmingRefused

TOML = 'key = "canary-key-12345"\nsecret = "canary-secret-67890"\n'


def secrets_file(folder: Path, text: str = TOML, mode: int = 0o600, name: str = "demo.toml") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def code_of(path: Path | None, *outside: Path, variables: dict[str, str] | None = None) -> str:
    with pytest.raises(ArmingRefused) as caught:
        read_credentials("demo", path, variables=variables or {}, outside=outside)
    assert caught.value.cure
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.code


def test_variables_are_read_and_removed() -> None:
    variables = {"LOCKSTEP_DEMO_KEY": "k", "LOCKSTEP_DEMO_SECRET": "s", "LOCKSTEP_OTHER_KEY": "o"}
    found = read_credentials("demo", None, variables=variables, outside=[])
    assert (found.key, found.secret.reveal()) == ("k", "s")
    assert variables == {"LOCKSTEP_OTHER_KEY": "o"}


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ArmingRefused, match="KEY_MISSING: demo: no key: LOCKSTEP_DEMO_SECRET is not set"):
        read_credentials("demo", None, variables={"LOCKSTEP_DEMO_KEY": "k"}, outside=[])


@pytest.mark.parametrize(
    ("name", "text"),
    [("demo.toml", TOML), ("demo.json", '{"key": "canary-key-12345", "secret": "canary-secret-67890"}')],
)
def test_a_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    found = read_credentials("demo", secrets_file(tmp_path, text, name=name), variables={}, outside=[])
    assert (found.key, found.secret.reveal()) == ("canary-key-12345", "canary-secret-67890")
    assert "canary" not in f"{found} {found!r} {found.secret}"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o400, 0o700])
def test_a_file_with_another_mode_is_refused(tmp_path: Path, mode: int) -> None:
    assert code_of(secrets_file(tmp_path, mode=mode)) == "SECRETS_MODE"


def test_a_link_is_refused_although_it_leads_to_a_good_file(tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(secrets_file(tmp_path))
    assert code_of(link) == "SECRETS_LINK"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.toml") == "SECRETS_MISSING"
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert code_of(tmp_path / "pipe") == "SECRETS_NO_FILE"
    (tmp_path / "folder").mkdir(mode=0o700)
    assert code_of(tmp_path / "folder") == "SECRETS_NO_FILE"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = secrets_file(tmp_path)
    os.chown(path, 65534, 65534)
    assert code_of(path) == "SECRETS_OWNER"


def test_a_file_in_the_project_the_logs_or_a_git_tree_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    path = secrets_file(deep)
    assert code_of(path, tmp_path / "a") == "SECRETS_IN_PROJECT"
    assert code_of(deep / ".." / "b" / path.name, deep) == "SECRETS_IN_PROJECT"
    (tmp_path / ".git").mkdir()
    assert code_of(path) == "SECRETS_IN_GIT"


@pytest.mark.parametrize(
    "text",
    [
        "canary-key-12345",
        'key = "canary-key-12345"',
        TOML + "canary = 1",
        'key = 1\nsecret = "canary-secret-67890"',
        'key = ""\nsecret = "canary-secret-67890"',
        'key = "canary-key-12345\n',
    ],
)
def test_a_file_that_holds_something_else_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    assert code_of(secrets_file(tmp_path, text)) == "SECRETS_UNREADABLE"
