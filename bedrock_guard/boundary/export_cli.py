"""An AWS CLI script that makes the same as the templates, and may be run again: it changes only what differs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_guard.boundary.export_parts import Budget, Parts, Targets, budget_rights, budget_trust
from bedrock_guard.boundary.packing import minified

_MARK = "BEDROCK_GUARD_DOCUMENT"

_HEAD = r"""#!/usr/bin/env bash
# Made by bedrock-guard. Without --yes it only says what it would do. It may be run again.
# SCPs are made when SCP_TARGETS is set (ids of a root, organizational units or accounts, separated by blanks);
# run that part in the management account. FullAWSAccess must stay attached.
set -euo pipefail

yes=no
if [ "${1:-}" = "--yes" ]; then yes=yes; fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  if [ "$yes" = yes ]; then "$@" >/dev/null; fi
}

same() {
  python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])) != json.load(open(sys.argv[2])))' "$1" "$2"
}

# Goes on where the last answer says that there is no such thing; at any other error nothing is known, and all stops.
absent() {
  if ! grep -q "($1)" "$work/error"; then cat "$work/error" >&2; exit 1; fi
}

# A managed policy: created, or given a new default version if its text differs. At most five versions are kept.
ensure_policy() {
  local name="$1" file="$2" arn version oldest
  arn="arn:$partition:iam::$account:policy/$name"
  if ! version="$(aws iam get-policy --policy-arn "$arn" --query Policy.DefaultVersionId --output text \
    2>"$work/error")"; then
    absent NoSuchEntity
    run aws iam create-policy --policy-name "$name" --policy-document "file://$file"
    return
  fi
  aws iam get-policy-version --policy-arn "$arn" --version-id "$version" --query PolicyVersion.Document --output json \
    >"$work/current.json"
  if same "$work/current.json" "$file"; then echo "= $name"; return; fi
  oldest="$(aws iam list-policy-versions --policy-arn "$arn" --output text \
    --query 'sort_by(Versions[?!IsDefaultVersion], &CreateDate)[].VersionId' | tr '\t' '\n')"
  if [ "$(printf '%s\n' "$oldest" | grep -c .)" -ge 4 ]; then
    run aws iam delete-policy-version --policy-arn "$arn" --version-id "$(printf '%s\n' "$oldest" | head -n 1)"
  fi
  run aws iam create-policy-version --policy-arn "$arn" --policy-document "file://$file" --set-as-default
}

# An SCP: created, or updated if its text differs, and attached where it is not.
ensure_scp() {
  local name="$1" file="$2" id target
  id="$(aws organizations list-policies --filter SERVICE_CONTROL_POLICY --output text \
    --query "Policies[?Name=='$name'].Id")"
  if [ -z "$id" ]; then
    run aws organizations create-policy --type SERVICE_CONTROL_POLICY --name "$name" \
      --description "What a boundary on one principal cannot reach" --content "file://$file"
    id="$(aws organizations list-policies --filter SERVICE_CONTROL_POLICY --output text \
      --query "Policies[?Name=='$name'].Id")"
  else
    aws organizations describe-policy --policy-id "$id" --query Policy.Content --output text >"$work/current.json"
    if same "$work/current.json" "$file"; then
      echo "= $name"
    else
      run aws organizations update-policy --policy-id "$id" --content "file://$file"
    fi
  fi
  for target in $SCP_TARGETS; do
    if [ -n "$id" ] && aws organizations list-targets-for-policy --policy-id "$id" --output text \
      --query 'Targets[].TargetId' | tr '\t' '\n' | grep -qxF "$target"; then
      echo "= $name on $target"
    else
      run aws organizations attach-policy --policy-id "${id:-NEW}" --target-id "$target"
    fi
  done
}
"""


def script(parts: Parts) -> str:
    """The script's text."""
    return "\n".join(
        (
            _HEAD,
            *_guard(parts),
            *_documents(parts),
            *_account(parts),
            *_organization(parts),
            'echo "done"',
            "",
        )
    )


