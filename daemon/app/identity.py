"""Which code runs: version, commit, digest of the sources, versions of what we depend on."""

from __future__ import annotations

import hashlib
import platform
import secrets
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from daemon import __version__
from daemon.journal.manifest import Code

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("adapters", "daemon", "replay", "strategies")


@cache
def code_identity() -> Code:
    """Version, commit and digest of the code in use."""
    commit = _git("rev-parse", "HEAD")
    dirty = bool(commit) and bool(_git("status", "--porcelain", "--untracked-files=no"))
    return Code(version=__version__, commit=commit, dirty=dirty, digest=_source_digest())


def dependency_versions() -> dict[str, str]:
    """Installed versions of the declared dependencies."""
    found: dict[str, str] = {}
    try:
        declared = requires("lockstep") or []
    except PackageNotFoundError:
        return found
    for requirement in declared:
        name = requirement.split(">")[0].split("=")[0].split(";")[0].strip()
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def python_version() -> str:
    """Implementation and version of the interpreter."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def new_lineage() -> str:
    """80 random bits in hexadecimal: the identity of a journal, drawn once and written into its manifest."""
    return secrets.token_hex(10)


def _source_digest() -> str:
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _git(*arguments: str) -> str:
    if not (ROOT / ".git").exists():
        return ""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
