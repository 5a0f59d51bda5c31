"""Is the account still what the plan was decided on? Asked whole before the first write, and in part before each.

One walk over users and roles serves all of them, so that a plan for a thousand is checked in a few requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bedrock_guard.account.organization import Organization, read_organization
from bedrock_guard.change.guardrails import GuardrailState, guardrail_digest, read_enforced, read_guardrail
from bedrock_guard.change.look import PolicyState, Uses
from bedrock_guard.change.survey import Person, Survey
from bedrock_guard.change.texts import canonical, digest

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.plan_file import Plan


def moved_since(plan: Plan, look: Look) -> list[str]:
    """What is not as the plan saw it, in words."""
    now = dict(_now(plan, look))
    found = []
    for name, then in plan.fingerprint.items():
        if canonical(now[name]) != canonical(then):
            found.append(f"{name}: {_difference(then, now[name])}")
    return found


def _difference(then: Any, now: Any) -> str:
    if then is None or now is None or not isinstance(then, dict) or not isinstance(now, dict):
        return f"it was {_said(then)}, it is {_said(now)}"
    parts = [
        f"{key} was {_said(then.get(key))}, is {_said(now.get(key))}"
        for key in sorted({*then, *now})
        if canonical(then.get(key)) != canonical(now.get(key))
    ]
    return ", ".join(parts)


def _said(value: Any) -> str:
    return "absent" if value is None else canonical(value)[:120]


def _now(plan: Plan, look: Look) -> Iterator[tuple[str, Any]]:
    survey = Survey.of(look)
    organization = None
    for name in plan.fingerprint:
        kind, _, rest = name.partition(" ")
        if kind == "policy":
            yield name, _policy(plan, look, rest)
        elif name.startswith("accounts under "):
            organization = organization or read_organization(look.session)
            yield name, accounts_mark(organization, name.removeprefix("accounts under "))
        elif name.startswith("SCPs of "):
            held = look.scps_on(name.removeprefix("SCPs of "))
            yield name, None if held is None else sorted(held)
        elif kind == "SCP":
            scp = look.scp(rest)
            yield name, None if scp is None else digest(scp[1])
        elif kind == "guardrail":
            yield name, guardrail_mark(read_guardrail(look, plan.region, rest))
        elif name.startswith("enforced in "):
            enforced = read_enforced(look, plan.region)
            yield name, None if enforced is None else digest(enforced.config)
        else:
            yield name, person_mark(survey.people.get(name))


def _policy(plan: Plan, look: Look, name: str) -> dict[str, Any] | None:
    arn = f"arn:{plan.partition}:iam::{plan.account}:policy/{name}"
    now = look.policy(arn)
    return None if now is None else policy_mark(now, look.uses(arn))


def policy_mark(now: PolicyState, uses: Uses) -> dict[str, Any]:
    """The fingerprint of a managed policy and of who uses it."""
    return {
        "id": now.policy_id,
        "default": now.default,
        "versions": {version: now.digest(version) for version in sorted(now.texts)},
        "used by": sorted(uses.boundary | uses.permissions),
    }


def person_mark(person: Person | None) -> dict[str, Any] | None:
    """The fingerprint of a user or role."""
    if person is None:
        return None
    state = person.state
    return {
        "id": state.unique_id,
        "arn": state.arn,
        "boundary": state.boundary,
        "attached": sorted(person.attached),
    }


def accounts_mark(organization: Organization, target: str) -> list[str] | None:
    """The accounts that an SCP on a target would bind; None where that is not known."""
    covered = organization.covered(target)
    return None if covered is None else sorted(covered)


def guardrail_mark(now: GuardrailState | None) -> dict[str, Any] | None:
    """The fingerprint of a guardrail's draft and versions."""
    if now is None:
        return None
    return {
        "id": now.guardrail_id,
        "draft": guardrail_digest(now.request),
        "versions": dict(sorted(now.versions.items())),
    }