def _guard(parts: Parts) -> Iterator[str]:
    accounts = "|".join(parts.accounts)
    yield f"partition={shlex.quote(parts.partition)}"
    yield 'account="$(aws sts get-caller-identity --query Account --output text)"'
    if parts.scps:
        yield f'case "$account" in\n  {accounts}) member=yes ;;\n  *) member=no ;;\nesac'
        yield 'if [ "$member" = no ] && [ -z "${SCP_TARGETS:-}" ]; then'
        yield f'  echo "These credentials are for account $account, not for {accounts}." >&2\n  exit 1\nfi'
    else:
        yield f'case "$account" in\n  {accounts}) ;;'
        yield f'  *) echo "These credentials are for account $account, not for {accounts}." >&2; exit 1 ;;\nesac'
    yield ""


def _documents(parts: Parts) -> Iterator[str]:
    for packed in parts.built.packed:
        yield _file(packed.name, packed.document)
    if parts.guardrail:
        yield _file("guardrail", parts.guardrail)
    for budget in parts.budgets:
        yield _file(f"budget-{budget.name}", _budget(budget))
        yield _file(f"notice-{budget.name}", _notice(parts))
        if parts.acting:
            yield _file(budget.policy_name, budget.policy)
    if parts.acting:
        yield _file("budget-trust", budget_trust())
        yield _file(
            "budget-rights", budget_rights(parts.partition, [budget.policy_name for budget in parts.budgets])
        )


def _file(name: str, document: Any) -> str:
    text = minified(document) if isinstance(document, Mapping) else json.dumps(document)
    return f"cat >\"$work\"/{shlex.quote(f'{name}.json')} <<'{_MARK}'\n{text}\n{_MARK}"


def _path(name: str) -> str:
    return f'"$work"/{shlex.quote(f"{name}.json")}'


def _account(parts: Parts) -> Iterator[str]:
    lines = list(_account_steps(parts))
    if not parts.scps:
        yield from lines
        return
    yield 'if [ "$member" = yes ]; then'
    yield from (f"  {line}" if line else line for block in lines for line in block.split("\n"))
    yield "fi"


def _account_steps(parts: Parts) -> Iterator[str]:
    yield ":"
    for packed in (parts.boundary, *parts.denies):
        if packed:
            yield f"ensure_policy {shlex.quote(packed.name)} {_path(packed.name)}"
    for account, targets in parts.targets.items():
        if targets:
            yield f'if [ "$account" = {account} ]; then'
            yield from (f"  {line}" for line in _attachments(parts, targets))
            yield "fi"
    if parts.guardrail:
        yield from _guardrail(str(parts.guardrail["name"]))
    yield from _budgets(parts)


def _attachments(parts: Parts, targets: Targets) -> Iterator[str]:
    for kind, names in (("role", targets.roles), ("user", targets.users)):
        for name in names:
            to = f"--{kind}-name {shlex.quote(name)}"
            for packed in parts.denies:
                yield f"run aws iam attach-{kind}-policy {to} --policy-arn {_own(packed.name)}"
            if parts.boundary:
                boundary = _own(parts.boundary.name)
                yield f"run aws iam put-{kind}-permissions-boundary {to} --permissions-boundary {boundary}"


def _own(policy: str, kind: str = "policy") -> str:
    return f'"arn:$partition:iam::$account:{kind}/"{shlex.quote(policy)}'


def _guardrail(name: str) -> Iterator[str]:
    query = shlex.quote(f"guardrails[?name=='{name}'].id")
    yield f'id="$(aws bedrock list-guardrails --output text --query {query})"'
    yield 'if [ -z "$id" ]; then'
    yield '  run aws bedrock create-guardrail --cli-input-json "file://$work/guardrail.json"\nelse'
    yield (
        '  run aws bedrock update-guardrail --guardrail-identifier "$id" --cli-input-json "file://$work/guardrail.json"'
    )
    yield "fi"


