"""The page of all findings about keys, written from the rules themselves; `docs/findings.md` holds it.

Rewrite it with `python -m bedrock_guard.evidence.findings_page docs/findings.md`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from inspect import getdoc
from pathlib import Path
from typing import Any

from bedrock_guard.evidence import rules_changes, rules_keys, rules_logging, rules_use, rules_watch
from bedrock_guard.evidence.finding import Thresholds

_FAMILIES: dict[str, Sequence[Callable[..., Any]]] = {
    "Keys and users made for a key": rules_keys.RULES,
    "Use": rules_use.RULES,
    "Logs and trails": rules_logging.RULES,
    "Guardrails, models, commitments, limits": rules_changes.RULES,
    "What the spec or a deadline makes a finding": (
        rules_watch.break_glass_used,
        rules_watch.denied_burst,
        rules_watch.key_expiring,
    ),
}
_EXAMPLES = re.compile(r"True:\s(?P<is>.+?)\sFalse:\s(?P<none>.+)", re.DOTALL)
_ARGUMENT = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.DOTALL | re.MULTILINE)


def page() -> str:
    """The page as Markdown."""
    return "\n".join(
        [*_head(), *_thresholds(), *(line for family in _FAMILIES.items() for line in _rules(*family))]
    )


def _head() -> Iterator[str]:
    yield "# Findings about keys"
    yield ""
    yield "What `bedrock-guard keys`, its notebook and the key usage report look for. A finding says what happened, not"
    yield "that somebody is guilty; three different signs of theft about one caller make it a suspect."
    yield ""


def _thresholds() -> Iterator[str]:
    """The thresholds with their defaults."""
    words = dict(_ARGUMENT.findall(getdoc(Thresholds) or ""))
    yield "Thresholds are whole numbers in the spec file; what is not named keeps its default:"
    yield ""
    yield "```toml"
    yield "[findings]"
    yield "key_age_days = 30"
    yield "```"
    yield ""
    yield "| threshold | default | meaning |"
    yield "|---|---|---|"
    for item in fields(Thresholds):
        yield f"| `{item.name}` | {item.default} | {_line(words[item.name])} |"
    yield ""


def _rules(title: str, rules: Sequence[Callable[..., Any]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| finding | what | speaks | does not speak |"
    yield "|---|---|---|---|"
    for rule in rules:
        doc = (getdoc(rule) or "").partition("\nArgs:")[0]
        found = _EXAMPLES.search(doc)
        speaks, silent = (found["is"], found["none"]) if found else ("", "")
        name = getattr(rule, "__name__", "")
        yield f"| `{name}` | {_line(doc[: found.start()] if found else doc)} | {_line(speaks)} | {_line(silent)} |"
    yield ""


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
