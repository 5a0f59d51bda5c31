"""What is true of the demo company, worked out from its plan: what tests hold a reading of the account against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from bedrock_guard.demo.company import people, story
from bedrock_guard.demo.company.bill import BillLine
from bedrock_guard.demo.company.charges import (
    COMMITMENT_AT,
    PROVISIONED_HOURLY,
    UNMAPPABLE,
    commitment_lines,
    feature_lines,
    unmappable_lines,
)
from bedrock_guard.demo.company.clock import NOW, history_days, history_start
from bedrock_guard.demo.company.iam import sso_roles
from bedrock_guard.demo.company.people import CALLERS
from bedrock_guard.demo.company.plan import Plan, Volume
from bedrock_guard.demo.company.prices import KINDS, TARIFFS
from bedrock_guard.demo.company.refusals import DATA_BOUNDARY
from bedrock_guard.demo.company.resources import COMMITMENT_ENDS
from bedrock_guard.demo.company.story import story_records
from bedrock_guard.demo.company.workloads import APPLICATION_PROFILE, PROVISIONED_MODEL

_LAYERS = (
    ("permissions boundary", "boundary"),
    ("service control policy", "scp"),
    ("identity-based policy", "identity"),
)
_MILLION = Decimal(1_000_000)


def tell(plan: Plan) -> dict[str, Any]:
    """The ground truth as plain data.

    `calls` counts what Event history holds; `dollars` is token spend at the company's rates before credits,
    discounts and tax (`features`: guardrails, images, data automation, AgentCore, training and its
    storage). `keys` lists every service-specific credential of Bedrock; `leak` tells the leaked key's
    story; `unmappable` is what no reader can map to a model or a feature.
    """
    return {
        "window": {"start": history_start(plan.days), "end": NOW, "days": plan.days},
        "accounts": list(plan.accounts),
        "calls": _calls(plan),
        "tokens": _tokens(plan),
        "dollars": _dollars(plan),
        "keys": _keys(plan),
        "leak": _leak(plan),
        "phantom_user": people.PHANTOM,
        "identity_center_roles": sso_roles(plan),
        "foreign_boundary": f"arn:aws:iam::{plan.account(0)}:policy/{DATA_BOUNDARY}",
        "application_profile": {"id": APPLICATION_PROFILE, "account": plan.account(CALLERS["invoices"].home),
                                "model": _workload_model(plan, "invoices")},
        "commitment": {"id": PROVISIONED_MODEL, "ends": COMMITMENT_ENDS, "hourly": PROVISIONED_HOURLY,
                       "since": COMMITMENT_AT},
        "unmappable": [
            {"day": day.isoformat(), "service": service, "usage_type": usage_type, "cost": cost}
            for day, service, usage_type, cost in UNMAPPABLE
            if day in history_days(plan.days)
        ],
        "denied": _denied(plan),
        "logging_gap": (story.LOGGING_OFF, story.LOGGING_ON),
        "hostile": {"session": people.HOSTILE_SESSION, "user_agents": [people.HOSTILE_AGENT, people.FORMULA_AGENT]},
    }  # fmt: skip


def _workload_model(plan: Plan, key: str) -> str | None:
    return next((v.workload.model for v in plan.volumes if v.workload.key == key), None)


def _by(volumes: Iterable[Volume], key: Callable[[Volume], str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for volume in volumes:
        counts[key(volume)] += volume.calls
    return dict(counts)


def principal(plan: Plan, volume: Volume) -> str:
    """The stable ARN behind a workload's calls."""
    caller = CALLERS[volume.workload.caller]
    return caller.arn(plan.account(caller.home))


def _calls(plan: Plan) -> dict[str, Any]:
    recorded = list(plan.recorded())
    mantle = [v for v in plan.volumes if v.workload.endpoint == "mantle"]
    return {
        "recorded": sum(volume.calls for volume in recorded),
        "by_model": _by(recorded, lambda v: v.workload.model),
        "by_workload": _by(recorded, lambda v: v.workload.key),
        "by_principal": _by(recorded, lambda v: principal(plan, v)),
        "by_account": _by(recorded, lambda v: plan.account(CALLERS[v.workload.caller].home)),
        "by_bearer": _by(recorded, lambda v: CALLERS[v.workload.caller].bearer or "none"),
        "mantle_not_in_event_history": sum(volume.calls for volume in mantle),
    }


