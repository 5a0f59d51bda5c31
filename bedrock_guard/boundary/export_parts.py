"""What every export is made of, free of format: policies, who gets them, SCPs, the guardrail, budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_guard.boundary.billing import token_lines
from bedrock_guard.boundary.builder import Built
from bedrock_guard.boundary.catalogue import Catalogue, Model
from bedrock_guard.boundary.controls.model import INVOKE
from bedrock_guard.boundary.guardrail import create_request
from bedrock_guard.boundary.packing import Packed
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice


@dataclass(frozen=True, slots=True)
class Budget:
    """A model's monthly budget and the policy that denies the model once it is spent.

    `model` is the display name by which the bill knows it: Cost Explorer's product attribute `model`, which the API
    can filter by. CloudFormation and Terraform cannot yet: for them there are the model's own `service` name on
    Marketplace bills (None for models that share theirs) and the `usage_types` of AWS's own bills, as far as they are
    known. Which of the two lanes a model is billed by is not documented, so they count both.
    """

    name: str
    model: str
    service: str | None
    usage_types: tuple[str, ...]
    usd: int
    policy_name: str
    policy: dict[str, Any]

    @property
    def lanes(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Dimensions of the bill and their values, any of which is the model; empty when none is known."""
        services = (self.service,) if self.service else ()
        return tuple(
            (key, found) for key, found in (("SERVICE", services), ("USAGE_TYPE", self.usage_types)) if found
        )


@dataclass(frozen=True, slots=True)
class Targets:
    """Names of the roles and users of one account that get the documents."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.roles or self.users)

    @property
    def members(self) -> dict[str, list[str]]:
        """As the `Roles` and `Users` of a request; an empty one is left out."""
        return {key: list(names) for key, names in (("Roles", self.roles), ("Users", self.users)) if names}


@dataclass(frozen=True)
class Parts:
    """The parts of an export; `targets` by account."""

    built: Built
    boundary: Packed | None
    denies: tuple[Packed, ...]
    scps: tuple[Packed, ...]
    targets: Mapping[str, Targets]
    guardrail: dict[str, Any] | None
    budgets: tuple[Budget, ...]

    @property
    def prefix(self) -> str:
        """How all names begin."""
        return self.built.profile.policy_prefix

    @property
    def partition(self) -> str:
        """The partition of the accounts."""
        return self.built.profile.partition

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts the documents are for."""
        return self.built.profile.accounts

    @property
    def email(self) -> str:
        """Who hears of budgets; empty when there are none."""
        return self.built.profile.alert_email or ""

    @property
    def action_role(self) -> str:
        """The name of the role under which AWS Budgets attaches a policy."""
        return f"{self.prefix}budget-action"

    @property
    def acting(self) -> bool:
        """Whether budgets can deny: only when it is known to whom."""
        return bool(self.budgets and any(self.targets.values()))


def parts_of(spec: BoundarySpec, built: Built, catalogue: Catalogue) -> Parts:
    """Gather the parts.

    Raises:
        GuardrailError: the spec's prompt rules make no guardrail.
    """
    budgets = (_budget(built, choice, catalogue) for choice in built.profile.models if choice.monthly_usd)
    return Parts(
        built=built,
        boundary=next((packed for packed in built.packed if packed.kind == "boundary"), None),
        denies=tuple(packed for packed in built.packed if packed.kind == "deny"),
        scps=tuple(packed for packed in built.packed if packed.kind == "scp"),
        targets={account: _targets(built, account) for account in built.profile.accounts},
        guardrail=create_request(spec.guardrail) if spec.guardrail else None,
        budgets=tuple(budget for budget in budgets if budget),
    )


def _targets(built: Built, account: str) -> Targets:
    parts = [arn.split(":", 5) for arn in built.profile.targets]
    paths = [part[5].split("/") for part in parts if part[4] == account]
    return Targets(
        roles=tuple(path[-1] for path in paths if path[0] == "role"),
        users=tuple(path[-1] for path in paths if path[0] == "user"),
    )


def _budget(built: Built, choice: ModelChoice, catalogue: Catalogue) -> Budget | None:
    model = catalogue.get(choice.id)
    if choice.monthly_usd is None:
        return None
    sources = choice.regions or built.profile.regions
    lines = token_lines(model, sources, worldwide="global" in choice.routes) if model else ()
    word = re.sub(r"[^a-z0-9]+", "-", choice.id.lower()).strip("-")[:60]
    prefix, partition = built.profile.policy_prefix, built.profile.partition
    resources = [
        f"arn:{partition}:bedrock:*::foundation-model/{choice.id}",
        f"arn:{partition}:bedrock:*:*:inference-profile/*.{choice.id}",
    ]
    body = {"Sid": "BudgetSpent", "Effect": "Deny", "Action": list(INVOKE), "Resource": resources}
    return Budget(
        name=f"{prefix}{word}",
        model=model.name if model else choice.id,
        service=_service(model) if model else None,
        usage_types=lines,
        usd=choice.monthly_usd,
        policy_name=f"{prefix}spent-{word}",
        policy={"Version": "2012-10-17", "Statement": [body]},
    )


def _service(model: Model) -> str | None:
    if model.provider == "Anthropic":
        return f"{model.name} (Amazon Bedrock Edition)"
    if model.provider == "OpenAI" and "gpt-oss" not in model.model_id:
        return f"OpenAI {model.name} (Amazon Bedrock Edition)"
    return None


def budget_trust() -> dict[str, Any]:
    """Who may take the role of the budget action."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def budget_rights(partition: str, policies: Sequence[str]) -> dict[str, Any]:
    """What that role may do: attach and detach the policies of spent budgets, nothing else."""
    arns = [f"arn:{partition}:iam::*:policy/{name}" for name in policies]
    actions = [f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("Role", "User")]
    condition = {"ArnLike": {"iam:PolicyARN": arns}}
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def file_names(built: Built) -> Mapping[str, str]:
    """The file of each document: `boundary.json`, `deny-1.json`, `scp-1.json`."""
    prefix = built.profile.policy_prefix
    return {packed.name: f"{packed.name.removeprefix(prefix)}.json" for packed in built.packed}


def words(name: str) -> str:
    """A name as CloudFormation and Terraform want their own: letters and digits, capitals at the seams."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name) if part)
