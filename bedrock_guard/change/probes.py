"""Questions to AWS's own simulator: what must stay allowed, and what must be refused.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from bedrock_guard.change.errors import ChangeError

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look


class Probe(BaseModel):
    """One request and whether it must be allowed. `context` holds condition keys as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str
    resource: str = "*"
    context: Mapping[str, str] = {}
    allow: bool
    why: str = ""

    def words(self) -> str:
        """The probe in words."""
        where = "" if self.resource == "*" else f" on {self.resource}"
        return f"{self.action}{where} must be {'allowed' if self.allow else 'refused'}"


@dataclass(frozen=True, slots=True)
class Texts:
    """Documents for a simulation: at most one boundary instead of the attached one, and policies besides."""

    boundary: Sequence[str] = ()
    beside: Sequence[str] = ()


def wrong(look: Look, principal: str, probes: Iterable[Probe]) -> list[str]:
    """The probes that are answered otherwise, in words."""
    found = []
    for probe in probes:
        context = [entry(key, value) for key, value in probe.context.items()]
        answers = decisions(look, principal, [probe.action], [probe.resource], context)
        decision = answers[probe.action, probe.resource]
        if (decision == "allowed") is not probe.allow:
            found.append(f"{probe.words()}, and is {decision}")
    return found


def entry(key: str, value: str) -> dict[str, Any]:
    """One condition key as the simulator takes it."""
    kind = "boolean" if value in {"true", "false"} else "string"
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


def decisions(
    look: Look,
    principal: str,
    actions: Sequence[str],
    resources: Sequence[str],
    context: Sequence[Mapping[str, Any]] = (),
    *,
    texts: Texts | None = None,
) -> dict[tuple[str, str], str]:
    """Decision of each action on each resource, for a user or role as it is.

    Args:
        look: who asks.
        principal: the ARN of the user or role.
        actions: full names.
        resources: ARNs, or `*` alone.
        context: entries of condition keys.
        texts: documents that stand for, and are added to, those attached.

    Raises:
        ChangeError: the answer does not answer what was asked.
    """
    given = {
        "ResourceArns": [] if list(resources) == ["*"] else resources,
        "ContextEntries": context,
        "PermissionsBoundaryPolicyInputList": texts.boundary if texts else (),
        "PolicyInputList": texts.beside if texts else (),
    }
    request: dict[str, Any] = {"PolicySourceArn": principal, "ActionNames": list(actions)}
    request |= {name: list(value) for name, value in given.items() if value}
    found: dict[tuple[str, str], str] = {}
    for row in look.pages(look.iam.simulate_principal_policy, "EvaluationResults", "Marker", **request):
        action = str(row["EvalActionName"])
        for each in row.get("ResourceSpecificResults", ()):
            found[action, str(each["EvalResourceName"])] = str(each["EvalResourceDecision"])
        if len(resources) == 1:
            found[action, resources[0]] = str(row["EvalDecision"])
    missing = [(a, r) for a in actions for r in resources if (a, r) not in found]
    if missing:
        raise ChangeError(
            f"The simulator did not answer for {missing[0][0]} on {missing[0][1]}.",
            remedy="Ask again; a plan is not made on half an answer.",
        )
    return found
