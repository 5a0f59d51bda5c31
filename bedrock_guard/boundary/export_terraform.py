"""Terraform: policies, attachments, SCPs, guardrail and budgets as HCL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from bedrock_guard.boundary.export_cloudformation import unbudgeted
from bedrock_guard.boundary.export_parts import Budget, Parts, budget_rights, budget_trust, words
from bedrock_guard.boundary.packing import Packed

_HEAD = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.42"
    }
  }
}
"""
_SCP_VARIABLE = """\
variable "scp_target_ids" {
  description = "Root, organizational units or accounts. Apply from the management account; keep FullAWSAccess."
  type        = list(string)
  default     = []
}
"""


def modules(parts: Parts) -> dict[str, str]:
    """`main.tf`, and `organization.tf` where there are SCPs."""
    made = {"main.tf": "\n".join((_about(parts), _HEAD, *_account(parts)))}
    if parts.scps:
        made["organization.tf"] = "\n".join((_SCP_VARIABLE, *_organization(parts)))
    return made


def _about(parts: Parts) -> str:
    boundary = f"{parts.prefix}boundary"
    return (
        f"# Policies of bedrock-guard for profile {parts.built.name}.\n"
        f"# Set permissions_boundary of each aws_iam_role and aws_iam_user to {boundary}: Terraform cannot put it\n"
        "# on a principal that it does not manage; bedrock-guard apply can.\n"
        + (f"#{unbudgeted(parts)}\n" if parts.budgets else "")
    )


def _targets(parts: Parts) -> str:
    """The names to attach to, by the account that Terraform runs in."""
    roles = {account: list(found.roles) for account, found in parts.targets.items() if found.roles}
    users = {account: list(found.users) for account, found in parts.targets.items() if found.users}
    here = "data.aws_caller_identity.current.account_id"
    found = (("roles", roles), ("users", users))
    lines = [f"  target_{kind} = lookup({_object(names, 1)}, {here}, [])" for kind, names in found]
    return "\n".join(('data "aws_caller_identity" "current" {}\n', "locals {", *lines, "}", ""))


def _account(parts: Parts) -> Iterator[str]:
    yield _targets(parts)
    if parts.boundary:
        yield _policy("boundary", parts.boundary.name, parts.boundary.document)
        yield 'output "boundary_arn" {\n  value = aws_iam_policy.boundary.arn\n}\n'
    for packed in parts.denies:
        label = _label(packed, parts)
        yield _policy(label, packed.name, packed.document)
        for kind in ("role", "user"):
            arguments = {
                "for_each": _Code(f"toset(local.target_{kind}s)"),
                kind: _Code("each.value"),
                "policy_arn": _Code(f"aws_iam_policy.{label}.arn"),
            }
            yield _resource(f"aws_iam_{kind}_policy_attachment", label, arguments)
    if parts.guardrail:
        yield from _guardrail(parts.guardrail)
    yield from _budgets(parts)


def _label(packed: Packed, parts: Parts) -> str:
    return packed.name.removeprefix(parts.prefix).replace("-", "_")


def _policy(label: str, name: str, document: Mapping[str, Any]) -> str:
    return _resource("aws_iam_policy", label, {"name": name, "policy": _Json(document)})


def _organization(parts: Parts) -> Iterator[str]:
    for packed in parts.scps:
        label = _label(packed, parts)
        arguments = {"name": packed.name, "type": "SERVICE_CONTROL_POLICY", "content": _Json(packed.document)}
        yield _resource("aws_organizations_policy", label, arguments)
        attachment = {
            "for_each": _Code("toset(var.scp_target_ids)"),
            "policy_id": _Code(f"aws_organizations_policy.{label}.id"),
            "target_id": _Code("each.value"),
        }
        yield _resource("aws_organizations_policy_attachment", label, attachment)


def _guardrail(request: Mapping[str, Any]) -> Iterator[str]:
    arguments: dict[str, Any] = {
        "name": request["name"],
        "blocked_input_messaging": request["blockedInputMessaging"],
        "blocked_outputs_messaging": request["blockedOutputsMessaging"],
    }
    blocks = {key: _snake(value) for key, value in request.items() if isinstance(value, Mapping)}
    for key, block in blocks.items():
        arguments[_snake_name(key)] = _Block(block)
    yield _resource("aws_bedrock_guardrail", "guardrail", arguments)
    version = {"guardrail_arn": _Code("aws_bedrock_guardrail.guardrail.guardrail_arn")}
    yield _resource("aws_bedrock_guardrail_version", "guardrail", version)


