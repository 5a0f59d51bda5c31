"""Guardrails that exist in an account, and what one of them says to a typed prompt. The prompt is kept nowhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.answers import demanded
from bedrock_guard.account.pages import code_of, items
from bedrock_guard.boundary import names
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

_ATTEMPTS: Final = 2
_REMEDIES: Final = {
    "AccessDeniedException": "Ask for bedrock:ApplyGuardrail on this guardrail.",
    "ResourceNotFoundException": "Check the guardrail's ARN and its version.",
    "ValidationException": "Check the version, or try a shorter text.",
    "ThrottlingException": "Wait a moment and try again.",
    "ServiceQuotaExceededException": "Wait a moment and try again, or try a shorter text.",
}
_LISTS: Final = (
    ("topicPolicy", "topics", "denied topic", "name"),
    ("contentPolicy", "filters", "filter", "type"),
    ("wordPolicy", "customWords", "one of the guardrail's own words", None),
    ("wordPolicy", "managedWordLists", "list of words", "type"),
    ("sensitiveInformationPolicy", "piiEntities", "personal data", "type"),
    ("sensitiveInformationPolicy", "regexes", "pattern", "name"),
)


class PromptError(GuardError):
    """A prompt that could not be judged. Never holds the prompt."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A guardrail that the account's Region holds."""

    arn: str
    name: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a prompt met: the rule, never the text that met it.

    `action` is AWS's word: BLOCKED, ANONYMIZED, or NONE where the guardrail only detects.
    """

    rule: str
    action: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a guardrail said; `units` is the number of policy text units it used."""

    intervened: bool
    findings: tuple[Finding, ...]
    units: int


def guardrails(account: Account) -> tuple[Existing, ...]:
    """The guardrails of the account's own Region, by name. Free of charge.

    Raises:
        UnreadableError: AWS refused or could not be asked.
        NotAwsAnswer: the answer was not AWS's.
    """
    rows = items(account.client("bedrock"), "list_guardrails", "guardrails", "nextToken")
    found = [Existing(str(row["arn"]), str(row.get("name", ""))) for row in rows]
    return tuple(sorted(found, key=lambda row: (row.name, row.arn)))


def apply_guardrail(account: Account, arn: str, version: str, prompt: str) -> Judgement:
    """Ask a guardrail of a real account about a prompt, as input. Charged by AWS per 1,000 characters.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html

    Args:
        account: a real account; the demo has no ApplyGuardrail.
        arn: the guardrail's ARN, without its version; its Region is asked.
        version: a number, or DRAFT.
        prompt: sent to Bedrock and forgotten.

    Raises:
        PromptError: nothing to judge, no guardrail named, or AWS refused. Holds AWS's code, not its message, which
            may repeat the prompt.
    """
    parts = names.guardrail(arn)
    if parts is None:
        raise PromptError("No guardrail is named.", remedy="Give the ARN of one, without a version.")
    if not prompt.strip():
        raise PromptError("There is no text to try.", remedy="Type a prompt first.")
    client = account.client("bedrock-runtime", parts["region"], attempts=_ATTEMPTS)
    return _judgement(_asked(client, arn, version, prompt))


def _asked(client: Any, arn: str, version: str, prompt: str) -> Mapping[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError

    content = [{"text": {"text": prompt}}]
    try:
        with _no_request_bodies_in_the_log():
            answer: Mapping[str, Any] = client.apply_guardrail(
                guardrailIdentifier=arn, guardrailVersion=version, source="INPUT", content=content
            )
    except ClientError as error:
        code = code_of(error)
    except BotoCoreError as error:
        code = type(error).__name__
    else:
        return answer
    raise PromptError(
        "The prompt was not judged.", why=f"AWS says {code}.", remedy=_REMEDIES.get(code, "Try again.")
    )


@contextmanager
def _no_request_bodies_in_the_log() -> Iterator[None]:
    """Keep prompts out: botocore writes whole requests and answers into its debug log."""
    log = logging.getLogger("botocore")
    before = log.level
    log.setLevel(max(log.getEffectiveLevel(), logging.INFO))
    try:
        yield
    finally:
        log.setLevel(before)


def _judgement(answer: Mapping[str, Any]) -> Judgement:
    findings = [
        Finding(f"{words}: {entry.get(key, 'unnamed')}" if key else words, str(entry.get("action", "NONE")))
        for assessment in demanded(answer, "assessments")
        for policy, member, words, key in _LISTS
        for entry in assessment.get(policy, {}).get(member, ())
        if entry.get("detected", True)
    ]
    usage = demanded(answer, "usage")
    units = sum(int(n) for name, n in usage.items() if name.endswith("PolicyUnits"))
    intervened = demanded(answer, "action") == "GUARDRAIL_INTERVENED"
    return Judgement(intervened, tuple(dict.fromkeys(findings)), units)
