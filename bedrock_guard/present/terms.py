"""Words that not everybody knows, each explained where it stands: on hover, and for who reaches it by key or touch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Final

TERMS: Final[Mapping[str, str]] = {
    "not decided by the boundary": "Guardrails, agents, storage and lines of the bill that name no model: "
    "no call to a model is behind them.",
    "control total": "The bill as Cost Explorer tells it when asked for nothing else; all parts must add up to it.",
    "break glass": "Whoever can always undo: must exist, and is never bound.",
    "stranded": "Of a commitment (provisioned throughput) that is paid until its term ends, though calls to it would "
    "be refused.",
    "unknown": "It hangs on something that no record tells; it is in no other number.",
    "canary": "The one user or role that gets the change first; the others follow when you say so.",
    "witness": "One request that shows it: really answered otherwise before and after.",
    "routes": "How a call reaches a model: in its own Region, through a profile of a geography (us, eu), or through "
    "the global one.",
    "route": "How a call reaches a model: in its own Region, through a profile of a geography (us, eu), or through "
    "the global one.",
    "no caller known": "No call, batch job or commitment says whose these dollars are: cache, images, the mantle "
    "endpoint, batch jobs that several share. Accounts whose calls were not read stand apart.",
    "calls not read": "This account sees the bill of that one, and not its calls: who called, and by which route or "
    "key, can be read there alone.",
    "mantle": "The second endpoint of Bedrock (bedrock-mantle), which speaks OpenAI's API.",
    "identity-based policy": "A policy attached to the user or role itself. The spec's are managed policies that only "
    "deny, and hold what the boundary has no room for.",
    "phantom": "An IAM user that the console made for one API key; it stays when the key is forgotten.",
    "SCP": "Service control policy: binds every user and role of the accounts it is attached to.",
}
"""Word -> what it means, in half a sentence."""
_ANY: Final = re.compile(rf"<[^>]*>|\b(?:{'|'.join(map(re.escape, TERMS))})\b")
"""A tag, which is left as it is, or one of the words."""


def explained(html: str) -> str:
    """HTML in which each of the words is explained where it stands first.

    Example:
        >>> explained("stranded and stranded").count("<abbr")
        1

    """
    told: set[str] = set()

    def marked(found: re.Match[str]) -> str:
        word = found[0]
        if word in told or word not in TERMS:
            return word
        told.add(word)
        return f'<abbr tabindex="0" title="{escape(TERMS[word])}">{word}</abbr>'

    return _ANY.sub(marked, html)
