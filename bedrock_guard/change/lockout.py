"""Could the change be taken back once it is made: by its operator, and by somebody of break glass?

Only what binds them counts: documents that are put on them, that change under them or a group of theirs, and SCPs over
their account. A role also needs somebody who can still become it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.change.errors import Refusal
from bedrock_guard.change.rights import lacking, rights_of, where_asked
from bedrock_guard.change.survey import PROTECTED
from bedrock_guard.iam.document import ALLOW_ALL, read
from bedrock_guard.iam.evaluator import Evaluator, compile_policies

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.scene import Scene
    from bedrock_guard.change.step import Right, Step
    from bedrock_guard.change.survey import Person

_ASSUME: Final = "sts:AssumeRole"
_UNKNOWN: Final = (
    "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:SourceIdentity", "aws:SourceIp", "aws:SourceVpc",
    "aws:SourceVpce", "aws:TokenIssueTime", "aws:CurrentTime", "sts:ExternalId", "sts:RoleSessionName",
)  # fmt: skip
"""What of a request to become a role is not known beforehand."""


def lockouts(
    look: Look, scene: Scene, steps: Sequence[Step], back: Sequence[Step], missing: Sequence[str] = ()
) -> Iterator[Refusal]:
    """Why a change could not be gone on with or taken back once it is made.

    Args:
        look: who asks the simulator.
        scene: what is there, and what is wished for.
        steps: of the change.
        back: its ways back.
        missing: what the operator lacks already, and cannot lose.
    """
    operator = scene.survey.get(scene.operator)
    lost = []
    if operator is not None:
        rights = rights_of(scene.operator, (*steps, *back), scene.marker)
        lost = [one for one in _lost(look, scene, operator, rights) if one not in missing]
        if not lost and _cut_off(scene, operator):
            lost = [f"{_ASSUME} for everybody who can become it now"]
    if lost:
        yield Refusal(
            "self_lockout",
            f"After the change {scene.operator} could no longer go on with it, or roll it back.",
            f"It would lose {'; '.join(lost[:8])}.",
            "Apply it as a principal that the change does not touch, or leave out this one, or who becomes it.",
        )
    free = [one for one in scene.rescuers if one.who not in scene.people and one.state.boundary is None]
    why = {person.who: _useless(look, scene, person, back) for person in free}
    if why and all(why.values()):
        yield Refusal(
            "break_glass",
            f"No break-glass principal could take the change back: {', '.join(why)}.",
            "; ".join(f"{who}: {words}" for who, words in why.items())[:600],
            "Give one of them the operator policy, or name one that has it and that the change does not touch.",
        )


def _lost(look: Look, scene: Scene, person: Person, rights: Sequence[Right]) -> list[str]:
    """Which of somebody's rights the change takes away."""
    lost = _lost_to_scps(scene, person.state.arn, rights)
    texts = scene.to_bind(person)
    if texts.boundary or texts.beside:
        lost += lacking(look, person.state.arn, rights, texts)
    return lost


def _useless(look: Look, scene: Scene, person: Person, back: Sequence[Step]) -> str:
    """Why a break-glass principal could not take the change back; empty where it could."""
    rights = rights_of(person.state.arn, back, scene.marker, back=True)
    missing = lacking(look, person.state.arn, rights)
    if missing:
        return f"it lacks {'; '.join(missing[:4])}"
    lost = _lost(look, scene, person, rights)
    if lost:
        return f"it would lose {'; '.join(lost[:4])}"
    return "nobody could become it any more" if _cut_off(scene, person) else ""


def _lost_to_scps(scene: Scene, who: str, rights: Sequence[Right]) -> list[str]:
    """What the SCPs of the plan would deny somebody of the account, if one of their targets lies over it."""
    if not scene.bound:
        return []
    judge = compile_policies([ALLOW_ALL], scps=[[ALLOW_ALL, *scene.scps.values()]])
    lost = []
    for right in rights:
        region = where_asked(right, scene.partition, scene.region)
        context = {"aws:PrincipalArn": who, "aws:PrincipalAccount": scene.account} | region | dict(right.keys)
        if not judge.decide(right.action, right.resource, context).allowed:
            lost.append(right.action)
    return lost


