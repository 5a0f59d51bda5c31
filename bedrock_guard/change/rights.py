"""May somebody do all of it, undo all of it, and look at all of it? Asked before anything is written.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from bedrock_guard.account.trail_lookup import GLOBAL_REGIONS
from bedrock_guard.change.errors import Refusal
from bedrock_guard.change.look import Look
from bedrock_guard.change.marker import TakeMarker
from bedrock_guard.change.operator_policy import ATTACH, BOUND, GUARDRAILS, LOOK, ORGANIZATIONS, OWN
from bedrock_guard.change.probes import Texts, decisions, entry
from bedrock_guard.change.step import Right, Step

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

_AT_ONCE: Final = 50


def rights_of(who: str, steps: Iterable[Step], marker: str, *, back: bool = False) -> tuple[Right, ...]:
    """Every permission that steps, the marker and the checks before them need, each once.

    Args:
        who: ARN of the user or role that carries them out.
        steps: of the change, of its way back, or both.
        marker: ARN of the marker.
        back: only ways back, before which users and roles are not read.
    """
    first = [] if back else [Right("iam:GetAccountAuthorizationDetails")]
    if who.split(":")[5].startswith("role/"):
        first.append(Right("iam:GetRole", who))
    found = dict.fromkeys((*first, *TakeMarker(arn=marker, run="", owner="").rights()))
    for step in steps:
        found |= dict.fromkeys(step.rights())
    return tuple(found)


def where_asked(right: Right, partition: str, region: str) -> dict[str, str]:
    """The key of the Region that a request is made in; IAM and Organizations are asked in one of their partition.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
    """
    wide = right.action.startswith(("iam:", "organizations:"))
    return {"aws:RequestedRegion": GLOBAL_REGIONS[partition] if wide else region}


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
        region = where_asked(Right(actions[0]), look.session.partition, look.session.region)
        context = [entry(key, value) for key, value in (region | dict(keys)).items()]
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
    """Rights that differ only in the resource are asked together, then those of a service that differ in the action."""
    places: dict[tuple[str, Keys], list[str]] = {}
    for right in rights:
        places.setdefault((right.action, right.keys), []).append(right.resource)
    alike: dict[tuple[tuple[str, ...], Keys, str], list[str]] = {}
    for (action, keys), resources in places.items():
        service = action.partition(":")[0]
        alike.setdefault((tuple(sorted(set(resources))), keys, service), []).append(action)
    for (where, keys, _), actions in alike.items():
        for start in range(0, len(where), _AT_ONCE):
            yield actions, list(where[start : start + _AT_ONCE]), keys


def operator_refusals(operator: str, missing: Sequence[str]) -> Iterator[Refusal]:
    """Why the operator, as it is now, cannot carry a change out: what `lacking` says of its rights."""
    if missing:
        yield Refusal(
            "permissions",
            f"{operator} lacks {len(missing)} permissions for the change, its checks or its way back.",
            "; ".join(missing[:12]) + (f"; and {len(missing) - 12} more" if len(missing) > 12 else ""),
            "Give it the operator policy of this kit (bedrock-guard plan SPEC --operator-policy prints it).",
        )
