"""A file of parameters: YAML's NAME: VALUE lines and nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from bedrock_guard.reports.settings import BadParameters

_LINES: Final = "Write NAME: VALUE lines, for example days: 28."


def read_file(path: Path) -> dict[str, Any]:
    """Parameters of a YAML file: one mapping of names to plain values.

    Raises:
        BadParameters: it cannot be read, or is no such mapping.

    Example:
        days: 7
        budget_usd: 900

    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_flat(path, text)
        held = yaml.safe_load(text)
    except OSError as error:
        raise BadParameters(
            f"{path} cannot be read.", why=f"{error.strerror}.", remedy="Give the path of a YAML file."
        ) from error
    except (ValueError, yaml.YAMLError) as error:
        raise BadParameters(f"{path} is no YAML.", why=_where(error), remedy=_LINES) from error
    if held is None:
        return {}
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise BadParameters(f"{path} is no list of parameters.", remedy=_LINES)
    return {key: _plain(value) for key, value in held.items()}


def _plain(value: object) -> int | float | str | None:
    """Dates, and YAML's yes and no, as text: no parameter is one."""
    plain = isinstance(value, (int, float, str, type(None))) and not isinstance(value, bool)
    return value if plain else str(value)  # type: ignore[return-value]


def _where(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "It is no text in UTF-8."
    mark = getattr(error, "problem_mark", None)
    return f"Line {mark.line + 1} is not understood." if mark else "A value in it is not understood."


def _check_flat(path: Path, text: str) -> None:
    """Names once each, with one value: no alias that grows, nothing nested, no name that wins over itself."""
    depth, scalars = 0, list[str]()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise BadParameters(f"{path} has an alias (*{event.anchor}).", remedy=_LINES)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > 1:
            raise BadParameters(
                f"{path} nests values in values.", why="A parameter has one value.", remedy=_LINES
            )
        if depth == 1 and isinstance(event, yaml.ScalarEvent):
            scalars.append(event.value)
    names = scalars[::2]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadParameters(f"{path} gives a name twice: {', '.join(twice)}.", remedy="Keep one of them.")