def cut_off(scene: Scene) -> Iterator[str]:
    """Who can become the operator or a break-glass role now, and no longer after the change; in words."""
    roles = (scene.survey.get(scene.operator), *scene.rescuers)
    for role in {role.who: role for role in roles if role is not None}.values():
        lost = _shut_out(scene, role)
        if lost:
            more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
            yield f"{', '.join(person.who for person in lost[:5])}{more} can no longer become {role.who}"


def _cut_off(scene: Scene, role: Person) -> bool:
    """Whether the change shuts out the last of those who can become a role now."""
    if role.trust is None or _from_elsewhere(role.trust, scene.account):
        return False
    lost = {person.who for person in _shut_out(scene, role)}
    others = (person for person in scene.survey.people.values() if person.who not in lost)
    return bool(lost) and not any(_can_become(scene, person, role, after=True) for person in others)


def _shut_out(scene: Scene, role: Person) -> list[Person]:
    """Those who can become a role now and no longer after the change."""
    touched = scene.survey.people.values() if scene.bound else scene.changed
    return [
        person
        for person in touched
        if _can_become(scene, person, role, after=False) and not _can_become(scene, person, role, after=True)
    ]


def _can_become(scene: Scene, person: Person, role: Person, *, after: bool) -> bool:
    """Whether somebody may become a role; what of the request is not known counts for them."""
    state = person.state
    if role.trust is None or person.who == role.who or state.path.startswith(PROTECTED[0]):
        return False
    held = scene.survey.documents.get(state.boundary) if state.boundary else None
    texts = scene.to_bind(person)
    boundary = (texts.boundary[0] if after and texts.boundary else None) or (held and json.dumps(held))
    identity = (*map(json.dumps, person.identity), *(texts.beside if after else ()))
    scps = tuple(scene.scps.values()) if after and scene.bound else ()
    judge = _judge(identity, boundary, scps, json.dumps(role.trust))
    context: dict[str, Any] = {
        "aws:PrincipalArn": state.arn,
        "aws:PrincipalAccount": scene.account,
        **{f"aws:PrincipalTag/{key}": value for key, value in state.tags.items()},
        **({"aws:username": state.name} if state.kind == "user" else {}),
    }
    found = judge.depends_on(_ASSUME, role.state.arn, context, principal=state.arn, unknown=_UNKNOWN)
    return "allowed" in found.possible


@lru_cache(maxsize=4_096)
def _judge(identity: tuple[str, ...], boundary: str | None, scps: tuple[str, ...], trust: str) -> Evaluator:
    # Lenient: what is deployed was accepted once.
    return compile_policies(
        [read(text, lenient=True) for text in identity],
        boundary=None if boundary is None else read(boundary, "boundary", lenient=True),
        scps=[[ALLOW_ALL, *scps]] if scps else None,
        resource_policy=read(trust, "trust", lenient=True),
    )


def _from_elsewhere(trust: Mapping[str, Any], account: str) -> bool:
    """Whether a role's trust lets in other accounts, services or an identity provider, whom the plan does not touch."""
    statements = trust.get("Statement", ())
    for one in [statements] if isinstance(statements, Mapping) else statements:
        who = one.get("Principal") if one.get("Effect") == "Allow" else {}
        if not isinstance(who, Mapping) or who.keys() - {"AWS"}:
            return True
        named = who.get("AWS", ())
        for name in [named] if isinstance(named, str) else named:
            deleted = name.isalnum() and not name.isdigit()  # what is left of a deleted principal is its id
            if account not in (name, *name.split(":")[4:5]) and not deleted:
                return True
    return False
