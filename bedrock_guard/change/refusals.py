"""Why a plan is not made. Every reason is looked for, so that one round of corrections is enough."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from bedrock_guard.boundary.packing import QUOTA
from bedrock_guard.change import permission_sets, refusals_scp
from bedrock_guard.change.errors import Refusal, too_long
from bedrock_guard.change.look import PolicyState
from bedrock_guard.change.scene import TARGET
from bedrock_guard.change.survey import PROTECTED
from bedrock_guard.iam.document import read
from bedrock_guard.iam.quotas import MAX_MANAGED_POLICIES_PER_PRINCIPAL

if TYPE_CHECKING:
    from bedrock_guard.change.scene import Managed, Scene
    from bedrock_guard.change.survey import Person

_TERRAFORM: Final = re.compile(r"terraform|opentofu|pulumi", re.IGNORECASE)
_STACK: Final = "aws:cloudformation:stack-name"

_OF_WHOM: Final = frozenset(
    {"missing", "canary", "foreign_boundary", "service_linked", "identity_center", "break_glass"}
)
_FREE: Final = "Somebody must be able to undo the change when everything else fails."


def refusals(scene: Scene) -> tuple[Refusal, ...]:
    """Every reason that can be told from what was read."""
    return tuple(found for check in _CHECKS for found in check(scene))


def only_of_whom(scene: Scene, found: Iterable[Refusal]) -> bool:
    """Whether nothing but who is named is wrong, and what the documents would do can still be asked."""
    return {one.kind for one in found} <= _OF_WHOM and None not in scene.scps_on.values()


def _account(scene: Scene) -> Iterator[Refusal]:
    profile = scene.wish.built.profile
    if scene.account not in profile.accounts:
        yield Refusal(
            "account",
            f"These credentials are for account {scene.account}.",
            f"The spec is for {', '.join(profile.accounts)}.",
            "Use credentials of one of these accounts, or add the account to the spec.",
        )
    if scene.partition != profile.partition:
        yield Refusal(
            "partition",
            f"These credentials are for partition {scene.partition}.",
            f"The spec is for {profile.partition}.",
            "Use credentials of that partition, or write this one into the spec.",
        )
    if scene.operator.split(":")[4:5] != [scene.account]:
        yield Refusal(
            "operator",
            f"The operator {scene.operator} is not of account {scene.account}.",
            "A change is applied from within its account.",
            "Name a user or role of this account as the operator.",
        )
    elif scene.survey.get(scene.operator) is None:
        yield Refusal(
            "operator",
            f"The operator {scene.operator} is no user or role of the account.",
            "Whether it could take the change back cannot be asked.",
            "Apply as a user or role; the root user is never an operator.",
        )


def _selection(scene: Scene) -> Iterator[Refusal]:
    wish = scene.wish
    for name in scene.missing:
        elsewhere = name.startswith("arn:") and name.split(":")[4:5] != [scene.account]
        several = name.startswith(("path ", "tag ", "group "))
        yield Refusal(
            "missing",
            f"{name or 'A target without a name'} {'selects' if several else 'is'} nobody in account {scene.account}.",
            "It is of another account." if elsewhere else "It was deleted, or the name is wrong.",
            _instead(name, elsewhere=elsewhere),
        )
    wide = wish.scp_targets or wish.attach_scps or wish.guardrail or wish.enforce
    if wish.selection.empty and not wide and not scene.bystanders:
        others = ", ".join(wish.built.profile.targets)
        yield Refusal(
            "nobody",
            "The plan would bind nobody.",
            f"The spec's targets are of other accounts: {others}."
            if others
            else "No user, role or SCP target is named.",
            "Name users or roles under Who (on a command line: --target, --path, --tag or --group), or units or "
            "accounts under Account-wide (--attach-scps with --scp-target).",
        )
    if len(scene.people) > wish.selection.limit:
        yield Refusal(
            "limit",
            f"{len(scene.people):,} are selected, more than the limit of {wish.selection.limit:,}.",
            f"Selected: {wish.selection.words()}. The account has {len(scene.survey.people):,} users and roles.",
            "Select fewer, or raise the limit if all of them are meant.",
        )
    if scene.people and scene.boundary is None and not scene.denies:
        yield Refusal(
            "documents",
            "The spec makes no boundary and no identity-based policy for anybody.",
            "Nothing would be put on those selected.",
            "Turn on a control that makes one, or select nobody and name targets for the SCPs.",
        )


def _canary(scene: Scene) -> Iterator[Refusal]:
    if scene.wish.canary is not None and scene.canary is None:
        yield Refusal(
            "canary",
            f"The canary {scene.wish.canary} is not among those selected.",
            "It goes first, so the change must be for it too.",
            "Select it, or name one of those selected.",
        )
    if scene.canary is None and any(policy.changes and policy.users for policy in scene.policies):
        yield Refusal(
            "canary",
            f"A policy in use would change for {len(scene.bystanders)} at once, with nobody to try it first.",
            "A mistake would reach all of them before anybody saw it.",
            "Select at least one principal as the canary.",
        )


def _instead(name: str, *, elsewhere: bool) -> str:
    """What to do about a name that is nobody's."""
    if ":assumed-role/" in name:
        return "A session's ARN (assumed-role) is no target: name its role."
    return (
        "Plan there, with credentials of that account." if elsewhere else "Correct the name, or leave it out."
    )


