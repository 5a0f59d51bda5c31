"""May the operator do all of it, undo all of it, and look at all of it? Asked before anything is written.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from bedrock_guard.change.errors import Refusal
from bedrock_guard.change.look import Look
from bedrock_guard.change.marker import TakeMarker
from bedrock_guard.change.operator_policy import ATTACH, BOUND, GUARDRAILS, LOOK, ORGANIZATIONS, OWN
from bedrock_guard.change.probes import Texts, decisions, entry
from bedrock_guard.change.step import Right, Step
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import compile_policies

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.change.scene import Scene

_AT_ONCE: Final = 50


def rights_of(scene: Scene, steps: Iterable[Step], marker: str) -> tuple[Right, ...]:
    """Every permission that the steps, the marker and the checks before them need, each once."""
    found = dict.fromkeys(
        (
            Right("iam:GetAccountAuthorizationDetails"),
            *(
                (Right("iam:GetRole", scene.operator),)
                if scene.operator.split(":")[5].startswith("role/")
                else ()
            ),
            *TakeMarker(arn=marker, run="", owner="").rights(),
        )
    )
    for step in steps:
        found |= dict.fromkeys(step.rights())
    return tuple(found)


def lacking(look: Look, operator: str, rights: Iterable[Right], texts: Texts | None = None) -> list[str]:
    """The permissions that the operator does not have, in words.

    Args:
        look: who asks the simulator.
        operator: ARN of the user or role.
        rights: what is needed.
        texts: documents that will bind the operator.
    """
    found = []
    for actions, resources, keys in _grouped(rights):
        context = [entry(key, value) for key, value in keys]
        answers = decisions(look, operator, actions, resources, context, texts=texts)
        for (action, resource), decision in answers.items():
            if decision != "allowed":
                where = "" if resource == "*" else f" on {resource}"
                with_ = "".join(f" with {key} {value}" for key, value in keys)
                found.append(f"{action}{where}{with_}")
    return sorted(found)


def lacks(account: Account, *, prefix: str, scps: bool = False, guardrails: bool = False) -> tuple[str, ...]:
    """What of the operator's policy the caller does not have: asked before there is a plan, and writes nothing.

    Args:
        account: the caller's.
        prefix: how the names of the spec's policies begin.
        scps: with what SCPs need.
        guardrails: with what the guardrail and its enforcement need.

    Raises:
        ClientError: it could not be asked, such as without iam:SimulatePrincipalPolicy.
        NotAwsAnswer: the answer was not AWS's.
    """
    look = Look(account)
    number, caller = look.caller()
    ours = f"arn:{account.partition}:iam::{number}:policy/{prefix}"
    own = [Right(action, f"{ours}boundary") for action in OWN]
    anybody = f"arn:{account.partition}:iam::{number}:role/anybody"
    bound = [Right(action, anybody, (("iam:PermissionsBoundary", f"{ours}boundary"),)) for action in BOUND]
    attach = [Right(action, anybody, (("iam:PolicyARN", f"{ours}deny-1"),)) for action in ATTACH]
    wide = [*LOOK, *(ORGANIZATIONS if scps else ()), *(GUARDRAILS if guardrails else ())]
    found = lacking(look, caller, [*map(Right, wide), *own, *bound, *attach])
    return tuple(sorted({words.split(" ")[0] for words in found}))


Keys = tuple[tuple[str, str], ...]


def _grouped(rights: Iterable[Right]) -> Iterator[tuple[list[str], list[str], Keys]]:
    """Rights that differ only in the resource are asked together, then those that differ only in the action."""
    places: dict[tuple[str, Keys], list[str]] = {}
    for right in rights:
        places.setdefault((right.action, right.keys), []).append(right.resource)
    alike: dict[tuple[tuple[str, ...], Keys], list[str]] = {}
    for (action, keys), resources in places.items():
        alike.setdefault((tuple(sorted(set(resources))), keys), []).append(action)
    for (where, keys), actions in alike.items():
        for start in range(0, len(where), _AT_ONCE):
            yield actions, list(where[start : start + _AT_ONCE]), keys


def operator_refusals(look: Look, scene: Scene, rights: Sequence[Right]) -> Iterator[Refusal]:
    """Why the operator cannot carry it out, or would cut the branch it sits on."""
    missing = lacking(look, scene.operator, rights)
    if missing:
        yield Refusal(
            "permissions",
            f"{scene.operator} lacks {len(missing)} permissions for the change, its checks or its way back.",
            "; ".join(missing[:12]) + (f"; and {len(missing) - 12} more" if len(missing) > 12 else ""),
            "Give it the operator policy of this kit (bedrock-guard plan SPEC --operator-policy prints it).",
        )
        return
    lost = _lost_to_scps(scene, rights)
    if _hit_itself(scene):
        boundary = [scene.boundary.text] if scene.boundary else []
        lost += lacking(
            look, scene.operator, rights, Texts(boundary, [policy.text for policy in scene.denies])
        )
    if lost:
        yield Refusal(
            "self_lockout",
            f"After the change {scene.operator} could no longer go on with it, or roll it back.",
            f"It would lose {'; '.join(lost[:8])}.",
            "Apply it as a principal that the change does not touch, or leave this one out.",
        )


def _hit_itself(scene: Scene) -> bool:
    mine = scene.survey.get(scene.operator)
    who = mine.who if mine else ""
    return who in scene.people or who in scene.bystanders


def _lost_to_scps(scene: Scene, rights: Iterable[Right]) -> list[str]:
    """An SCP on the operator's own account or a unit above may bind it; the management account is never bound."""
    if not scene.scps_on or scene.account == scene.management:
        return []
    judge = compile_policies([ALLOW_ALL], scps=[[ALLOW_ALL, *scene.scps.values()]])
    return [
        right.action
        for right in rights
        if not judge.decide(
            right.action, right.resource, {**dict(right.keys), "aws:PrincipalArn": scene.operator}
        ).allowed
    ]
