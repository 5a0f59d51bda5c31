"""The investigator's questions about keys, each answered with its evidence and how complete the answer is.

An answer that the data cannot give says so; "none seen" is never "none" where something could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bedrock_guard.evidence.answer import (
    Answer,
    Ask,
    Case,
    from_rules,
)
from bedrock_guard.evidence.answers_calls import (
    agents,
    building,
    gaps,
    models,
    networks,
    off_hours,
    refused,
    short_term,
    spread,
    unseen,
)
from bedrock_guard.evidence.answers_keys import (
    changes,
    creators,
    further,
    key_states,
    keys_listed,
    last_used,
    rights,
)
from bedrock_guard.evidence.finding import Finding
from bedrock_guard.evidence.findings import find


def answers(case: Case, findings: Sequence[Finding] | None = None) -> tuple[Answer, ...]:
    """All twenty-two questions, answered in their order; `findings` are those of the case, where they were made."""
    findings = find(case.evidence) if findings is None else findings
    return tuple(
        ask(case, findings, number, question) for number, (question, ask) in enumerate(QUESTIONS, start=1)
    )


QUESTIONS: Final[tuple[tuple[str, Ask], ...]] = (
    ("Which long-term keys exist, on which users?", keys_listed),
    ("Which are active, inactive, expired; which never expire?", key_states),
    ("Who created them, when, from where?", creators),
    (
        "Who tried to create one and was refused?",
        from_rules("key_creation_refused", none="Nobody in the records."),
    ),
    (
        "Which were reset, switched on again or deleted?",
        changes,
    ),
    ("What may their users do?", rights),
    (
        "Which users with a key got or hold other credentials?",
        further,
    ),
    ("When were they last used?", last_used),
    ("Who used short-term keys, in how many sessions?", short_term),
    ("Which models, calls, tokens and dollars?", models),
    ("Which calls were refused, and by which layer?", refused),
    (
        "Was logging switched off or weakened?",
        from_rules(
            "invocation_logging_weakened",
            "logging_off_refused",
            "trail_weakened",
            "log_store_weakened",
            none="Not in the records.",
        ),
    ),
    ("Are there gaps in the records?", gaps),
    ("How many Regions did each caller call?", spread),
    ("From which networks?", networks),
    ("With which programs, since when?", agents),
    ("Was access to models opened?", from_rules("model_access_opened", none="Not in the records.")),
    (
        "What was started that costs by term, hour or job?",
        from_rules("costly_commitment", none="None in the records."),
    ),
    ("Were guardrails weakened?", from_rules("guardrail_weakened", none="Not in the records.")),
    ("What happened with agents, knowledge bases and prompts?", building),
    ("What was used outside office hours?", off_hours),
    ("What could not be seen?", unseen),
)
