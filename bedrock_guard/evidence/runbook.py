"""What to do about a leaked key: the commands filled in, in their order. Nothing here runs them.

Long-term and short-term keys end differently: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-revoke.html
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bedrock_guard.boundary.controls import titles
from bedrock_guard.evidence.key_facts import UserFacts
from bedrock_guard.evidence.runbook_commands import (
    deny_document,
    drop_policy,
    everywhere,
    iam,
    last_accessed,
    put_policy,
    set_key,
)

_DENIED: Final = ("bedrock:*", "bedrock-mantle:*")
_CLAUDE_PLATFORM: Final = "aws-external-anthropic"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a runbook.

    Args:
        phase: decode, check, snapshot, contain, scope, stop cost, eradicate or prevent.
        what: what it is for.
        commands: what a person types; none where it is done by hand.
        undo: the command that takes it back.
        reversible: whether it can be taken back at all.
    """

    phase: str
    what: str
    commands: tuple[str, ...] = ()
    undo: str = ""
    reversible: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a key was seen, so that commands name it.

    Args:
        account_id: the account it belongs to.
        regions: the Regions it called.
        started: commands that stop what was started with it (see `runbook_commands.stopping`).
        account: how `bedrock-guard` is told the account; "default" takes the credentials that the AWS CLI takes.
    """

    account_id: str
    regions: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    account: str = "default"


def long_term_runbook(
    facts: UserFacts,
    credential_id: str,
    reach: Reach,
    *,
    service: str | None = None,
    others: tuple[str, ...] = (),
) -> tuple[Step, ...]:
    """Steps for a leaked long-term key, snapshots first, nothing deleted before it was contained.

    Args:
        facts: whose key, and what else the user holds; what is not known of it is named where it matters.
        credential_id: the key.
        reach: where it was seen.
        service: whose key it is, as IAM's list says.
        others: the user's other service-specific credentials.

    Example:
        >>> steps = long_term_runbook(UserFacts("ana"), "ACCAEXAMPLE", Reach("111122223333"))
        >>> [step.phase for step in steps][:4]
        ['decode', 'check', 'snapshot', 'contain']
    """
    folder = shlex.quote(f"leaked-{credential_id}")
    key = ("--service-specific-credential-id", credential_id)
    delete = (iam("delete-service-specific-credential", facts.name, *key),)
    deny = f"leaked-key-deny-{credential_id}"
    prefixes = (*_DENIED, f"{_CLAUDE_PLATFORM}:*") if service and _CLAUDE_PLATFORM in service else _DENIED
    return (
        _DECODE,
        _check(reach, folder),
        Step("snapshot", "Keep what is there before anything changes.", _snapshot(facts, folder)),
        Step(
            "contain",
            "Switch the key off. Whatever still uses it stops.",
            (set_key(facts.name, credential_id, "Inactive"),),
            undo=set_key(facts.name, credential_id, "Active"),
        ),
        Step(
            "contain",
            "Deny every endpoint to the user, whatever other credentials it has.",
            (put_policy("user", facts.name, deny, deny_document(prefixes)),),
            undo=drop_policy("user", facts.name, deny),
        ),
        *_other_credentials(facts),
        *_scope(reach, folder, ("Username", facts.name), credential_id),
        *_costs(reach),
        Step("eradicate", "Delete the key, once the scope is known.", delete, reversible=False),
        *_no_user(facts, deny, others),
        *_PREVENT,
    )


def short_term_runbook(signer: str, access_key: str, reach: Reach, *, now: datetime) -> tuple[Step, ...]:
    """Steps for leaked short-term keys, by who signed them with which access key.

    An access key of a user (AKIA) is switched off: no condition on a token's time binds it. A session (ASIA) cannot be,
    so every session of its role or user that began before now is denied. Roles of Identity Center take no inline
    policy: there the assignment is removed, or an SCP denies. The root user takes no policy at all.

    Args:
        signer: the ARN of the role, user or root whose credentials signed; empty when it is not known.
        access_key: the id of the access key in the token.
        reach: where the keys were seen.
        now: the present moment (UTC).
    """
    folder = shlex.quote(f"leaked-{access_key}")
    return (
        _DECODE,
        _check(reach, folder),
        *_snapshot_of_signer(signer, folder),
        *_contained(signer, access_key, now),
        *_scope(reach, folder, ("AccessKeyId", access_key), access_key),
        *_costs(reach),
        *_PREVENT,
    )


_DECODE: Final = Step(
    "decode",
    "Read the key offline: account, user or signing key, latest end. Paste it at the prompt, never as an argument.",
    ("bedrock-guard decode",),
)


def _check(reach: Reach, folder: str) -> Step:
    asked = 'test "$(aws sts get-caller-identity --query Account --output text)" = '
    command = f'{asked}{shlex.quote(reach.account_id)} && echo "right account" || echo "WRONG ACCOUNT: stop"'
    what = f"Make sure that your credentials are those of account {reach.account_id}, and make a folder to keep things."
    return Step("check", what, (command, 'export AWS_PAGER=""', f"mkdir -p {folder}"))


def _snapshot(facts: UserFacts, folder: str) -> tuple[str, ...]:
    lists = {
        "list-service-specific-credentials": "credentials",
        "get-user": "user",
        "list-attached-user-policies": "attached-policies",
        "list-user-policies": "inline-policies",
        "list-groups-for-user": "groups",
        "list-access-keys": "access-keys",
    }
    kept = [f"{iam(verb, facts.name)} > {folder}/{name}.json" for verb, name in lists.items()]
    kept += [
        f"{iam('get-user-policy', facts.name, '--policy-name', policy)} > {folder}/inline-policy-{number}.json"
        for number, policy in enumerate(facts.inline_policies or (), start=1)
    ]
    return *kept, *last_accessed(facts.arn, folder)


def _snapshot_of_signer(signer: str, folder: str) -> tuple[Step, ...]:
    kind, name = _kind_of(signer), signer.rpartition("/")[2]
    if not kind:
        return ()
    option = (f"--{kind}-name", name)
    lists = {
        f"get-{kind}": kind,
        f"list-attached-{kind}-policies": "attached-policies",
        f"list-{kind}-policies": "inline-policies",
    }
    kept = [
        f"{shlex.join(['aws', 'iam', verb, *option])} > {folder}/{what}.json" for verb, what in lists.items()
    ]
    commands = (*kept, *last_accessed(signer, folder))
    return (Step("snapshot", "Keep what is there before anything changes.", commands),)


def _kind_of(signer: str) -> str:
    return "user" if ":user/" in signer else "role" if ":role/" in signer else ""


def _other_credentials(facts: UserFacts) -> Iterator[Step]:
    for key in facts.access_keys or ():
        yield _switch_off(facts.name, key.key_id, "Switch off the user's access key.")
    if facts.access_keys is None:
        what = "Whether the user has access keys could not be read: list them, and switch each off."
        yield Step("contain", what, (iam("list-access-keys", facts.name),))
    if facts.login_profile is not False:
        there = "" if facts.login_profile else ", if there is one"
        gone = (iam("delete-login-profile", facts.name),)
        yield Step("contain", f"Remove the console password{there}.", gone, reversible=False)


def _contained(signer: str, access_key: str, now: datetime) -> tuple[Step, ...]:
    kind, name = _kind_of(signer), signer.rpartition("/")[2]
    if signer.endswith(":root"):
        what = (
            "Sign in as the root user, delete its access keys, change its password and check its MFA device."
        )
        return (Step("contain", f"{what} No policy of IAM binds it; an SCP binds it in a member account."),)
    if kind == "user" and not access_key.startswith("ASIA"):
        why = "Switch off the access key that signed it; a condition on the token's time would not bind."
        return (_switch_off(name, access_key, why),)
    if not kind:
        return (Step("contain", "Find who signed it: the records name no role and no user."),)
    before = {"DateLessThan": {"aws:TokenIssueTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    deny = f"leaked-key-deny-{access_key}"
    if name.startswith("AWSReservedSSO_"):
        return (_of_identity_center(signer, deny, before),)
    more = ", and switch off the access key that made it" if kind == "user" else ""
    what = f"Deny every session of the {kind} that began before now{more}. Innocent sessions end too and begin anew."
    put = (put_policy(kind, name, deny, deny_document(_DENIED, before)),)
    return (Step("contain", what, put, undo=drop_policy(kind, name, deny)),)


def _of_identity_center(role: str, policy: str, before: dict[str, dict[str, str]]) -> Step:
    what = (
        "Remove the Identity Center assignment, or deny every session that began before now by an SCP, made in the "
        "management account and attached to this account: the role takes no inline policy."
    )
    document = deny_document(_DENIED, {"ArnLike": {"aws:PrincipalArn": role}, **before})
    words = [
        "--type",
        "SERVICE_CONTROL_POLICY",
        "--name",
        policy,
        "--description",
        "Sessions of a leaked key",
    ]
    make = shlex.join(["aws", "organizations", "create-policy", *words, "--content", document])
    target = f"--target-id {shlex.quote(role.split(':')[4])}"
    command = (
        f"policy=$({make} --query Policy.PolicySummary.Id --output text) && "
        f'aws organizations attach-policy --policy-id "$policy" {target}'
    )
    query = shlex.quote(f"Policies[?Name=='{policy}'].Id")
    found = f"aws organizations list-policies --filter SERVICE_CONTROL_POLICY --query {query} --output text"
    undo = f'aws organizations detach-policy --policy-id "$({found})" {target}'
    return Step("contain", what, (command,), undo=undo)


def _scope(reach: Reach, folder: str, attribute: tuple[str, str], key: str) -> Iterator[Step]:
    pair = shlex.quote(f"AttributeKey={attribute[0]},AttributeValue={attribute[1]}")
    look = f"cloudtrail lookup-events --lookup-attributes {pair}"
    what = "Keep the records of every Region it called; Event history forgets after 90 days."
    yield Step("scope", what, (everywhere(look, reach.regions, f"{folder}/records"),))
    read = shlex.join(["bedrock-guard", "keys", "--account", reach.account, "--days", "90", "--key", key])
    what = "Read every Region's records: models, refusals, new programs and networks, logging, further credentials."
    yield Step("scope", what, (read,))


_RUNNING: Final = {
    "bedrock list-provisioned-model-throughputs": "provisioned throughput (a commitment ends on its date only)",
    "bedrock list-model-invocation-jobs": "batch jobs",
    "bedrock list-model-customization-jobs": "training jobs",
    "bedrock list-custom-model-deployments": "deployments",
    "bedrock list-marketplace-model-endpoints": "endpoints",
    "bedrock-agent list-agents": "agents",
}


def _costs(reach: Reach) -> Iterator[Step]:
    if reach.started:
        what = "Stop what was started with it, as far as the records name it."
        yield Step("stop cost", what, reach.started, reversible=False)
    commands = tuple(everywhere(verb, reach.regions) for verb in _RUNNING)
    yield Step(
        "stop cost",
        f"Look for what runs and nobody of yours started: {', '.join(_RUNNING.values())}.",
        commands,
    )


def _no_user(facts: UserFacts, deny: str, others: tuple[str, ...]) -> Iterator[Step]:
    """Deleting a user made for the key alone: IAM refuses while anything is attached to it."""
    if not facts.is_phantom:
        return
    name = facts.name
    drop = ("delete-service-specific-credential", name, "--service-specific-credential-id")
    commands = [iam(*drop, other) for other in others]
    commands += [
        iam("detach-user-policy", name, "--policy-arn", arn) for arn in facts.attached_policies or ()
    ]
    commands += [drop_policy("user", name, policy) for policy in (*(facts.inline_policies or ()), deny)]
    commands += [iam("remove-user-from-group", name, "--group-name", group) for group in facts.groups or ()]
    commands += [
        iam("delete-access-key", name, "--access-key-id", key.key_id) for key in facts.access_keys or ()
    ]
    what = "Delete the user: it was made for the key alone."
    counted = {
        "MFA devices": facts.mfa_devices,
        "SSH keys": facts.ssh_keys,
        "certificates": facts.certificates,
    }
    held = [f"{name}{'' if count else ' (not readable)'}" for name, count in counted.items() if count != 0]
    what += f" Remove its {', '.join(held)} first." if held else ""
    yield Step("eradicate", what, (*commands, iam("delete-user", name)), reversible=False)


def _switch_off(user: str, access_key: str, why: str) -> Step:
    update = ("update-access-key", user, "--access-key-id", access_key, "--status")
    return Step("contain", why, (iam(*update, "Inactive"),), undo=iam(*update, "Active"))


_PREVENT: Final = (
    Step(
        "prevent",
        "Deny making and using keys to whoever does not need them, by controls of a spec: "
        f"{titles(('api_key_creation', 'long_term_key_use', 'short_term_key_use'))}.",
        ("bedrock-guard build guard.toml --out policies",),
    ),
    Step(
        "prevent",
        "Record read events and mantle's data events, log invocations in every Region, set a cost alarm.",
    ),
)
