"""The pages beside the code: every link leads somewhere, every command, option and import in them exists."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
import typer

from bedrock_guard.cli import app

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.M | re.S)
COMMANDS = typer.main.get_command(app)


def pages() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def dead_links(page: Path) -> list[str]:
    return [to for to in LINK.findall(text_of(page)) if not (page.parent / to).exists()]


def dead_paths(text: str) -> list[str]:
    """Files of this repository that are named in code and are not there."""
    named = re.findall(
        r"`((?:bedrock_guard|notebooks|docs|tests|\.ci)/[\w./-]+)`|python -m (bedrock_guard[\w.]+)", text
    )
    paths = [path or f"{module.replace('.', '/')}.py" for path, module in named]
    return [path for path in paths if not (ROOT / path).exists()]


def command_lines(text: str) -> Iterator[list[str]]:
    """Each call of the command line in a page, in words, without its comment."""
    whole = text.replace("\\\n", " ")
    for line in re.findall(r"(?:^ {4}|^\$ |^- run: |`)(bedrock-guard [^`\n]*)", whole, flags=re.M):
        words = shlex.split(line.replace("|", " "), comments=True)
        yield words[1:]


def wrong_words(words: list[str]) -> list[str]:
    """The command of a call if there is none such, else its options that the command does not take."""
    assert isinstance(COMMANDS, click.Group) or hasattr(COMMANDS, "commands")
    named = next((word for word in words if not word.startswith("-")), None)
    if named is None or named == "COMMAND":
        return []
    command = COMMANDS.commands.get(named)
    if command is None:
        return [named]
    taken = {"--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}
    given = [word.partition("=")[0].rstrip(",.)") for word in words if word.startswith("--")]
    return [option for option in given if option not in taken]


def imports(text: str) -> Iterator[tuple[str, str]]:
    """Each name that a page imports from this package."""
    code = "\n".join(body for language, body in FENCE.findall(text) if language == "python")
    code += "\n".join(line.strip() for line in re.findall(r"^ {4}from bedrock_guard[^\n]*", text, flags=re.M))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bedrock_guard"):
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_names_nothing_that_is_not_there(page: Path) -> None:
    text = text_of(page)
    assert not dead_links(page)
    assert not dead_paths(text)
    assert not [(words, wrong) for words in command_lines(text) if (wrong := wrong_words(words))]
    assert not [(home, name) for home, name in imports(text) if not hasattr(import_module(home), name)]


def test_the_pages_name_every_command() -> None:
    named = {words[0] for page in pages() for words in command_lines(text_of(page)) if words}
    assert set(COMMANDS.commands) <= named


def test_the_page_for_newcomers_is_whole() -> None:
    text = text_of(ROOT / "README.md")
    assert len(list(imports(text))) >= 1
    assert len(list(command_lines(text))) >= 12
    assert {"make demo", "make test", "make lab"} <= set(re.findall(r"make \w+", text))


def test_what_is_not_there_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) `docs/gone.md`\n\n    bedrock-guard spend --nothing  # --days\n", encoding="utf-8"
    )
    assert dead_links(page) == ["gone.md"]
    assert dead_paths(text_of(page)) == ["docs/gone.md"]
    assert [wrong_words(words) for words in command_lines(text_of(page))] == [["--nothing"]]
    assert wrong_words(["none"]) == ["none"]
