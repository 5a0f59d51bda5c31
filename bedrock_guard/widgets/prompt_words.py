"""What is said of the rules for prompts: texts to read, counts, verdicts. Rules are named, a prompt never is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from bedrock_guard.account.prompts import Judgement
from bedrock_guard.boundary.guardrail import GAPS
from bedrock_guard.boundary.prompt_rules import PromptRules
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.words import many, visible
from bedrock_guard.present.table import NO_MATH
from bedrock_guard.widgets.parts import alert, status

_SHOWN: Final = 40_000


@dataclass(frozen=True, slots=True)
class Told:
    """A text to read, or why there is none; as HTML it is escaped and never a traceback."""

    text: str = ""
    note: str = ""
    problem: GuardError | None = None

    @classmethod
    def of(cls, make: Callable[[], Any], note: str = "") -> Told:
        """What `make` gives, JSON unless it is text already, or the error it raises."""
        try:
            made = make()
        except GuardError as error:
            return cls(problem=error)
        return cls(made if isinstance(made, str) else json.dumps(made, indent=2, ensure_ascii=False), note)

    def html(self) -> str:
        """A note and the text, or the error."""
        if self.problem:
            return alert(self.problem)
        shown = visible(self.text[:_SHOWN], lines=True)
        rest = len(self.text) - _SHOWN
        more = f"{rest:,} more characters are not shown here; the exported file has them." if rest > 0 else ""
        note = " ".join(filter(None, (self.note, more)))
        return (
            f"<div class='{NO_MATH}'>{line(note) if note else ''}"
            "<pre tabindex='0' style='max-height:30rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;"
            f"word-break:normal;line-height:1.35'>{escape(shown)}</pre></div>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        plain = str(self.problem) if self.problem else visible(self.text, lines=True)
        return {"text/html": self.html(), "text/plain": plain}


def more(count: int) -> str:
    """How many more there are, where there are any."""
    return f"And {count} more." if count > 0 else ""


def counted(rules: PromptRules) -> list[str]:
    """What else than the harm filters is set, in words."""
    found = {
        "images too": rules.images,
        f"prompt attack {rules.prompt_attack.lower()}": rules.prompt_attack != "NONE",
        "profanity": rules.profanity,
        many(len(rules.words), "word"): rules.words,
        many(len(rules.denied_topics), "denied topic"): rules.denied_topics,
        many(
            len(rules.personal_data), "kind of personal data", "kinds of personal data"
        ): rules.personal_data,
        many(len(rules.patterns), "pattern"): rules.patterns,
    }
    return [words for words, there in found.items() if there]


def words_verdict(rules: PromptRules, matched: tuple[str, ...]) -> str:
    """What the word rules say, naming the rules and not the prompt."""
    if not rules.words:
        return status("The rules name no words, so no word could match.")
    if not matched:
        return status(f"Word rules: passes. None of {many(len(rules.words), 'word')} is in it.")
    listed = ", ".join(f"“{visible(word)}”" for word in matched[:10])
    more = f" and {len(matched) - 10} more" if len(matched) > 10 else ""
    return status(f"Word rules: blocked by {listed}{more}.")


def not_judged(rules: PromptRules) -> str:
    """Which rules were not judged, for only Bedrock can."""
    left = [words for words in counted(rules) if not words.endswith((" word", " words", "images too"))]
    if rules.explicit_language != "NONE" or any(value != "NONE" for value in rules.filters.values()):
        left.insert(0, "explicit language")
    return f"Not judged here, for only Bedrock can: {', '.join(left)}." if left else "No other rule is set."


def judged(found: Judgement) -> str:
    """What the guardrail in the account said, naming its rules and not the prompt."""
    said = "intervenes" if found.intervened else "lets it pass"
    head = status(f"Bedrock: the guardrail {said}. {many(found.units, 'policy text unit')} used.")
    actions = {"BLOCKED": "blocked", "ANONYMIZED": "masked", "NONE": "detected only"}
    rows = "".join(
        f"<li>{escape(visible(f.rule))}: {escape(actions.get(f.action, f.action))}</li>"
        for f in found.findings
    )
    return head + (f"<ul style='line-height:1.4'>{rows}</ul>" if rows else "")


def line(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p style='margin:.2rem 0;line-height:1.4'>{escape(text)}</p>"


def gaps() -> str:
    """What no guardrail closes, as a list."""
    rows = "".join(f"<li>{escape(gap)}</li>" for gap in GAPS)
    return f"<p>What stays open whatever the rules say:</p><ul style='line-height:1.5'>{rows}</ul>"
