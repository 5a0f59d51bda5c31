"""The names that a report can show: people, roles, users, keys, tags. Only pseudonyms need them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from bedrock_guard.evidence.caller_names import short

if TYPE_CHECKING:
    from bedrock_guard.account.keys import Keys
    from bedrock_guard.account.resources import Resources
    from bedrock_guard.account.spending import Spending
    from bedrock_guard.boundary.spec import BoundarySpec
    from bedrock_guard.evidence.finding import Finding

_PUBLIC = re.compile(r"::|:aws:|:inference-profile/")
"""What stands in ARNs of things that are not an account's own: AWS's models and profiles."""
_ABOUT_THINGS = frozenset({"boundary_loosened", "guardrail_weakened", "log_store_weakened", "trail_weakened"})
"""Rules whose subject is no caller."""
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")
_NO_NAMES = frozenset({"", "user", "role", "root", "unknown", "Bedrock", "bedrock"})


def names_of_calls(calls: pd.DataFrame) -> dict[str, str]:
    """Principals, sessions, policies and opaque models of a table of calls -> kind."""
    found: dict[str, str] = {}
    for arn in _unique(calls, "principal"):
        found |= _of_arn(arn)
    for column in ("denied_resource", "denied_policy", "model_raw"):
        for arn in _unique(calls, column):
            found |= _of_arn(arn) if ":" in arn else {}
    found |= dict.fromkeys(_unique(calls, "session"), "session")
    found |= dict.fromkeys(_unique(calls, "access_key_id"), "key")
    return _kept(found)


def names_of_spending(spending: Spending) -> dict[str, str]:
    """Values of the caller tag -> kind."""
    return _kept(dict.fromkeys(_unique(spending.tagged, "tag_value"), "tag"))


def names_of_keys(keys: Keys) -> dict[str, str]:
    """Users, credentials, aliases, policies and groups -> kind."""
    found = dict.fromkeys(_unique(keys.table, "user"), "user")
    found |= dict.fromkeys(_unique(keys.table, "credential_id"), "key")
    found |= dict.fromkeys(_unique(keys.table, "alias"), "key")
    for name, facts in keys.users.items():
        found[name] = "user"
        found |= dict.fromkeys(facts.groups or (), "group")
        found |= dict.fromkeys(facts.inline_policies or (), "policy")
        for arn in (*(facts.attached_policies or ()), facts.boundary or ""):
            found |= {} if ":aws:policy/" in arn else _of_arn(arn)
    return _kept(found)


def names_of_resources(resources: Resources) -> dict[str, str]:
    """Names and ids of what exists, and the bucket and log group of invocation logs -> kind."""
    arns = (arn for column in ("arn", "model", "guardrail") for arn in _unique(resources.table, column))
    own = (arn.rpartition("/")[2] for arn in arns if "/" in arn and not _PUBLIC.search(arn))
    found = dict.fromkeys(own, "resource")
    found |= dict.fromkeys(_unique(resources.table, "name"), "resource")
    places = {
        place.removeprefix("s3://").removeprefix("log group ")
        for one in resources.logging
        for place in one.places
    }
    return _kept(found | dict.fromkeys(places, "resource"))


def names_of_findings(findings: Iterable[Finding]) -> dict[str, str]:
    """Guardrails, trails, buckets and bounded roles that findings are about -> kind."""
    found: dict[str, str] = {}
    for subject in (one.subject for one in findings if one.rule in _ABOUT_THINGS):
        if subject.startswith("arn:"):
            found |= _of_arn(subject)
        elif not _REGION.fullmatch(subject):
            found[subject] = "resource"
    return _kept(found)


def names_of_spec(spec: BoundarySpec) -> dict[str, str]:
    """Owners of exceptions."""
    return {entry.owner: "owner" for entry in spec.exceptions}


def _of_arn(arn: str) -> dict[str, str]:
    """The last name in an ARN of somebody's account, and its path."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[4] in {"", "aws"}:
        return {}
    kind, _, rest = parts[5].partition("/")
    names = [
        name
        for name in rest.split("/")
        if name and name not in {"aws-reserved", "sso.amazonaws.com", "service-role"}
    ]
    kinds = {name: (kind or "resource") if name == names[-1] else "path" for name in names}
    return kinds | ({short(names[-1]): "role"} if names and short(names[-1]) != names[-1] else {})


def _unique(frame: pd.DataFrame, column: str) -> Iterable[str]:
    if column not in frame.columns:
        return ()
    values: Iterable[Any] = frame[column].dropna().unique()
    return [str(value) for value in values if str(value)]


def _kept(found: dict[str, str]) -> dict[str, str]:
    return {name: kind for name, kind in found.items() if name not in _NO_NAMES}
