"""What a change does to decisions: which requests flip, who is left with nothing, what the canary is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.change.plan_file import Effect
from bedrock_guard.change.probes import Probe, Texts, decisions
from bedrock_guard.iam.compare import Comparison, PolicySet, Universe, compare
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import compile_policies

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.scene import Scene
    from bedrock_guard.change.survey import Person

_SHOWN: Final = 60
_DENIED_PROBES: Final = 3
KEEP: Final = (
    ("sts:GetCallerIdentity", "*"),
    ("s3:GetObject", "arn:aws:s3:::example/object"),
    ("s3:ListAllMyBuckets", "*"),
    ("logs:PutLogEvents", "*"),
    ("ec2:DescribeInstances", "*"),
    ("bedrock:ListFoundationModels", "*"),
    ("ce:GetCostAndUsage", "*"),
    ("iam:GetUser", "*"),
)
"""Ordinary work of which something must stay for everybody who could do any of it."""


def effects(scene: Scene) -> tuple[Effect, ...]:
    """The differences, for each group of people whose documents were alike before."""
    after = [scene.boundary.text] if scene.boundary else []
    denies = [policy.text for policy in scene.denies]
    universe = universe_of([*after, *denies])
    groups: dict[str, tuple[list[str], PolicySet, str]] = {}
    for person in scene.changed:
        before, words = _before(scene, person)
        groups.setdefault("\n".join(_texts(before)), ([], before, words))[0].append(person.who)
    wanted = PolicySet.of([ALLOW_ALL, *denies], after[0] if after else None)
    return tuple(
        _effect(tuple(who), words, compare(before, wanted, universe))
        for who, before, words in groups.values()
    )


def _before(scene: Scene, person: Person) -> tuple[PolicySet, str]:
    boundary = person.state.boundary
    document = scene.survey.documents.get(boundary) if boundary else None
    prefix = scene.wish.built.profile.policy_prefix
    mine = sorted(arn for arn in person.attached if arn.rpartition("/")[2].startswith(f"{prefix}deny-"))
    denies = [scene.survey.documents[arn] for arn in mine if arn in scene.survey.documents]
    words = boundary.rpartition("/")[2] if boundary else "no boundary"
    return PolicySet.of([ALLOW_ALL, *denies], document), words


def _texts(policies: PolicySet) -> list[str]:
    documents = [*policies.identity, *([policies.boundary] if policies.boundary else [])]
    return [document.minified() for document in documents]


def universe_of(texts: Sequence[str]) -> Universe:
    """All requests of the services that the documents name."""
    services = set()
    for document in compile_policies(list(texts)).documents.values():
        for one in document:
            for statement in one.statements:
                named = (*(statement.actions or ()), *(statement.not_actions or ()))
                services |= {action.partition(":")[0].lower() for action in named}
    return Universe.of(*sorted(f"{name}:*" for name in services if name != "*"))


def _effect(who: tuple[str, ...], former: str, found: Comparison) -> Effect:
    shown = tuple(difference.to_dict() for difference in found.differences[:_SHOWN])
    return Effect(
        who=who,
        former=former,
        opens=sum(d.opens for d in found.differences),
        closes=sum(d.closes for d in found.differences),
        differences=tuple(_plain(one) for one in shown),
        left_out=len(found.differences) - len(shown),
        incomplete=found.incomplete,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def robbed(scene: Scene) -> Iterator[str]:
    """Those touched who could do ordinary work and could do none of it after the change."""
    for person in scene.changed:
        held = scene.survey.documents.get(person.state.boundary) if person.state.boundary else None
        before = compile_policies([*person.identity], boundary=held)
        texts = scene.to_bind(person)
        judged = compile_policies([*person.identity, *texts.beside], boundary=texts.boundary or held)
        could = [(a, r) for a, r in KEEP if before.decide(a, r, {}).allowed]
        if could and not any(judged.decide(a, r, {}).allowed for a, r in could):
            yield person.who


def probes(look: Look, scene: Scene, found: Sequence[Effect]) -> tuple[Probe, ...]:
    """What the canary is asked when it is changed: what AWS's simulator says now of the documents to come."""
    canary = scene.canary
    if canary is None or not scene.policies:
        return ()
    boundary = [scene.boundary.text] if scene.boundary else []
    to_come = Texts(boundary, [policy.text for policy in scene.denies])
    keep = [*KEEP[:4], *scene.wish.keep]
    made = []
    by_resource: dict[str, list[str]] = {}
    for action, resource in keep:
        by_resource.setdefault(resource, []).append(action)
    for resource, actions in by_resource.items():
        answers = decisions(look, canary.state.arn, actions, [resource], texts=to_come)
        made += [
            Probe(action=action, resource=resource, allow=True, why="must stay")
            for (action, _), decision in answers.items()
            if decision == "allowed"
        ]
    made += _refused(look, canary, found, to_come)
    return tuple(made)


def _refused(look: Look, canary: Person, found: Sequence[Effect], to_come: Texts) -> Iterator[Probe]:
    """A few requests that the change closes, as the simulator can be asked them."""
    mine = next((effect for effect in found if canary.who in effect.who), None)
    given = 0
    for difference in mine.differences if mine else ():
        witness = difference["witness"]
        if difference["before"] != "allowed" or witness["context"] or given == _DENIED_PROBES:
            continue
        request = (witness["action"], witness["resource"])
        if decisions(look, canary.state.arn, [request[0]], [request[1]], texts=to_come)[request] != "allowed":
            given += 1
            yield Probe(action=request[0], resource=request[1], allow=False, why="must be refused")
