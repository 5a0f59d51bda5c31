"""Whom a change would have hit in a past window: refused calls and dollars, by caller.

A caller's dollars are those of `evidence.caller_spend`, as on every page of the kit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.change.plan_file import History, Hit
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.impact import Impact, impact
from bedrock_guard.evidence.probes import Prober
from bedrock_guard.evidence.replay import Reach
from bedrock_guard.evidence.tables import total

if TYPE_CHECKING:
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.builder import Built
    from bedrock_guard.change.scene import Scene
    from bedrock_guard.evidence.judged import Judged

_MONEY: Final = ("refused", "stranded", "unknown")


def history(scene: Scene, seen: Situation) -> History:
    """Calls of the window that worked and would be refused, by those whom the change touches, and their dollars."""
    touched = _touched(scene)
    judged, cost, spent = _consequences(scene, seen, touched or ("nobody",))
    named = spent.iloc[:-1]
    of_all, cost, everybody = _consequences(scene, seen, ()) if touched else (judged, cost, spent)
    mine = everybody[everybody["principal"].isin(touched)]
    if scene.scps_on:
        bound = named["account_id"].isin(_accounts(scene, itself=scene.bound))
        mine = pd.concat([mine, named[bound & ~named["principal"].isin(touched)]])
    others = everybody.iloc[:-1]
    others = others[~others["principal"].isin(mine["principal"])]
    lost = {name: total(mine[name]) for name in _MONEY}
    choice = _choice(scene, seen)
    away = choice[~choice["account_id"].isin(_accounts(scene)) & choice["account_id"].notna()]
    beyond = away[away["cost_usd"] != 0]
    lines = cost.lines[cost.lines["outcome"].isin(_MONEY)]
    unread = lines[lines["account_id"].isin(seen.unread) & (lines["cost_usd"] != 0)]
    known = {*mine["principal"].dropna(), *scene.wish.built.profile.break_glass}
    return History(
        window=f"{seen.window.start} to {seen.window.end - timedelta(days=1)} (UTC)",
        hits=tuple(_hits(judged, mine, seen)),
        refused_usd=str(lost["refused"]),
        stranded_usd=str(lost["stranded"]),
        depends_usd=str(lost["unknown"]),
        others_usd=str(_all(others)),
        others=tuple(one for one in _hits(of_all, others, seen) if one.principal not in known),
        unread_usd=str(total(unread["cost_usd"])),
        unread=tuple(sorted(map(str, unread["account_id"].unique()))),
        unseen_usd=str(_all(everybody.iloc[-1:]) - total(unread["cost_usd"])),
        elsewhere_usd=str(total(beyond["cost_usd"])),
        elsewhere=tuple(sorted({str(name) for name in beyond["account_id"]})),
        choice_usd=str(total(choice["cost_usd"])),
    )


def gentlest(scene: Scene, seen: Situation) -> str | None:
    """ARN of the selected with the fewest calls that would be refused; of several the first who called at all."""
    judged, _, _ = _consequences(scene, seen, _touched(scene) or ("nobody",))
    hits = judged.hits("principal")
    refused = hits[hits["verdict"] == "refused"].groupby("principal")["calls"].sum().to_dict()
    active = set(seen.cube.rows["principal"].dropna())
    arns = [person.state.arn for person in scene.people.values()]
    return min(arns, key=lambda arn: (int(refused.get(arn, 0)), arn not in active), default=None)


def _choice(scene: Scene, seen: Situation) -> pd.DataFrame:
    """The lines that the whole choice would take or leave open, as Callers hit has them."""
    built = scene.wish.built
    reach = Reach(built, seen.account.management, datetime.combine(built.on, time(12), UTC))
    lines = _impact(seen, reach, seen.cube.judge(reach)).lines
    return lines[lines["outcome"].isin(_MONEY)]


def _impact(seen: Situation, reach: Reach, judged: Judged) -> Impact:
    probe, accounts = Prober(reach, seen.catalogue).verdict, reach.built.profile.accounts
    return impact(judged.weights, seen.billed, probe, accounts)


def _consequences(
    scene: Scene, seen: Situation, targets: tuple[str, ...]
) -> tuple[Judged, Impact, pd.DataFrame]:
    """Calls as the documents judge them, dollars, and dollars by caller.

    No target is everybody, of whom each loses its own.
    """
    built = _built(scene, targets)
    free = seen.account.management if scene.bound else scene.account
    reach = Reach(built, free, datetime.combine(built.on, time(12), UTC))
    judged = seen.cube.judge(reach)
    cost = _impact(seen, reach, judged)
    return judged, cost, by_caller(judged, cost, seen.counted)


def _all(spent: pd.DataFrame) -> Decimal:
    """What some callers lose in all, and what of theirs is open."""
    return total(cost for name in _MONEY for cost in spent[name])


def _touched(scene: Scene) -> tuple[str, ...]:
    """ARNs of those selected, and of those whose policy changes with them."""
    return tuple(person.state.arn for person in scene.changed)


def _built(scene: Scene, targets: tuple[str, ...]) -> Built:
    """The documents that the plan sets, and in which accounts; no target is everybody."""
    built = scene.wish.built
    kinds = ({"boundary", "deny"} if _touched(scene) else set()) | ({"scp"} if scene.scps_on else set())
    update = {"targets": targets, "accounts": _accounts(scene)}
    profile = built.profile.model_copy(update=update)
    return replace(built, packed=tuple(p for p in built.packed if p.kind in kinds), profile=profile)


def _accounts(scene: Scene, *, itself: bool = True) -> tuple[str, ...]:
    """The account itself, and those that the SCPs' targets cover; all of the spec's where that is not known."""
    covered = [scene.organization.covered(target) for target in scene.scps_on]
    if any(found is None for found in covered):
        return tuple(scene.wish.built.profile.accounts)
    own = (scene.account,) if itself else ()
    return tuple(dict.fromkeys((*own, *(one for found in covered for one in found or ()))))


def _hits(judged: Judged, spent: pd.DataFrame, seen: Situation) -> Iterator[Hit]:
    """Who has refused calls, or dollars of batch jobs and commitments that are refused; the dearest first."""
    dollars, owned = _dollars(spent), _owned(seen)
    calls = {
        str(row["principal"]): row
        for row in judged.hits("principal").to_dict("records")
        if row["verdict"] == "refused" and not pd.isna(row["principal"])
    }
    dear = {who for who, parts in dollars.items() if parts["refused"] or parts["stranded"]}
    for who in sorted({*calls, *dear}, key=lambda name: (-_lost(dollars.get(name)), name)):
        row, money = calls.get(who), dollars.get(who)
        yield Hit(
            principal=who,
            calls=int(row["calls"]) if row else 0,
            last_call=row["last_call"].isoformat() if row else None,
            controls=row["controls"] if row else (),
            models=tuple(sorted({*(row["models"] if row else ()), *owned.get(who, ())})),
            refused_usd=None if money is None else str(money["refused"]),
            stranded_usd=None if money is None else str(money["stranded"]),
        )


def _dollars(spent: pd.DataFrame) -> dict[str, dict[str, Decimal]]:
    return {
        str(who): {name: total(part[name]) for name in _MONEY} for who, part in spent.groupby("principal")
    }


def _owned(seen: Situation) -> dict[str, set[str]]:
    """Caller -> the models whose batch jobs and commitments it has alone."""
    found: dict[str, set[str]] = {}
    for (_, _, model, _), (principal, _) in seen.owners.items():
        found.setdefault(principal, set()).add(model)
    return found


def _lost(parts: Mapping[str, Decimal] | None) -> Decimal:
    return Decimal(0) if parts is None else parts["refused"] + parts["stranded"]