def _tokens(plan: Plan) -> dict[str, dict[str, int]]:
    """Model -> kind -> tokens, on whatever route and endpoint, purchased units left out."""
    tokens: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    for volume in _billed(plan):
        for kind in KINDS:
            tokens[volume.workload.model][kind] += volume.of(kind)
    return dict(tokens)


def _billed(plan: Plan) -> Iterable[Volume]:
    return (v for v in plan.volumes if v.workload.endpoint != "provisioned")


def cost_of(volume: Volume) -> Decimal:
    """What a volume's tokens cost at the company's rates, USD."""
    workload, tariff = volume.workload, TARIFFS[volume.workload.model]
    return sum(
        (
            volume.of(kind) * tariff.rate(kind, workload.route, workload.tier, workload.context) / _MILLION
            for kind in KINDS
        ),
        Decimal(0),
    )


def _dollars(plan: Plan) -> dict[str, Any]:
    by_model: dict[str, Decimal] = defaultdict(Decimal)
    by_route: dict[str, Decimal] = defaultdict(Decimal)
    by_team: dict[str, Decimal] = defaultdict(Decimal)
    by_endpoint: dict[str, Decimal] = defaultdict(Decimal)
    by_workload: dict[str, Decimal] = defaultdict(Decimal)
    for volume in _billed(plan):
        cost = cost_of(volume)
        by_model[volume.workload.model] += cost
        by_route[volume.workload.route] += cost
        by_team[volume.workload.team] += cost
        by_endpoint[volume.workload.endpoint] += cost
        by_workload[volume.workload.key] += cost
    return {
        "by_model": dict(by_model),
        "by_route": dict(by_route),
        "by_team": dict(by_team),
        "by_endpoint": dict(by_endpoint),
        "by_workload": dict(by_workload),
        "tokens": sum(by_model.values(), Decimal(0)),
        "commitments": _sum(commitment_lines(plan)),
        "features": _sum(feature_lines(plan)),
        "unmappable": _sum(unmappable_lines(plan)),
        "dearest_model": max(by_model, key=lambda model: by_model[model], default=None),
    }


def _sum(lines: Iterable[BillLine]) -> Decimal:
    return sum((line["cost"] for line in lines), Decimal(0))


def _denied(plan: Plan) -> dict[str, int]:
    """Refused calls by the layer their message names; "unknown" has no message, "other" no IAM clause."""
    counts: Counter[str] = Counter()
    for record in story_records(plan):
        if record.get("errorCode") in ("AccessDenied", "Client.UnauthorizedOperation"):
            message = record.get("errorMessage")
            found = next((layer for words, layer in _LAYERS if words in str(message)), "other")
            counts[found if message else "unknown"] += 1
    return dict(counts)


def _keys(plan: Plan) -> list[dict[str, Any]]:
    main = plan.account(0)
    rows = (
        (story.PHANTOM_CREDENTIAL, people.PHANTOM, "active", True, "leaked"),
        (story.REPORTING_CREDENTIAL, people.REPORTING, "active", False, "never expires; creator unknown"),
        (story.CONTRACTOR_CREDENTIAL, story.CONTRACTOR, "inactive", False, "reset, then switched off"),
        (story.EXPIRED_CREDENTIAL, story.PILOT, "expired", False, "unused"),
    )
    return [
        {
            "id": name,
            "user": user,
            "account": main,
            "status": status,
            "creator_in_history": seen,
            "note": note,
        }
        for name, user, status, seen, note in rows
    ]


def _leak(plan: Plan) -> dict[str, Any]:
    volumes = [v for v in plan.volumes if v.workload.caller == "intruder"]
    thief = CALLERS["intruder"]
    return {
        "credential": story.PHANTOM_CREDENTIAL,
        "user": people.PHANTOM,
        "principal": thief.arn(plan.account(thief.home)),
        "addresses": list(thief.addresses),
        "first_seen": story.LEAK_FOUND_BY_INTRUDER,
        "enumeration": ["ListFoundationModels", "ListInferenceProfiles", "GetFoundationModelAvailability",
                        "GetModelInvocationLoggingConfiguration"],
        "calls": sum(volume.calls for volume in volumes),
        "models": sorted({volume.workload.model for volume in volumes}),
        "regions": sorted({volume.workload.region for volume in volumes}),
        "dollars": sum((cost_of(volume) for volume in volumes), Decimal(0)),
    }  # fmt: skip
