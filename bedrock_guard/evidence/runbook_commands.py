"""Commands of the AWS CLI for a runbook, each word quoted, so that a name cannot become a command."""

from __future__ import annotations

import json
import shlex
from typing import Final

_ENABLED: Final = "$(aws ec2 describe-regions --query 'Regions[].RegionName' --output text)"


def everywhere(command: str, regions: tuple[str, ...], into: str = "") -> str:
    """An AWS CLI command (quoted already) in every Region a key called; in every enabled one where none is known."""
    if len(regions) == 1:
        kept = f" > {into}-{shlex.quote(regions[0])}.json" if into else ""
        return f"aws {command} --region {shlex.quote(regions[0])}{kept}"
    kept = f' > {into}-"$region".json' if into else ""
    listed = shlex.join(regions) if regions else _ENABLED
    return f'for region in {listed}; do aws {command} --region "$region"{kept}; done'


def iam(verb: str, user: str, *more: str) -> str:
    """A command about an IAM user."""
    return shlex.join(["aws", "iam", verb, "--user-name", user, *more])


def set_key(user: str, credential_id: str, status: str) -> str:
    """Switching a long-term key to `Inactive` or back to `Active`."""
    named = ("--service-specific-credential-id", credential_id)
    return iam("update-service-specific-credential", user, *named, "--status", status)


def put_policy(kind: str, name: str, policy: str, document: str) -> str:
    """Giving a user or a role an inline policy."""
    named = ["aws", "iam", f"put-{kind}-policy", f"--{kind}-name", name, "--policy-name", policy]
    return shlex.join([*named, "--policy-document", document])


def drop_policy(kind: str, name: str, policy: str) -> str:
    """Taking an inline policy from a user or a role."""
    return shlex.join(
        ["aws", "iam", f"delete-{kind}-policy", f"--{kind}-name", name, "--policy-name", policy]
    )


def deny_document(actions: tuple[str, ...], condition: dict[str, dict[str, str]] | None = None) -> str:
    """A policy that denies actions on everything."""
    statement: dict[str, object] = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def last_accessed(arn: str | None, folder: str) -> tuple[str, ...]:
    """Keeping what a user or role last used, by a job that only its starter may read; `folder` is quoted already."""
    if not arn:
        return ()
    start = shlex.join(["aws", "iam", "generate-service-last-accessed-details", "--arn", arn])
    job = f"job=$({start} --query JobId --output text); sleep 10"
    return (
        f'{job}; aws iam get-service-last-accessed-details --job-id "$job" > {folder}/last-accessed.json',
    )


def stopping(operation: str, arn: str, region: str) -> str | None:
    """The command that stops what a call started, by the ARN of its answer; None where there is none.

    Example:
        >>> stopping("CreateModelInvocationJob", "arn:aws:bedrock:us-east-1:111122223333:model-invocation-job/a",
        ...     "us-east-1").partition(" --job")[0]
        'aws bedrock stop-model-invocation-job'
    """
    if operation not in _STOPS:
        return None
    verb, option = _STOPS[operation]
    return shlex.join(["aws", "bedrock", verb, option, arn, "--region", region])


_STOPS: Final = {
    "CreateModelInvocationJob": ("stop-model-invocation-job", "--job-identifier"),
    "CreateModelCustomizationJob": ("stop-model-customization-job", "--job-identifier"),
    "CreateProvisionedModelThroughput": ("delete-provisioned-model-throughput", "--provisioned-model-id"),
    "CreateCustomModelDeployment": ("delete-custom-model-deployment", "--custom-model-deployment-identifier"),
}