def _budgets(parts: Parts) -> Iterator[str]:
    if parts.acting:
        role = shlex.quote(parts.action_role)
        yield f'if ! aws iam get-role --role-name {role} >/dev/null 2>"$work/error"; then'
        yield "  absent NoSuchEntity"
        yield f"  run aws iam create-role --role-name {role} \\"
        yield '    --assume-role-policy-document "file://$work/budget-trust.json"\nfi'
        yield (
            f"run aws iam put-role-policy --role-name {role} --policy-name attach "
            '--policy-document "file://$work/budget-rights.json"'
        )
    for budget in parts.budgets:
        yield from _one_budget(parts, budget)


def _one_budget(parts: Parts, budget: Budget) -> Iterator[str]:
    name = shlex.quote(budget.name)
    file, notice = f'"file://$work/budget-{budget.name}.json"', f'"file://$work/notice-{budget.name}.json"'
    look = f'aws budgets describe-budget --account-id "$account" --budget-name {name}'
    yield f'if {look} >/dev/null 2>"$work/error"; then'
    yield f'  run aws budgets update-budget --account-id "$account" --new-budget {file}\nelse'
    yield "  absent NotFoundException"
    yield (
        f'  run aws budgets create-budget --account-id "$account" --budget {file} '
        f"--notifications-with-subscribers {notice}\nfi"
    )
    if parts.acting:
        yield f"ensure_policy {shlex.quote(budget.policy_name)} {_path(budget.policy_name)}"
        for account, targets in parts.targets.items():
            if targets:
                yield from _budget_action(parts, budget, account, targets)


def _budget_action(parts: Parts, budget: Budget, account: str, targets: Targets) -> Iterator[str]:
    name = shlex.quote(budget.name)
    definition = minified({"IamActionDefinition": {"PolicyArn": "POLICY", **targets.members}})
    before, after = definition.split("POLICY")
    yield f'if [ "$account" = {account} ]; then'
    yield '  if ! actions="$(aws budgets describe-budget-actions-for-budget --account-id "$account" \\'
    yield f'    --budget-name {name} --query \'length(Actions)\' --output text 2>"$work/error")"; then'
    yield "    absent NotFoundException\n    actions=0\n  fi"
    yield '  if [ "$actions" = 0 ]; then'
    yield f'    run aws budgets create-budget-action --account-id "$account" --budget-name {name} \\'
    yield "      --notification-type ACTUAL --action-type APPLY_IAM_POLICY --approval-model AUTOMATIC \\"
    yield "      --action-threshold ActionThresholdValue=100,ActionThresholdType=PERCENTAGE \\"
    yield f"      --definition {shlex.quote(before)}{_own(budget.policy_name)}{shlex.quote(after)} \\"
    yield f"      --execution-role-arn {_own(parts.action_role, 'role')} \\"
    yield f"      --subscribers SubscriptionType=EMAIL,Address={shlex.quote(parts.email)}"
    yield "  fi\nfi"


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "BudgetName": budget.name,
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": str(budget.usd), "Unit": "USD"},
        "FilterExpression": {
            "ProductAttributes": {"Key": "model", "Values": [budget.model], "MatchOptions": ["EQUALS"]}
        },
        "Metrics": ["UnblendedCost"],
    }


def _notice(parts: Parts) -> list[dict[str, Any]]:
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80}
    return [
        {"Notification": notification, "Subscribers": [{"SubscriptionType": "EMAIL", "Address": parts.email}]}
    ]


def _organization(parts: Parts) -> Iterator[str]:
    if not parts.scps:
        return
    yield 'if [ -n "${SCP_TARGETS:-}" ]; then'
    for packed in parts.scps:
        yield f"  ensure_scp {shlex.quote(packed.name)} {_path(packed.name)}"
    yield "fi"
