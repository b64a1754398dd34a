"""Which code runs."""

from __future__ import annotations

from daemon import __version__
from daemon.app.identity import PACKAGES, ROOT, code_identity, dependency_versions, new_lineage, python_version


def test_the_code_is_told_by_version_and_digest_of_its_sources() -> None:
    code = code_identity()
    assert code.version == __version__
    assert len(code.digest) == 64
    assert len(code.commit) in {0, 40}
    assert all((ROOT / package / "__init__.py").is_file() for package in PACKAGES)


def test_the_versions_of_what_we_depend_on_are_told_in_order() -> None:
    found = dependency_versions()
    assert list(found) == sorted(found)
    assert {"msgspec", "websockets", "aiohttp", "zstandard"} <= found.keys()
    assert python_version().startswith("CPython 3.")


def test_a_lineage_is_eighty_bits_and_never_the_same() -> None:
    drawn = {new_lineage() for _ in range(100)}
    assert len(drawn) == 100
    assert {len(one) for one in drawn} == {20}
