"""Rules about changes: guardrails weakened, models opened, costs committed, limits taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.evidence.caller_names import short, who
from bedrock_guard.evidence.finding import (
    BEDROCK,
    Evidence,
    Finding,
    Rule,
    Severity,
    Thresholds,
    json_of,
    of_event,
    of_events,
    succeeded,
)

if TYPE_CHECKING:
    import pandas as pd

_STRENGTH: Final = {"NONE": 0, "LOW": 1, "MEDIUM": 2, "HIGH": 3}


def guardrail_weakened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A guardrail was deleted, or an update made a filter weaker; hidden values make it unknown.

    Values are compared with those of the same guardrail's last record that had any. True: a filter from HIGH to LOW.
    False: from LOW to HIGH.
    """
    calls = evidence.calls
    names = ("CreateGuardrail", "UpdateGuardrail", "DeleteGuardrail", "DeleteEnforcedGuardrailConfiguration")
    known: dict[str, dict[str, int]] = {}
    for _index, event in succeeded(calls, *names, source=BEDROCK).iterrows():
        asked, made = json_of(event["parameters"]), json_of(event["outcome"])
        named = asked.get("guardrailIdentifier") or made.get("guardrailId") or asked.get("configId")
        guardrail = str(named or "unknown")
        key = guardrail.rpartition("/")[2]
        operation, settings = str(event["operation"]), _strengths(asked)
        before = known.get(key)
        if settings:
            known[key] = settings
        if operation == "CreateGuardrail":
            continue
        if operation == "UpdateGuardrail":
            yield from _update(calls, event, guardrail, before, settings)
        else:
            what = (
                "the enforcement of guardrails" if "Enforced" in operation else f"the guardrail {guardrail}"
            )
            yield of_event(
                "guardrail_weakened", "high", f"{who(event)} deleted {what}.", guardrail, calls, event
            )


def _update(
    calls: pd.DataFrame,
    event: pd.Series[Any],
    guardrail: str,
    before: Mapping[str, int] | None,
    settings: Mapping[str, int],
) -> Iterator[Finding]:
    if not settings or before is None:
        title = (
            f"{who(event)} changed the guardrail {guardrail}; the record does not say whether it is weaker."
        )
        hidden = (
            "the record hides the values" if not settings else "no earlier record has values to compare with"
        )
        found = of_event(
            "guardrail_weakened", "low", title, guardrail, calls, event, completeness="unknown", why=hidden
        )
        yield found
        return
    weaker = sorted(name for name, strength in before.items() if settings.get(name, 0) < strength)
    if weaker:
        title = f"{who(event)} made the guardrail {guardrail} weaker: {', '.join(weaker)}."
        yield of_event("guardrail_weakened", "high", title, guardrail, calls, event, weaker=weaker)


def _strengths(asked: Mapping[str, Any]) -> dict[str, int]:
    """Every setting of a guardrail that has a strength, by name; what is absent is off."""
    found: dict[str, int] = {}
    for item in asked.get("contentPolicyConfig", {}).get("filtersConfig") or ():
        for side in ("input", "output"):
            on = item.get(f"{side}Enabled") is not False and item.get(f"{side}Action") != "NONE"
            strength = _STRENGTH.get(str(item.get(f"{side}Strength")), 0) if on else 0
            found[f"{item.get('type')} ({side})"] = strength
    for item in asked.get("sensitiveInformationPolicyConfig", {}).get("piiEntitiesConfig") or ():
        found[f"PII {item.get('type')}"] = {"BLOCK": 2, "ANONYMIZE": 1}.get(str(item.get("action")), 0)
    for item in asked.get("contextualGroundingPolicyConfig", {}).get("filtersConfig") or ():
        on = item.get("enabled") is not False and item.get("action") != "NONE"
        found[f"{item.get('type')} threshold"] = round(100 * (item.get("threshold") or 0)) + 1 if on else 0
    for policy, name in _COUNTED:
        if policy in asked:
            found[f"number of {name.removesuffix('Config')}"] = asked[policy].get(name) or 0
    for item in asked.get("wordPolicyConfig", {}).get("managedWordListsConfig") or ():
        found[f"managed words {item.get('type')}"] = int(item.get("inputAction") != "NONE")
    return found


_COUNTED: Final = (
    ("topicPolicyConfig", "topicsConfig"),
    ("wordPolicyConfig", "wordsConfig"),
    ("sensitiveInformationPolicyConfig", "regexesConfig"),
)

_OPENING: Final = (
    "PutUseCaseForModelAccess",
    "PutFoundationModelEntitlement",
    "CreateFoundationModelAgreement",
    "AcceptAgreementRequest",
)


