"""The documents tell the truth: commands, options, codes, fields and links exist, and their examples run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer
from msgspec import Struct

from daemon.app.run_folders import find_run
from daemon.cli import app, run
from daemon.cli.exits import Exit, exit_of
from daemon.core import errors, guards, records, strategy
from daemon.core.events import Fact, HouseFact, Link, Timer
from daemon.journal import Code, Journal, JournalSettings, Manifest, Seal, Stream, read_records
from daemon.journal.layout import Segment, read_segment

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "logs" / "README.md", ROOT / "examples" / "README.md"])
TEXTS = (".md", ".py", ".toml", ".lock", ".json", ".yml", ".yaml", ".txt", "Makefile", "run", ".gitignore", "LICENSE")
SKIPPED = {".git", ".venv", ".venv-clients", ".venv-differential", "logs", "build", "dist", "__pycache__"}
MINUTE = 60_000_000_000


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# Commands


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(path), command
        return
    for name, child in inner.items():
        yield from leaves(child, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app), ("lockstep",)))


def option_names(command: Any) -> set[str]:
    shown = [option for option in command.params if option.param_type_name == "option" and not option.hidden]
    return {name for option in shown for name in option.opts}


def argument_names(command: Any) -> set[str]:
    return {item.name.upper() for item in command.params if item.param_type_name == "argument"}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    described = {title for title in sections(read("docs/commands.md")) if title.startswith("lockstep ")}
    assert described == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_of_a_command_is_described(name: str) -> None:
    text = sections(read("docs/commands.md"))[name]
    described = set(re.findall(r"`(--[a-z-]+|[A-Z]+)`", text)) - {"SIGTERM"}
    assert option_names(COMMANDS[name]) <= described
    assert argument_names(COMMANDS[name]) <= described


def test_every_exit_code_is_described_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", read("docs/commands.md"), re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {exit_.name: exit_.value for exit_ in Exit}


def shown_commands() -> list[tuple[str, str]]:
    lines = [(page, line) for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    found = [(page, re.match(r"^(?:\$ )?(lockstep [a-z].*)", line)) for page, line in lines]
    return [(page.name, match[1]) for page, match in found if match]


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_a_command_that_a_page_shows_exists_with_its_options(page: str, line: str) -> None:
    words = re.split(r" #| \(", line)[0].split()
    name = " ".join(words[:3]) if words[1] == "config" else " ".join(words[:2])
    assert name in COMMANDS, page
    assert {word for word in words if word.startswith("--")} <= option_names(COMMANDS[name]) | {"--help"}


# Names


def test_every_error_has_a_cure() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    rows = re.findall(r"^\| `(\w+)` \|", read("docs/troubleshooting.md"), re.MULTILINE)
    assert kinds <= set(rows)


def test_the_exit_code_of_every_error_is_right() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", read("docs/troubleshooting.md"), re.MULTILINE)
    known = {name: int(code) for name, code in rows}
    corrupt = errors.JournalCorrupt("", file="", offset=0, seq=0)
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.LockstepError) and name in known:
            error = corrupt if kind is errors.JournalCorrupt else kind("")
            assert known[name] == exit_of(error), name


def test_every_guard_is_described_with_its_code_and_setting() -> None:
    text = read("docs/guards.md")
    codes = set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", guards.__doc__ or ""))
    assert len(codes) == len(guards.ENTRY_GUARDS)
    assert all(f"`{code}`" in text for code in codes)
    assert all(f"`{field}`" in text for field in guards.GuardSettings.__struct_fields__)


LINES: tuple[type[Struct], ...] = get_args(records.Record)
INNER = (records.Context, records.Choice, records.Verdict, records.Window)


def said(text: str) -> set[str]:
    """Names in backticks, dotted ones cut into their words."""
    return {word for name in re.findall(r"`([a-z_.]+)`", text) for word in name.split(".")}


@pytest.mark.parametrize("kind", [*LINES, *get_args(HouseFact), *INNER], ids=lambda kind: str(kind.__name__))
def test_every_field_on_disk_is_explained(kind: type[Struct]) -> None:
    assert set(kind.__struct_fields__) <= said(read("docs/streams.md"))


def test_every_key_of_the_manifest_is_explained() -> None:
    assert set(Manifest.__struct_fields__) <= said(sections(read("docs/streams.md"))["The manifest"])


def test_every_field_and_trigger_of_a_strategy_is_explained() -> None:
    text = read("docs/strategies.md")
    parts = sections(text)
    assert set(strategy.Snapshot.__struct_fields__) <= said(parts["The snapshot"])
    assert set(strategy.Decision.__struct_fields__) <= said(parts["The decision"])
    assert {trigger.__name__ for trigger in get_args(strategy.Trigger)} <= set(
        re.findall(r"^\| `(\w+)\(", parts["Triggers"], re.MULTILINE)
    )


def sample_lines() -> list[str]:
    text = read("docs/streams.md")
    return [line for block in blocks(text, "json") for line in block.splitlines()]


@pytest.mark.parametrize("line", sample_lines(), ids=lambda line: str(json.loads(line)["kind"]))
def test_a_sample_line_is_one_that_this_version_reads(line: str) -> None:
    kind = json.loads(line)["kind"]
    if kind == "fact":
        raw = line[line.index(',"raw":') + 7 : line.rindex(',"crc":"')]
        assert msgspec.json.encode(msgspec.json.decode(raw, type=Fact)) == raw.encode()
    elif kind not in ("frame", "bytes"):
        record = msgspec.json.decode(line, type=records.Record)
        assert msgspec.json.encode(record).decode()[:-1] == line[: line.rindex(',"crc":"')]


def test_there_is_a_sample_of_every_kind_of_line() -> None:
    kinds = {json.loads(line)["kind"] for line in sample_lines()}
    assert kinds == {"frame", "bytes", "fact", *(str(kind.__struct_config__.tag) for kind in LINES)}


def dotted_names() -> list[tuple[str, str]]:
    pattern = r"`((?:daemon|adapters|replay|strategies)\.[A-Za-z_.]+)`"
    found = [(page.name, name) for page in PAGES for name in re.findall(pattern, page.read_text(encoding="utf-8"))]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "name"), dotted_names())
def test_a_module_or_class_that_a_page_names_exists(page: str, name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"{page}: {name}")


def defined_names() -> set[str]:
    """Functions and `Class.method`s of the sources."""
    found: set[str] = set()
    for folder in ("daemon", "adapters", "replay", "strategies"):
        for path in (ROOT / folder).rglob("*.py"):
            kind = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                if match := re.match(r"(?:async )?(?:class|def) (\w+)", line):
                    kind = match[1]
                    found.add(kind)
                elif match := re.match(r"    (?:async )?def (\w+)", line):
                    found.add(f"{kind}.{match[1]}")
    return found


def test_every_method_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([A-Z]\w+\.\w+)`", read("docs/architecture.md")))
    assert len(named) > 25
    assert named <= defined_names()


# Links


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links() -> list[tuple[Path, str]]:
    pattern = r"\]\(([^)\s]+)\)"
    return [(page, link) for page in PAGES for link in re.findall(pattern, prose(page.read_text(encoding="utf-8")))]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda value: value.name if isinstance(value, Path) else value)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    if link.startswith("https://"):
        return
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_page_can_be_reached_from_the_readme() -> None:
    targets = {(page.parent / link.partition("#")[0]).resolve() for page, link in links()}
    assert {page for page in PAGES if page.name != "README.md" or page.parent != ROOT} <= targets


# Examples that run


def example() -> tuple[str, str]:
    text = sections(read("docs/strategies.md"))["A complete example"]
    return blocks(text, "python")[0], blocks(text, "toml")[0]


def test_the_strategy_of_the_guide_trades_in_a_backtest(tmp_path: Path) -> None:
    code, config = example()
    (tmp_path / "dip_buyer.py").write_text(code, encoding="utf-8")
    (tmp_path / "dip_buyer.toml").write_text(config.replace("../adapters", str(ROOT / "adapters")), encoding="utf-8")
    logs = tmp_path / "logs"
    assert run(["backtest", str(tmp_path / "dip_buyer.toml"), "--logs", str(logs), "--json"]) == Exit.OK
    lines = list(read_records(find_run("latest", logs)))
    decided = [line for line in lines if isinstance(line, records.DecisionLine)]
    shown = re.search(r"^SOLUSDT +([\d,]+) .* (\d+) +(\d+) +[\d.]+ +[+-]", read("docs/strategies.md"), re.MULTILINE)
    assert shown is not None
    assert len(decided) == int(shown[1].replace(",", ""))
    assert sum(isinstance(line, records.FillLine) for line in lines) == int(shown[3])
    assert run(["explain", "latest", "125", "--logs", str(logs), "--json"]) == Exit.OK


def small_run(folder: Path) -> Path:
    """A run of two segments for each stream, written by the journal itself: midnight lies in between."""
    run_dir = folder / "shadow-test"
    manifest = Manifest(run_id="shadow-test", lineage="0" * 20, mode="shadow", created="", code=Code(version="0"))
    journal = Journal.create(run_dir, manifest, JournalSettings(fsync="none"))
    for minute in range(-2, 3):
        ts = 20_000 * 1440 * MINUTE + minute * MINUTE
        journal.append_fact(ts, "public-1", Link("public-1", up=True))
        journal.append_fact(ts, "loop", Timer("tick", ts))
        journal.append_frame(ts, "public-1", b'{"topic":"tickers.BTCUSDT"}')
        cause = journal.append_frame(ts, "public-1", b"\xff not one line of JSON\n")
        journal.append_decision(records.HaltLine(minute + 3, cause, ts, "main", halted=False, reason="test"))
    assert isinstance(journal.close(ended="2024-10-04T00:00:00Z", reason="test"), Seal)
    return run_dir


def verify_with_the_snippet(folder: Path, run_dir: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "check_chain.py"
    script.write_text(blocks(read("docs/streams.md"), "python")[0], encoding="utf-8")
    return subprocess.run([sys.executable, str(script), str(run_dir)], capture_output=True, text=True, check=False)


def test_the_verifier_of_the_format_page_accepts_a_real_run(tmp_path: Path) -> None:
    run_dir = small_run(tmp_path)
    assert len(list(run_dir.glob("*.jsonl.zst"))) == 4
    done = verify_with_the_snippet(tmp_path, run_dir)
    assert done.stdout == "inputs 20 records are good\ndecisions 5 records are good\n"
    assert done.returncode == 0


def test_the_verifier_of_the_format_page_names_a_flipped_byte(tmp_path: Path) -> None:
    run_dir = small_run(tmp_path)
    (packed,) = run_dir.glob("decisions-000002.jsonl.zst")
    content = b"".join(read_segment(Segment(run_dir, Stream.DECISIONS, 2, packed=True), 1 << 20))
    packed.unlink()
    packed.with_suffix("").write_bytes(content.replace(b'"lane":"main"', b'"lane":"maim"', 1))
    done = verify_with_the_snippet(tmp_path, run_dir)
    assert (done.returncode, done.stderr) == (1, "decisions: record 3 is bad\n")


def test_the_verifier_of_the_format_page_fits_into_twenty_lines_of_code() -> None:
    code = blocks(read("docs/streams.md"), "python")[0]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 20


@pytest.mark.parametrize("page", ["sandbox.md", "strategies.md"])
def test_python_and_toml_on_a_page_can_be_read(page: str) -> None:
    text = read(f"docs/{page}")
    assert all(compile(block, page, "exec") for block in blocks(text, "python"))
    assert all(tomllib.loads(block) for block in blocks(text, "toml"))
    assert blocks(text, "python")
    assert blocks(text, "toml")


# The repository


def texts() -> Iterator[Path]:
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any(part in SKIPPED or (part.startswith(".") and part.endswith("_cache")) for part in parts[:-1])
        if path.is_file() and not hidden and ".hypothesis" not in parts and path.name.endswith(TEXTS):
            yield path


def test_no_text_names_a_path_of_somebodys_machine() -> None:
    machine = re.compile(
        "|".join(["/" + name + "/" for name in ("work", "home", "root", "Users")]) + r"|\.\./" + "shared"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if machine.search(line)
    ]
    assert found == []


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## [{version('lockstep')}]" in read("docs/CHANGELOG.md")


def test_every_decision_is_listed_and_numbered_without_a_gap() -> None:
    pages = sorted((DOCS / "adr").glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", read("docs/adr/README.md"))
    assert [page.name for page in pages] == listed
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert set(sections(text)) == {"Context", "Decision", "Consequences"}


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", read("docs/adr/0002-dependencies.md"), re.MULTILINE)
    told = {name.strip() for row in rows for name in row.split(",")}
    assert {re.split(r"[><=;]", line)[0].strip() for line in wanted} <= told
