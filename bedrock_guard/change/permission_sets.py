"""Commands for a permission set of IAM Identity Center: AWS refuses a boundary or a policy on its roles themselves.

https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PutPermissionsBoundaryToPermissionSet.html
https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_AttachCustomerManagedPolicyReferenceToPermissionSet.html
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bedrock_guard.evidence.identity import permission_set

if TYPE_CHECKING:
    from bedrock_guard.change.scene import Scene


def commands(scene: Scene, role: str) -> tuple[str, ...]:
    """What sets the spec's documents on the permission set behind a role of the account, for whoever administers it."""
    return tuple(_commands(scene, role))


def _commands(scene: Scene, role: str) -> Iterator[str]:
    name = permission_set(role) or role
    names = ", ".join(policy.name for policy in scene.policies)
    yield f"# permission set {name}: {names} must exist in every account that it is used in"
    yield "instance=$(aws sso-admin list-instances --query 'Instances[0].InstanceArn' --output text)"
    yield (
        'found=$(for arn in $(aws sso-admin list-permission-sets --instance-arn "$instance" --query PermissionSets '
        '--output text); do aws sso-admin describe-permission-set --instance-arn "$instance" --permission-set-arn '
        f'"$arn" --query "PermissionSet.[Name,PermissionSetArn]" --output text; done | '
        f"awk -v name={shlex.quote(name)} '$1 == name {{print $2}}')"
    )
    where = '--instance-arn "$instance" --permission-set-arn "$found"'
    for policy in scene.denies:
        yield (
            f"aws sso-admin attach-customer-managed-policy-reference-to-permission-set {where} "
            f"--customer-managed-policy-reference Name={policy.name},Path=/"
        )
    if scene.boundary:
        held = {"CustomerManagedPolicyReference": {"Name": scene.boundary.name, "Path": "/"}}
        yield (
            f"aws sso-admin put-permissions-boundary-to-permission-set {where} "
            f"--permissions-boundary {shlex.quote(json.dumps(held))}"
        )
    yield f"aws sso-admin provision-permission-set {where} --target-type AWS_ACCOUNT --target-id {scene.account}"
