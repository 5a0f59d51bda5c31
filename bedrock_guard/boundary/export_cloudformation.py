"""CloudFormation templates in YAML: policies, guardrail and budgets for an account; SCPs for the management account."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_guard.boundary.export_parts import Budget, Parts, Targets, budget_rights, budget_trust, words
from bedrock_guard.boundary.packing import minified

_RESERVED = frozenset(
    {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
)  # YAML reads these as values


def templates(parts: Parts) -> dict[str, str]:
    """The template of each account, and the one for the management account where there are SCPs."""
    several = len(parts.accounts) > 1
    made = {
        f"account-{account}.yaml" if several else "account.yaml": _template(
            _about(parts), _account(parts, account), {}
        )
        for account in parts.accounts
    }
    if parts.scps:
        made["organization.yaml"] = _template(
            "SCPs of bedrock-guard. Deploy in the management account; FullAWSAccess must stay attached.",
            _organization(parts),
            {
                "TargetIds": {
                    "Type": "CommaDelimitedList",
                    "Description": "Root, organizational units or accounts",
                }
            },
        )
    return made


def _about(parts: Parts) -> str:
    return (
        f"Policies of bedrock-guard for profile {parts.built.name}. CloudFormation cannot put a boundary on a user or "
        "role that exists already: use bedrock-guard apply or the script of the CLI export."
    ) + unbudgeted(parts)


def unbudgeted(parts: Parts) -> str:
    """How far budgets reach here, and which only the CLI export can make."""
    if not parts.budgets:
        return ""
    told = " Budgets count the lines that are known to be the model's; those of the CLI export filter by the model."
    left = [budget.model for budget in parts.budgets if not budget.lanes]
    return f"{told} Only the CLI export can make those of {', '.join(left)}." if left else told


def _template(description: str, resources: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    body: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Description": description}
    if parameters:
        body["Parameters"] = parameters
    body["Resources"] = resources
    return "\n".join(_yaml(body, 0)) + "\n"


def _account(parts: Parts, account: str) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    targets = parts.targets[account]
    if parts.boundary:
        resources["Boundary"] = _policy(
            parts.boundary.name, parts.boundary.document, "Permissions boundary", {}
        )
    for packed in parts.denies:
        name = words(packed.name.removeprefix(parts.prefix))
        resources[name] = _policy(
            packed.name, packed.document, "Denials beside the boundary", targets.members
        )
    if parts.guardrail:
        resources["Guardrail"] = {"Type": "AWS::Bedrock::Guardrail", "Properties": _capitals(parts.guardrail)}
        version = {"GuardrailIdentifier": {"Fn::GetAtt": ["Guardrail", "GuardrailId"]}}
        resources["GuardrailVersion"] = {"Type": "AWS::Bedrock::GuardrailVersion", "Properties": version}
    resources.update(_budgets(parts, targets))
    return resources


def _policy(
    name: str, document: Mapping[str, Any], description: str, attached: Mapping[str, Any]
) -> dict[str, Any]:
    properties = {
        "ManagedPolicyName": name,
        "Description": description,
        "PolicyDocument": document,
        **attached,
    }
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def _capitals(value: Any) -> Any:
    """CloudFormation spells the members of an API's request with a capital."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: _capitals(member) for key, member in value.items()}
    return [_capitals(member) for member in value] if isinstance(value, list) else value


def _budgets(parts: Parts, targets: Targets) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for budget in parts.budgets:
        if not budget.lanes:
            continue
        name = words(budget.name.removeprefix(parts.prefix))
        resources[f"Budget{name}"] = {"Type": "AWS::Budgets::Budget", "Properties": _budget(parts, budget)}
        if targets:
            resources[f"Spent{name}"] = _policy(
                budget.policy_name, budget.policy, "Attached when a budget is spent", {}
            )
            resources[f"Action{name}"] = _action(parts, targets, name)
    if resources and targets:
        resources["BudgetActionRole"] = _role(parts)
    return resources


def _budget(parts: Parts, budget: Budget) -> dict[str, Any]:
    notice = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    return {
        "Budget": {
            "BudgetName": budget.name,
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": str(budget.usd), "Unit": "USD"},
            "FilterExpression": _any(budget),
            "Metrics": ["UnblendedCost"],
        },
        "NotificationsWithSubscribers": [
            {"Notification": notice, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": parts.email}]}
        ],
    }


def _any(budget: Budget) -> dict[str, Any]:
    lanes = [{"Dimensions": {"Key": key, "Values": list(values)}} for key, values in budget.lanes]
    return {"Or": lanes} if len(lanes) > 1 else lanes[0]


def _action(parts: Parts, targets: Targets, name: str) -> dict[str, Any]:
    definition = {"PolicyArn": {"Ref": f"Spent{name}"}}
    return {
        "Type": "AWS::Budgets::BudgetsAction",
        "Properties": {
            "BudgetName": {"Ref": f"Budget{name}"},
            "NotificationType": "ACTUAL",
            "ActionType": "APPLY_IAM_POLICY",
            "ActionThreshold": {"Type": "PERCENTAGE", "Value": 100},
            "ApprovalModel": "AUTOMATIC",
            "ExecutionRoleArn": {"Fn::GetAtt": ["BudgetActionRole", "Arn"]},
            "Definition": {"IamActionDefinition": {**definition, **targets.members}},
            "Subscribers": [{"Type": "EMAIL", "Address": parts.email}],
        },
    }


def _role(parts: Parts) -> dict[str, Any]:
    rights = budget_rights(parts.partition, [budget.policy_name for budget in parts.budgets])
    properties = {
        "RoleName": parts.action_role,
        "AssumeRolePolicyDocument": budget_trust(),
        "Policies": [{"PolicyName": "attach", "PolicyDocument": rights}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _organization(parts: Parts) -> dict[str, Any]:
    return {
        words(packed.name.removeprefix(parts.prefix)): {
            "Type": "AWS::Organizations::Policy",
            "Properties": {
                "Name": packed.name,
                "Type": "SERVICE_CONTROL_POLICY",
                "Description": "What a boundary on one principal cannot reach",
                # As text: white space counts in an SCP, and CloudFormation would spell an object its own way.
                "Content": minified(packed.document),
                "TargetIds": {"Ref": "TargetIds"},
            },
        }
        for packed in parts.scps
    }


def _yaml(value: Any, depth: int) -> Iterator[str]:
    """Block YAML; every text is a double-quoted scalar, so that none is read as something else."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _entry(f"{pad}{_key(key)}:", member, depth)
    elif isinstance(value, list):
        for member in value:
            yield from _entry(f"{pad}-", member, depth)


def _entry(head: str, member: Any, depth: int) -> Iterator[str]:
    if isinstance(member, Mapping | list) and member:
        yield head
        yield from _yaml(member, depth + 1)
    else:
        yield f"{head} {json.dumps(member)}"


def _key(key: str) -> str:
    return key if key.isalnum() and key.lower() not in _RESERVED else json.dumps(key)
