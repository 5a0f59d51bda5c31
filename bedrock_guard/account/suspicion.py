"""Findings that need no more than a situation's calls, and who shows the signs of a stolen key by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bedrock_guard.evidence.finding import Evidence, Finding, Thresholds
from bedrock_guard.evidence.findings import find
from bedrock_guard.evidence.suspects import signs_of_theft
from bedrock_guard.evidence.usage import TRAIL

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation


def tells_each_call(situation: Situation) -> bool:
    """Whether the calls were read one by one: in counts no finding is looked for."""
    return set(TRAIL.columns) <= set(situation.calls.columns)


def call_findings(situation: Situation, limits: Mapping[str, int]) -> Sequence[Finding]:
    """What stands out in the calls of the window, by a spec's `findings`; nothing where they are counts."""
    if not tells_each_call(situation):
        return ()
    return find(Evidence(situation.calls, situation.account.now), Thresholds.of(limits))


def thieves(found: Sequence[Finding]) -> Mapping[str, Sequence[str]]:
    """ARNs of those that show the signs of a stolen key, with the signs in words."""
    return signs_of_theft((one.rule, one.subject) for one in found)
