"""The steps of a change in their order, and the ways back in theirs.

Nothing that has an effect comes before the canary has been probed and a person has said go on; the new default of a
policy in use comes only after the canary has tried the same text as a policy of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bedrock_guard.boundary.guardrail import create_request, enforcement_request
from bedrock_guard.change.guardrails import guardrail_digest
from bedrock_guard.change.look import number
from bedrock_guard.change.scene import Managed, Scene
from bedrock_guard.change.step import Step
from bedrock_guard.change.steps_guardrail import (
    CreateGuardrailVersion,
    DeleteGuardrail,
    Enforce,
    PutGuardrail,
    Unenforce,
    versions_named,
)
from bedrock_guard.change.steps_pause import Gate, Watch
from bedrock_guard.change.steps_policy import CreatePolicy, DeletePolicy, Flip, Prune, Restore, Stage, Unstage
from bedrock_guard.change.steps_principal import Attach, PutBoundary, Soak
from bedrock_guard.change.steps_scp import AttachScp, CreateScp, DeleteScp
from bedrock_guard.change.survey import Person
from bedrock_guard.change.texts import digest
from bedrock_guard.iam.quotas import MAX_MANAGED_POLICY_VERSIONS

if TYPE_CHECKING:
    from bedrock_guard.change.probes import Probe

S = TypeVar("S", bound=Step)


class Order:
    """Collects steps and ways back, and numbers them."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.back: list[Any] = []

    def add(self, step: S) -> S:
        """The next step, with its key."""
        name = f"{len(self.steps) + 1:03d}.{getattr(step, 'do', 'step')}"
        numbered = step.model_copy(update={"key": name})
        self.steps.append(numbered)
        return numbered

    def undo(self, step: Step, *undone: Step) -> None:
        """The way back of some steps; the last to be added is the first to be gone."""
        name = f"back.{len(self.back) + 1:03d}.{getattr(step, 'do', 'step')}"
        keys = tuple(one.key for one in undone)
        self.back.append(step.model_copy(update={"key": name, "undoes": keys}))

    def finished(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Steps in their order, ways back in theirs (the last done is the first undone)."""
        return tuple(self.steps), tuple(reversed(self.back))


def ordered(scene: Scene, probes: Sequence[Probe]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """All steps and all ways back of a scene."""
    order = Order()
    flips = [_prepare(order, policy) for policy in scene.policies]
    later = [policy for policy, flips_later in zip(scene.policies, flips, strict=True) if flips_later]
    canary = scene.canary
    rest = [person for person in scene.people.values() if person is not canary]
    rest = [person for person in rest if _lacks(scene, person)]
    if canary is not None and (later or _lacks(scene, canary)):
        _try_on(order, scene, canary, later, probes, rest)
    for policy in later:
        _flip(order, policy)
    if canary is not None and later:
        _settle(order, canary, later)
    _waves(order, scene, canary, rest)
    _account_wide(order, scene)
    return order.finished()


def _prepare(order: Order, policy: Managed) -> bool:
    """Create or stage a policy's text; whether its flip waits for the canary."""
    now = policy.now
    if now is None:
        made = order.add(CreatePolicy(arn=policy.arn, text=policy.text))
        order.undo(DeletePolicy(arn=policy.arn, text=policy.text), made)
        return False
    if not policy.changes:
        return False
    if not now.having(policy.digest):
        _stage(order, policy)
    if policy.users:
        return True
    _flip(order, policy)
    return False


def _stage(order: Order, policy: Managed) -> None:
    now = policy.now
    assert now is not None
    same = {"arn": policy.arn, "policy_id": now.policy_id, "default": now.default}
    if len(now.texts) >= MAX_MANAGED_POLICY_VERSIONS:
        oldest = min((v for v in now.texts if v != now.default), key=number)
        text = now.texts[oldest]
        gone = order.add(Prune(**same, version=oldest, text=text))
        times = len(now.having(digest(text)))
        order.undo(Restore(arn=policy.arn, version=oldest, text=text, times=times), gone)
    above = max(map(number, now.texts))
    staged = order.add(Stage(**same, above=above, text=policy.text))
    order.undo(Unstage(arn=policy.arn, above=above, text=policy.text), staged)


def _flip(order: Order, policy: Managed) -> None:
    now = policy.now
    assert now is not None
    held = now.having(policy.digest)
    to = held[-1] if held else None
    users = tuple(sorted(policy.users))
    flipped = order.add(
        Flip(arn=policy.arn, policy_id=now.policy_id, from_version=now.default, from_digest=now.digest(),
             to_version=to, to_digest=policy.digest, users=users)
    )  # fmt: skip
    order.undo(
        Flip(arn=policy.arn, policy_id=now.policy_id, from_version=None, from_digest=policy.digest,
             to_version=now.default, to_digest=now.digest()),
        flipped,
    )  # fmt: skip


def _lacks(scene: Scene, person: Person) -> bool:
    """Whether somebody's boundary or deny policies are not those wished for."""
    boundary = scene.boundary
    wanted = {policy.arn for policy in scene.denies}
    stale = _stale(scene, person)
    return bool((boundary and person.state.boundary != boundary.arn) or wanted - person.attached or stale)


def _stale(scene: Scene, person: Person) -> list[str]:
    """Deny policies of an earlier build that this one no longer has."""
    prefix = (
        f"arn:{scene.partition}:iam::{scene.account}:policy/{scene.wish.built.profile.policy_prefix}deny-"
    )
    wanted = {policy.arn for policy in scene.denies}
    return sorted(arn for arn in person.attached if arn.startswith(prefix) and arn not in wanted)


def _whom(person: Person) -> dict[str, Any]:
    state = person.state
    return {"kind": state.kind, "name": state.name, "arn": state.arn, "unique_id": state.unique_id}


def _put(order: Order, scene: Scene, person: Person, instead: Sequence[Managed] = ()) -> None:
    """Deny policies, then the boundary, then the stale ones off; candidates stand for the policies `instead`."""
    whom = _whom(person)
    for policy in scene.denies:
        arn = policy.candidate if policy in instead else policy.arn
        if arn not in person.attached:
            on = order.add(Attach(**whom, policy=arn, on=True, text_digest=policy.digest))
            order.undo(Attach(**whom, policy=arn, on=False), on)
        if policy in instead and policy.arn in person.attached:
            off = order.add(Attach(**whom, policy=policy.arn, on=False))
            order.undo(Attach(**whom, policy=policy.arn, on=True), off)
    boundary = scene.boundary
    if boundary is not None:
        arn = boundary.candidate if boundary in instead else boundary.arn
        if person.state.boundary != arn:
            former = person.state.boundary
            put = order.add(PutBoundary(**whom, former=(former,), to=arn, text_digest=boundary.digest))
            order.undo(PutBoundary(**whom, former=(arn,), to=former), put)
    for arn in _stale(scene, person):
        off = order.add(Attach(**whom, policy=arn, on=False))
        order.undo(Attach(**whom, policy=arn, on=True), off)


def _try_on(
    order: Order,
    scene: Scene,
    canary: Person,
    later: Sequence[Managed],
    probes: Sequence[Probe],
    rest: Sequence[Person],
) -> None:
    for policy in later:
        description = f"What {policy.name} is to become, tried on one principal"
        made = order.add(CreatePolicy(arn=policy.candidate, text=policy.text, description=description))
        order.undo(DeletePolicy(arn=policy.candidate, text=policy.text), made)
    _put(order, scene, canary, later)
    order.add(Soak(**_whom(canary), probes=tuple(probes)))
    beyond = len(rest) + len({user for policy in later for user in policy.users} - {canary.who})
    if beyond:
        after = f"the canary {canary.who} is changed; look whether its work goes on"
        order.add(Gate(to=f"to {beyond} more", after=after))


def _settle(order: Order, canary: Person, later: Sequence[Managed]) -> None:
    """The canary goes from the candidates to the policies themselves, and the candidates go."""
    whom = _whom(canary)
    for policy in later:
        if policy.boundary:
            back = order.add(
                PutBoundary(**whom, former=(policy.candidate,), to=policy.arn, text_digest=policy.digest)
            )
            _also_from(order, canary, policy.arn, back)
            continue
        on = order.add(Attach(**whom, policy=policy.arn, on=True, text_digest=policy.digest))
        if policy.arn not in canary.attached:
            order.undo(Attach(**whom, policy=policy.arn, on=False), on)
        order.add(Attach(**whom, policy=policy.candidate, on=False))
    for policy in later:
        order.add(DeletePolicy(arn=policy.candidate, text=policy.text))


def _also_from(order: Order, canary: Person, arn: str, step: Step) -> None:
    """The canary's way back starts from the candidate or from the policy itself, whichever it has by then."""
    for place, back in enumerate(order.back):
        if isinstance(back, PutBoundary) and back.arn == canary.state.arn:
            update = {"former": (*back.former, arn), "undoes": (*back.undoes, step.key)}
            order.back[place] = back.model_copy(update=update)


def _waves(order: Order, scene: Scene, canary: Person | None, rest: Sequence[Person]) -> None:
    changed = [canary.state.arn] if canary is not None else []
    size = max(1, scene.wish.waves)
    for start in range(0, len(rest), size):
        if changed:
            order.add(
                Watch(
                    principals=tuple(changed),
                    minutes=scene.wish.watch_minutes,
                    most=scene.wish.most_denials,
                )
            )
        for person in rest[start : start + size]:
            _put(order, scene, person)
            changed.append(person.state.arn)


def _account_wide(order: Order, scene: Scene) -> None:
    wish = scene.wish
    parts = list(_words_of_account_wide(scene))
    if parts and order.steps:
        order.add(
            Gate(to=f"to {' and '.join(parts)}", after="all principals are changed; what follows is wider")
        )
    _scps(order, scene)
    if wish.guardrail is not None:
        _guardrail(order, scene)


def _words_of_account_wide(scene: Scene) -> Iterator[str]:
    if scene.scps_on:
        yield f"SCPs on {', '.join(scene.scps_on)}"
    if scene.wish.guardrail is not None and scene.wish.enforce:
        yield f"enforcement in {scene.region}"


def _scps(order: Order, scene: Scene) -> None:
    for name, text in scene.scps.items():
        if scene.scp_there[name] is None:
            description = "bedrock-guard: what a boundary on one principal cannot reach"
            made = order.add(CreateScp(name=name, text=text, description=description))
            order.undo(DeleteScp(name=name, text=text), made)
    former = re.compile(rf"{re.escape(scene.wish.built.profile.policy_prefix)}scp-\d+-[0-9a-f]{{8}}")
    spares = "" if scene.bound or scene.account == scene.management else scene.account
    for target, names in scene.scps_on.items():
        held = set(names or ())
        for name in scene.scps:
            if name not in held:
                beside = tuple(sorted(held))
                on = order.add(AttachScp(name=name, target=target, on=True, beside=beside, spares=spares))
                order.undo(AttachScp(name=name, target=target, on=False), on)
                held.add(name)
        for name in sorted(held):
            if former.fullmatch(name) and name not in scene.scps:
                beside = tuple(sorted(held - {name}))
                off = order.add(AttachScp(name=name, target=target, on=False, beside=beside))
                order.undo(AttachScp(name=name, target=target, on=True), off)
                held.discard(name)


def _guardrail(order: Order, scene: Scene) -> None:
    rules = scene.wish.guardrail
    assert rules is not None
    request = create_request(rules)
    if scene.guardrail is not None and "description" in scene.guardrail.request:
        request["description"] = scene.guardrail.request["description"]
    mine = guardrail_digest(request)
    now = scene.guardrail
    same: dict[str, Any] = {"region": scene.region, "name": rules.name}
    if now is None or guardrail_digest(now.request) != mine:
        made = order.add(PutGuardrail(**same, request=request, former=now.request if now else None))
        if now is None:
            order.undo(DeleteGuardrail(**same, draft_digest=mine), made)
        else:
            order.undo(PutGuardrail(**same, request=now.request, former=request), made)
    description = f"bedrock-guard {mine[:12]}"
    if now is None or not versions_named(now, description):
        version = order.add(CreateGuardrailVersion(**same, description=description, draft_digest=mine))
        order.undo(DeleteGuardrail(**same, description=description, draft_digest=mine), version)
    if scene.wish.enforce:
        arn = f"arn:{scene.partition}:bedrock:{scene.region}:{scene.account}:guardrail/any"
        config = enforcement_request(arn, "1")["guardrailInferenceConfig"]
        config = {k: v for k, v in config.items() if k not in ("guardrailIdentifier", "guardrailVersion")}
        former = scene.enforced.config if scene.enforced else None
        if not _enforced_already(scene, description, config):
            step = order.add(Enforce(**same, description=description, config=config, former=former))
            order.undo(Unenforce(**same, description=description, former=former), step)


def _enforced_already(scene: Scene, description: str, config: dict[str, Any]) -> bool:
    now, held = scene.guardrail, scene.enforced
    if now is None or held is None:
        return False
    ours = versions_named(now, description)
    return bool(ours) and digest(held.config) == digest(
        {"guardrailIdentifier": now.arn, "guardrailVersion": ours[0], **config}
    )