def _people(scene: Scene) -> Iterator[Refusal]:
    for person in scene.people.values():
        state = person.state
        if state.path.startswith(PROTECTED[0]):
            yield Refusal(
                "service_linked",
                f"{person.who} is a service-linked role.",
                "Only AWS changes it, and no boundary may be put on it.",
                "Leave it out of the selection.",
            )
        elif state.path.startswith(PROTECTED[1]):
            yield Refusal(
                "identity_center",
                f"{person.who} belongs to IAM Identity Center.",
                "A boundary put on it directly is refused by AWS; it belongs on the permission set.",
                "Use the commands offered, in the account that administers Identity Center.",
                "\n".join(permission_sets.commands(scene, state.name)),
            )
        if not scene.ours(state.boundary) and not scene.wish.replace and scene.boundary is not None:
            yield Refusal(
                "foreign_boundary",
                f"{person.who} has a boundary that is not of this spec: {state.boundary}.",
                "Replacing it may open what it closed.",
                "Leave it out (untick it under Who), or tick “Replace boundaries that are not of this spec” under "
                "How (on a command line: --replace); the former one is kept for the way back.",
            )
        most = _most_attached(scene, person)
        if most > MAX_MANAGED_POLICIES_PER_PRINCIPAL:
            yield Refusal(
                "quota",
                f"{person.who} would have {most} managed policies attached.",
                f"{MAX_MANAGED_POLICIES_PER_PRINCIPAL} are the most without a quota increase.",
                "Detach one that it does not need, or put two of its policies into one.",
            )


def _most_attached(scene: Scene, person: Person) -> int:
    """How many policies somebody has attached at the fullest moment: the canary tries a policy beside its former."""
    wanted = {policy.arn for policy in scene.denies}
    tried = person is scene.canary and any(policy.changes and policy.users for policy in scene.denies)
    return len(person.attached | wanted) + tried


def _break_glass(scene: Scene) -> Iterator[Refusal]:
    wish = scene.wish
    wanted = (*wish.built.profile.break_glass, *wish.break_glass)
    mine = [arn for arn in wanted if arn.split(":")[4:5] == [scene.account]]
    if not mine:
        yield Refusal(
            "break_glass",
            f"No break-glass principal of account {scene.account} is named.",
            _FREE,
            "Name one in break_glass of the spec, or for this plan.",
        )
    for arn in (one for one in wish.break_glass if one not in mine):
        yield Refusal(
            "break_glass",
            f"{arn} is no user or role of account {scene.account}.",
            "A break-glass principal of this plan takes this account's changes back.",
            "Give the ARN of a user or role of this account.",
        )
    for arn in mine:
        yield from _not_free(scene, arn)


def _not_free(scene: Scene, arn: str) -> Iterator[Refusal]:
    person = scene.survey.get(arn)
    if person is None:
        yield Refusal(
            "break_glass",
            f"The break-glass principal {arn} does not exist.",
            _FREE,
            "Correct the ARN in break_glass, or create it first.",
        )
    elif person.who in scene.people:
        yield Refusal(
            "break_glass",
            f"The break-glass principal {person.who} is selected; it must stay free.",
            _FREE,
            "Leave it out of the selection.",
        )
    elif person.state.boundary is not None:
        yield Refusal(
            "break_glass",
            f"The break-glass principal {person.who} is bounded by {person.state.boundary}.",
            "It could not undo the change.",
            "Take that boundary off, or name another one that has none.",
        )


