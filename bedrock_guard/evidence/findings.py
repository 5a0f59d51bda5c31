"""Findings: what in the records and the keys deserves a person's look, each with its evidence and its limits.

The rules are in `rules_keys`, `rules_use`, `rules_logging` and `rules_changes`; `find` asks them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bedrock_guard.evidence import rules_changes, rules_keys, rules_logging, rules_use
from bedrock_guard.evidence.finding import Evidence, Finding, Thresholds, bedrock_calls, is_bedrock_call
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.packed import packed, unpacked
from bedrock_guard.evidence.tables import require
from bedrock_guard.evidence.usage import TRAIL

if TYPE_CHECKING:
    import pandas as pd

_ORDER: Final = ("high", "medium", "low")


def find(evidence: Evidence, thresholds: Thresholds | None = None) -> tuple[Finding, ...]:
    """Every finding of every rule, the gravest first, then the latest.

    Raises:
        MissingColumns: `evidence.calls` is no trail table.
    """
    require(evidence.calls, TRAIL)
    limits = thresholds or Thresholds()
    changes, use = _but_model_calls(evidence.calls), _ordered(bedrock_calls(packed(evidence.calls)))
    families = (
        (rules_keys.RULES, changes),
        (rules_use.RULES, use),
        (rules_logging.RULES, changes),
        (rules_changes.RULES, changes),
    )
    found = [
        finding
        for rules, calls in families
        for rule in rules
        for finding in rule(replace(evidence, calls=calls), limits)
    ]
    return ranked(found)


def ranked(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, the gravest first, then the latest."""
    return tuple(sorted(found, key=_rank))


def _but_model_calls(calls: pd.DataFrame) -> pd.DataFrame:
    """All but model calls on an endpoint of Bedrock: few rows, and all that rules about keys and changes look at."""
    return unpacked(calls[~(calls["operation"].isin(list(INVOCATIONS)) & is_bedrock_call(calls))])


def _ordered(calls: pd.DataFrame) -> pd.DataFrame:
    """The same calls, oldest first; ids are objects, so that rules about use choose rows without copying texts."""
    found = calls.astype({"event_id": "object"})
    in_order = found["event_time"].is_monotonic_increasing
    return found if in_order else found.sort_values("event_time", kind="stable")


def _rank(finding: Finding) -> tuple[int, float, str]:
    latest = finding.last_seen.timestamp() if finding.last_seen else 0.0
    return _ORDER.index(finding.severity), -latest, finding.title
