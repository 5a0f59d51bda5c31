"""Make a plan: read everything, refuse what is not safe, and freeze the rest as steps. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.pages import code_of
from bedrock_guard.account.suspicion import call_findings, thieves
from bedrock_guard.boundary.packing import minified
from bedrock_guard.change import permission_sets
from bedrock_guard.change.effects import effects, probes, robbed
from bedrock_guard.change.errors import ChangeError, PlanRefusedError, Refusal
from bedrock_guard.change.lockout import cut_off, lockouts
from bedrock_guard.change.look import Look
from bedrock_guard.change.opinions import opinions
from bedrock_guard.change.ordering import ordered
from bedrock_guard.change.past import gentlest, history
from bedrock_guard.change.plan_file import Plan, Seen
from bedrock_guard.change.refusals import only_of_whom, refusals
from bedrock_guard.change.rights import lacking, operator_refusals, rights_of
from bedrock_guard.change.scene import Scene, look_at
from bedrock_guard.change.steps_scp import AttachScp, CreateScp
from bedrock_guard.change.survey import PROTECTED
from bedrock_guard.change.texts import digest
from bedrock_guard.change.then import accounts_mark, guardrail_mark, person_mark, policy_mark
from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.evidence.words import many

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.change.plan_file import History
    from bedrock_guard.change.wish import Wish

__all__ = ["Plan", "make_plan"]


def make_plan(account: Account, wish: Wish, *, seen: Situation | None = None) -> Plan:
    """A plan for a wish, on what the account says now.

    Args:
        account: who reads; the operator of the wish, by default the same, is who will apply it.
        wish: the documents, on whom, how carefully.
        seen: calls and bill of a window; with it the plan names who would have been refused, and the dollars.

    Raises:
        PlanRefusedError: with every reason.
        ChangeError: the account could not be read.
    """
    look = Look(account)
    with _reading():
        scene = _led(look_at(look, wish), seen)
        why = refusals(scene)
        _refuse(why if not only_of_whom(scene, why) else (*why, *_consequences(look, scene)))
        found = effects(scene) if scene.policies else ()
        steps, back = ordered(scene, probes(look, scene, found))
        said = opinions(look, scene, found)
    past = history(scene, seen) if seen is not None else None
    now = look.clock.now()
    return Plan(
        **_of_scene(scene),
        made=now,
        expires=now + timedelta(hours=wish.valid_hours),
        steps=steps,
        back=back,
        effects=found,
        history=past,
        opinions=said,
        risks=(*_first(scene, past, wish.canary), *_stolen(seen, past), *_risks(scene, seen)),
        exports=(*_exports(scene), *_of_permission_sets(scene, past)),
    )


def _of_scene(scene: Scene) -> dict[str, Any]:
    """What of a plan is only told of what was read and wished for."""
    people, selection = scene.survey.people, scene.wish.selection
    return {
        "account": scene.account,
        "partition": scene.partition,
        "region": scene.region,
        "operator": scene.operator,
        "selection": selection.words(),
        "selected": len(scene.people),
        "limit": selection.limit,
        "users": sum(who.startswith("user/") for who in people),
        "roles": sum(who.startswith("role/") for who in people),
        "marker": scene.marker,
        "texts": {policy.name: policy.text for policy in scene.policies} | dict(scene.scps),
        "people": tuple(_seen(scene)),
        "bystanders": scene.bystanders,
        "break_glass": tuple(person.state.arn for person in scene.rescuers),
        "fingerprint": fingerprint(scene),
    }


def _led(scene: Scene, seen: Situation | None) -> Scene:
    """The scene with its canary: who is named, or whom the choice hits least in the window."""
    if scene.wish.canary is not None or seen is None or len(scene.people) < 2:
        return scene
    return replace(scene, wish=replace(scene.wish, canary=gentlest(scene, seen)))


def _first(scene: Scene, past: History | None, named: str | None) -> Iterator[str]:
    """Why the canary is who it is, and what to expect of the watch after it."""
    first = scene.canary
    if first is None:
        return
    hits = {hit.principal: hit.calls for hit in past.hits} if past else {}
    calls = {person.who: hits.get(person.state.arn, 0) for person in scene.people.values()}
    mine, fewest = calls[first.who], min(calls, key=lambda who: calls[who])
    if len(scene.people) > 1:
        yield f"{first.who} goes first, as the canary: {_why_first(mine, past, named)}."
    if mine > scene.wish.most_denials:
        other = (
            f"{fewest} has {calls[fewest]:,}: name it as the canary, or move"
            if calls[fewest] < mine
            else "Move"
        )
        few = "" if calls[fewest] < mine else "None of those selected has fewer. "
        yield (
            f"The canary {first.who} made {many(mine, 'call')} in the window that would be refused, and the watch "
            f"bears {many(scene.wish.most_denials, 'new denial')}: it will stop there if that work goes on. {few}"
            f"{other} its work first."
        )


def _why_first(calls: int, past: History | None, named: str | None) -> str:
    if named is not None:
        return "it was named"
    if past is None:
        return "it is the first of those selected, since past calls were not looked at"
    return f"of those selected it has the fewest calls in the window that would be refused ({calls:,})"


def _stolen(seen: Situation | None, past: History | None) -> Iterator[str]:
    """Whose key looks stolen of those that the documents hit."""
    if seen is None or past is None:
        return
    hit = {one.principal for one in (*past.hits, *past.others)}
    for who, signs in thieves(call_findings(seen, {})).items():
        if who in hit:
            yield (
                f"{short_name(who)} shows the signs of a stolen key ({', '.join(signs)}): switch its key off first, as "
                "the key usage report says."
            )


@contextmanager
def _reading() -> Iterator[None]:
    """What AWS answers instead of what was asked, in words."""
    try:
        yield
    except ClientError as error:
        raise ChangeError(
            f"The account could not be read: {code_of(error)}.",
            why=str(error)[:300],
            remedy="Nothing was written. The operator policy in docs/apply.md names what is needed.",
        ) from error
    except BotoCoreError as error:
        raise ChangeError(
            "The account could not be reached.",
            why=str(error)[:300],
            remedy="Nothing was written. Check network and credentials, then plan again.",
        ) from error


def _refuse(found: tuple[Refusal, ...]) -> None:
    if found:
        raise PlanRefusedError(found)


def _consequences(look: Look, scene: Scene) -> Iterator[Refusal]:
    """Why what the steps do, or who does them, is not safe. What the canary is asked changes none of it."""
    steps, back = ordered(scene, ())
    rights = rights_of(scene.operator, (*steps, *back), scene.marker)
    yield from _robbed(scene)
    missing = lacking(look, scene.operator, rights)
    yield from operator_refusals(scene.operator, missing)
    yield from lockouts(look, scene, steps, back, missing)


def _robbed(scene: Scene) -> Iterator[Refusal]:
    names = list(robbed(scene))
    if names:
        yield Refusal(
            "takes_everything",
            f"The documents would leave nothing to {', '.join(names[:5])}.",
            "Of the ordinary work that was tried, all they could do before would be refused.",
            "Look at the boundary's Allow statement.",
        )


def _seen(scene: Scene) -> Iterator[Seen]:
    for person in scene.people.values():
        state = person.state
        yield Seen(
            who=person.who,
            arn=state.arn,
            unique_id=state.unique_id,
            boundary=state.boundary,
            attached=tuple(sorted(person.attached)),
        )


def fingerprint(scene: Scene) -> dict[str, Any]:
    """What is there of everything the plan touches; another one at apply time means that something moved."""
    found: dict[str, Any] = {
        f"policy {policy.name}": policy.now and policy_mark(policy.now, policy.uses)
        for policy in scene.policies
    }
    found |= {who: person_mark(person) for who, person in scene.people.items()}
    operator = scene.survey.get(scene.operator)
    found |= {one.who: person_mark(one) for one in (operator, *scene.rescuers) if one is not None}
    found |= {f"SCPs of {target}": list(names or ()) for target, names in scene.scps_on.items()}
    found |= {
        f"accounts under {target}": accounts_mark(scene.organization, target) for target in scene.scps_on
    }
    found |= {f"SCP {name}": there for name, there in scene.scp_there.items()}
    if scene.wish.guardrail is not None:
        found[f"guardrail {scene.wish.guardrail.name}"] = guardrail_mark(scene.guardrail)
    if scene.wish.enforce:
        found[f"enforced in {scene.region}"] = scene.enforced and digest(scene.enforced.config)
    return found


def _risks(scene: Scene, seen: Situation | None) -> Iterator[str]:
    if scene.bystanders:
        yield (
            f"{len(scene.bystanders)} who are not selected use a policy that changes, and change with it: "
            f"{', '.join(scene.bystanders[:10])}."
        )
    if len(scene.people) == 1:
        yield "One principal is selected: it is the canary and the whole change."
    replaced = [p.who for p in scene.people.values() if not scene.ours(p.state.boundary)]
    if replaced:
        yield f"Foreign boundaries are replaced on {', '.join(replaced[:10])}; the way back puts them back."
    if scene.wish.selection.groups:
        yield "Groups were expanded to their members of now; who joins later is not bounded."
    if scene.wish.guardrail is not None and scene.guardrail is not None:
        yield "Calls that name the guardrail's DRAFT change as soon as the draft does."
    if scene.wish.enforce:
        yield f"Enforcement is for every caller of {scene.region} in account {scene.account}, targets or not."
        yield "Under enforcement every caller of the Region needs bedrock:ApplyGuardrail; other Regions are as before."
    yield from (f"{words}." for words in cut_off(scene))
    yield from (f"{scene.organization.covers(target)}." for target in scene.scps_on)
    if scene.scps_on:
        yield "An SCP binds everybody in its accounts but service-linked roles; there is no canary within one."
    if seen is None:
        yield "Nobody looked at past calls: who was active and would be refused is unknown."
    yield "IAM has no conditional write: another administrator's write in the last moment before ours is not kept out."
    yield "AWS applies changes with a delay: what is shown as applied was read back, and may bind a little later."


def _of_permission_sets(scene: Scene, past: History | None) -> Iterator[str]:
    """For callers of Identity Center that the same documents hit, which this plan cannot touch: what would."""
    for one in past.others if past else ():
        path, _, role = one.principal.partition(":role")[2].rpartition("/")
        if scene.policies and f"{path}/".startswith(PROTECTED[1]):
            yield from permission_sets.commands(scene, role)


def _exports(scene: Scene) -> Iterator[str]:
    """SCPs that are not attached by the plan, as commands for whoever may."""
    if scene.wish.attach_scps and scene.wish.scp_targets:
        return
    for packed in scene.wish.built.packed:
        if packed.kind != "scp":
            continue
        name = f"{packed.name}-{digest(packed.document)[:8]}"
        yield CreateScp(name=name, text=minified(packed.document), description="bedrock-guard").command()
        for target in scene.wish.scp_targets:
            yield AttachScp(name=name, target=target, on=True).command()