def _tagged(scene: Scene) -> Iterator[Refusal]:
    for person in scene.people.values():
        if person.state.tags.get("bedrock-guard") == "break-glass":
            yield Refusal(
                "break_glass",
                f"{person.who} is tagged as a break-glass principal.",
                _FREE,
                "Leave it out of the selection, or take its tag bedrock-guard=break-glass off.",
            )


def _documents(scene: Scene) -> Iterator[Refusal]:
    for policy in scene.policies:
        size = len(policy.text)
        quota = QUOTA["boundary" if policy.boundary else "deny"]
        if size > quota:
            yield too_long(policy.name, size, quota)
        if policy.boundary and not _allows(policy.text):
            yield Refusal(
                "deny_only",
                f"The boundary {policy.name} only denies.",
                "A boundary limits to what it allows: without an Allow nobody under it can do anything.",
                "Keep the Ceiling statement that the builder makes.",
            )
        if policy.boundary and policy.uses.permissions:
            yield Refusal(
                "permissions_policy",
                f"{policy.name} is attached as a permissions policy to {', '.join(sorted(policy.uses.permissions))}.",
                "As such its Allow grants, and a change of it would change what they may do.",
                "Detach it there first.",
            )
        if not policy.boundary and policy.uses.boundary:
            yield Refusal(
                "permissions_policy",
                f"The identity-based policy {policy.name} is the boundary of "
                f"{', '.join(sorted(policy.uses.boundary))}.",
                "As a boundary it allows nothing.",
                "Give them another boundary first, or take this one off.",
            )


def _unfinished(scene: Scene) -> Iterator[Refusal]:
    for arn in scene.candidates:
        yield Refusal(
            "unfinished",
            f"{arn} of an earlier change is still there.",
            "That change is under way, or was left in the middle.",
            "Resume or roll back that change first; if its journal is lost, see its plan's rollback commands.",
        )


def _allows(text: str) -> bool:
    return any(statement.effect == "Allow" for statement in read(text, "boundary").statements)


def _owners(scene: Scene) -> Iterator[Refusal]:
    for policy in scene.policies:
        if policy.now is None or not policy.changes:
            continue
        owner = _owner(policy.now)
        if owner:
            yield Refusal(
                "owned",
                f"{policy.name} belongs to {owner}.",
                "What is changed here would be put back by its next run.",
                "Change it there; the patch is offered.",
                patch(policy),
            )


def _owner(policy: PolicyState) -> str:
    if _STACK in policy.tags:
        return f"the CloudFormation stack {policy.tags[_STACK]}"
    for key, value in policy.tags.items():
        found = _TERRAFORM.search(f"{key} {value}")
        if found and value.lower() not in {"false", "no"}:
            return f"{found.group().capitalize()} (tag {key}={value})"
    return ""


def patch(policy: Managed) -> str:
    """The change of a policy's text as a unified diff."""
    now = policy.now
    before = "" if now is None else json.dumps(json.loads(now.texts[now.default]), indent=2)
    after = json.dumps(json.loads(policy.text), indent=2)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{policy.name}.json", f"b/{policy.name}.json", lineterm=""
    )
    return "\n".join(lines)


def _asked_for_nothing(scene: Scene) -> Iterator[Refusal]:
    """What was asked for and would silently not be done."""
    wish = scene.wish
    if wish.enforce and wish.guardrail is None:
        yield Refusal(
            "guardrail",
            "A guardrail is to be enforced, and the spec asks for none.",
            "There is nothing to enforce.",
            "Add a [guardrail] table to the spec, or leave the enforcement out.",
        )
    if wish.attach_scps and not wish.scp_targets:
        yield Refusal(
            "scp_targets",
            "SCPs are to be attached, and no target is named.",
            "They would be exported only.",
            "Name units or accounts (--scp-target), or do not ask to attach.",
        )
    if wish.attach_scps and not any(packed.kind == "scp" for packed in wish.built.packed):
        yield Refusal(
            "documents",
            "SCPs are to be attached, and the spec makes none.",
            "It has no control for one, or its documents leave SCPs out.",
            'Add "scp" to the documents of the spec, or do not ask to attach.',
        )
    if wish.attach_scps:
        return
    for target in wish.scp_targets:
        if not TARGET.fullmatch(target):
            yield refusals_scp.no_target(target)


_CHECKS: Final[tuple[Callable[[Scene], Iterator[Refusal]], ...]] = (
    _account, _selection, _canary, _people, _break_glass, _tagged, _documents, _unfinished, _owners,
    _asked_for_nothing, refusals_scp.targets, refusals_scp.texts,
)  # fmt: skip