def model_access_opened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Access to models was asked for or agreed to.

    True: PutFoundationModelEntitlement succeeded. False: ListFoundationModelAgreementOffers.
    """
    opened = succeeded(evidence.calls, *_OPENING)
    for (principal, _region), events in opened.groupby(["principal", "region"], dropna=False, sort=False):
        events.attrs = evidence.calls.attrs
        models = sorted({str(m) for m in events["model_raw"].dropna()})
        title = f"{who(events.iloc[0])} opened access to {', '.join(models) or 'models that the record does not name'}."
        facts = {"models": models, "operations": sorted(set(events["operation"]))}
        yield of_events("model_access_opened", "medium", title, str(principal), events, facts=facts)


COMMITMENTS: Final = {
    "CreateProvisionedModelThroughput": "bought provisioned throughput",
    "CreateModelCustomizationJob": "started to train a model",
    "CreateModelImportJob": "imported a model",
    "CreateModelInvocationJob": "started a batch job",
    "CreateEvaluationJob": "started to evaluate models",
    "CreateCustomModelDeployment": "deployed a custom model",
    "CreateMarketplaceModelEndpoint": "started a marketplace endpoint",
    "CreateReservation": "reserved capacity",
    "PurchaseCapacityBlock": "bought a capacity block",
    "PurchaseReservedInstancesOffering": "bought reserved instances",
}

_LASTING: Final = frozenset(COMMITMENTS) - {
    "CreateEvaluationJob",
    "CreateModelCustomizationJob",
    "CreateModelInvocationJob",
}


def costly_commitment(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """Something was started that costs by the hour, by the term or by the job; one finding a caller and operation.

    True: CreateProvisionedModelThroughput for six months. False: the same call refused.
    """
    made = succeeded(evidence.calls, *COMMITMENTS)
    for (principal, operation), events in made.groupby(["principal", "operation"], dropna=False, sort=False):
        events.attrs = evidence.calls.attrs
        times = f" ({len(events)} times)" if len(events) > 1 else ""
        terms = sorted({t for p in events["parameters"] if (t := json_of(p).get("commitmentDuration"))})
        term = f" for {_TERMS.get(terms[0], terms[0])}" if terms else ""
        title = f"{who(events.iloc[0])} {COMMITMENTS[str(operation)]}{times}{term}."
        severity: Severity = "medium" if operation in _LASTING else "low"
        facts = {"terms": terms, "models": sorted({str(m) for m in events["model_raw"].dropna()})}
        yield of_events("costly_commitment", severity, title, str(principal), events, facts=facts)


_TERMS: Final = {"OneMonth": "one month", "SixMonths": "six months"}
_LOOSENED: Final = {
    "DeleteUserPermissionsBoundary": "removed a user's permissions boundary",
    "DeleteRolePermissionsBoundary": "removed a role's permissions boundary",
    "DetachPolicy": "detached an organization policy",
    "DisablePolicyType": "switched off a type of organization policy",
    "LeaveOrganization": "left the organization",
    "DisableEbsEncryptionByDefault": "switched off encryption of new volumes by default",
}


def boundary_loosened(evidence: Evidence, _: Thresholds) -> Iterator[Finding]:
    """A limit that others rely on was taken away, or another boundary put in its place.

    What a boundary allows is in no record: another one is worth a look, and grave where it allows everything. True:
    DeleteRolePermissionsBoundary; PutRolePermissionsBoundary of another policy than the records knew. False: the first
    PutRolePermissionsBoundary, or the same again.
    """
    calls = evidence.calls
    yield from _replaced(calls)
    for _index, event in succeeded(calls, *_LOOSENED).iterrows():
        asked = json_of(event["parameters"])
        subject = str(
            asked.get("userName") or asked.get("roleName") or asked.get("targetId") or event["account_id"]
        )
        title = f"{who(event)} {_LOOSENED[str(event['operation'])]}: {subject}."
        yield of_event("boundary_loosened", "high", title, subject, calls, event)


def _replaced(calls: pd.DataFrame) -> Iterator[Finding]:
    """Boundaries put in place of others; `CreateUser` and `CreateRole` can set the first."""
    known: dict[tuple[str, str], str] = {}
    for _index, event in succeeded(calls, *_BOUND, source="iam.amazonaws.com").iterrows():
        asked = json_of(event["parameters"])
        boundary = str(asked.get("permissionsBoundary") or "")
        if not boundary:
            continue
        named = str(asked.get("userName") or asked.get("roleName") or "unknown")
        place = (str(event["account_id"]), f"{'user' if 'userName' in asked else 'role'} {named}")
        before, known[place] = known.get(place), boundary
        everything = boundary.endswith(":aws:policy/AdministratorAccess")
        if (before is None or before == boundary) and not (everything and before != boundary):
            continue
        instead = f" in place of {short(before)}" if before else ""
        title = f"{who(event)} gave the {place[1]} the boundary {short(boundary)}{instead}."
        severity: Severity = "high" if everything else "medium"
        yield of_event("boundary_loosened", severity, title, named, calls, event, before=before, now=boundary)


_BOUND: Final = ("CreateUser", "CreateRole", "PutUserPermissionsBoundary", "PutRolePermissionsBoundary")

RULES: Final[tuple[Rule, ...]] = (
    guardrail_weakened,
    model_access_opened,
    costly_commitment,
    boundary_loosened,
)