def _snake(value: Any) -> Any:
    """The provider's names: snake case, lists of objects as repeated blocks."""
    if isinstance(value, Mapping):
        return {_snake_name(key): _snake(member) for key, member in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [_Block(_snake(member)) for member in value]
    return _Block(value) if isinstance(value, Mapping) else value


def _snake_name(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def _budgets(parts: Parts) -> Iterator[str]:
    budgets = [budget for budget in parts.budgets if budget.lanes]
    for budget in budgets:
        label = words(budget.name.removeprefix(parts.prefix))
        yield _resource("aws_budgets_budget", label, _budget(parts, budget))
        if parts.acting:
            yield _policy(f"spent_{label}", budget.policy_name, budget.policy)
            yield _resource("aws_budgets_budget_action", label, _action(parts, label))
    if parts.acting and budgets:
        trust, rights = budget_trust(), budget_rights(parts.partition, [b.policy_name for b in budgets])
        yield _resource(
            "aws_iam_role", "budget_action", {"name": parts.action_role, "assume_role_policy": _Json(trust)}
        )
        inline = {"name": "attach", "role": _Code("aws_iam_role.budget_action.id"), "policy": _Json(rights)}
        yield _resource("aws_iam_role_policy", "budget_action", inline)


def _budget(parts: Parts, budget: Budget) -> dict[str, Any]:
    notice = {
        "comparison_operator": "GREATER_THAN",
        "threshold": 80,
        "threshold_type": "PERCENTAGE",
        "notification_type": "ACTUAL",
        "subscriber_email_addresses": [parts.email],
    }
    return {
        "name": budget.name,
        "budget_type": "COST",
        "time_unit": "MONTHLY",
        "limit_amount": str(budget.usd),
        "limit_unit": "USD",
        "metrics": ["UnblendedCost"],
        "filter_expression": _Block(_any(budget)),
        "notification": _Block(notice),
    }


def _any(budget: Budget) -> dict[str, Any]:
    lanes = [
        _Block({"dimensions": _Block({"key": key, "values": list(values)})}) for key, values in budget.lanes
    ]
    return {"or": lanes} if len(lanes) > 1 else lanes[0]


def _action(parts: Parts, label: str) -> dict[str, Any]:
    definition = {
        "policy_arn": _Code(f"aws_iam_policy.spent_{label}.arn"),
        "roles": _Code("local.target_roles"),
        "users": _Code("local.target_users"),
    }
    return {
        "count": _Code("length(local.target_roles) + length(local.target_users) > 0 ? 1 : 0"),
        "budget_name": _Code(f"aws_budgets_budget.{label}.name"),
        "action_type": "APPLY_IAM_POLICY",
        "approval_model": "AUTOMATIC",
        "notification_type": "ACTUAL",
        "execution_role_arn": _Code("aws_iam_role.budget_action.arn"),
        "action_threshold": _Block({"action_threshold_type": "PERCENTAGE", "action_threshold_value": 100}),
        "definition": _Block({"iam_action_definition": _Block(definition)}),
        "subscriber": _Block({"address": parts.email, "subscription_type": "EMAIL"}),
    }


class _Code(str):
    """An expression, written as it is."""

    __slots__ = ()


class _Json(dict[str, Any]):
    """A value for jsonencode."""


class _Block(dict[str, Any]):
    """A nested block instead of an attribute."""


def _resource(kind: str, label: str, arguments: Mapping[str, Any]) -> str:
    return "\n".join((f'resource "{kind}" "{label}" {{', *_body(arguments, 1), "}", ""))


def _body(arguments: Mapping[str, Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    run: list[tuple[str, str]] = []
    for name, value in arguments.items():
        blocks = value if isinstance(value, list) and value and isinstance(value[0], _Block) else [value]
        for block in blocks:
            if isinstance(block, _Block) or (isinstance(block, Mapping) and not isinstance(block, _Json)):
                yield from _assigned(run, pad)
                run = []
                yield f"{pad}{name} {{"
                yield from _body(block, depth + 1)
                yield f"{pad}}}"
            else:
                run.append((name, _value(block, depth)))
    yield from _assigned(run, pad)


def _assigned(pairs: Iterable[tuple[str, str]], pad: str) -> Iterator[str]:
    """Attributes as `terraform fmt` writes them: equals signs of values on one line stand below each other."""
    for whole, found in groupby(pairs, key=lambda pair: "\n" not in pair[1]):
        run = list(found)
        width = max(len(name) for name, _ in run) if whole else 0
        yield from (f"{pad}{name:<{width}} = {value}" for name, value in run)


def _value(value: Any, depth: int) -> str:
    if isinstance(value, _Code):
        return str(value)
    if isinstance(value, _Json):
        return f"jsonencode({_object(value, depth)})"
    return _object(value, depth)


def _object(value: Any, depth: int) -> str:
    pad, inner = "  " * depth, "  " * (depth + 1)
    if isinstance(value, Mapping):
        pairs = ((quoted(key), _object(member, depth + 1)) for key, member in value.items())
        lines = _assigned(pairs, inner)
        return "\n".join(("{", *lines, f"{pad}}}"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(("[", *(f"{inner}{_object(member, depth + 1)}," for member in value), f"{pad}]"))
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """A text as an HCL string: templates are escaped, so that nothing in it is evaluated."""
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")
