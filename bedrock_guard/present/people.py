"""Whom a change can be for, as rows to tick: who would be refused, what binds them, who must stay out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.change.survey import PROTECTED
from bedrock_guard.evidence.caller_spend import by_caller
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.what_if import WhatIf, short_name
from bedrock_guard.evidence.words import many
from bedrock_guard.present.table import plain

if TYPE_CHECKING:
    from bedrock_guard.account.organization import Organization
    from bedrock_guard.account.principals import Principals
    from bedrock_guard.account.situation import Situation
    from bedrock_guard.boundary.spec import Profile

ORDERS: Final = (("", "refused first"), ("name", "by name"), ("last", "seen last"))
REPLACE: Final = "Replace boundaries that are not of this spec"
"""What is ticked so that a plan may replace another's boundary."""
_FREE, _KEPT_OUT = "Users and roles", "Left out of a change"


@dataclass(frozen=True, slots=True)
class Hit:
    """What a caller loses by the choice: calls, and dollars where they are known."""

    calls: int
    refused_usd: Decimal | None
    stranded_usd: Decimal | None = None

    @property
    def lost_usd(self) -> Decimal:
        """Both together, what is not known left out."""
        return (self.refused_usd or Decimal(0)) + (self.stranded_usd or Decimal(0))

    @property
    def words(self) -> str:
        """The dollars in words, a floor; what is nothing is left out beside what is something."""
        parts = [(self.refused_usd, "refused"), (self.stranded_usd, "stranded")]
        said = [f"{dollars(cost)} {outcome}" for cost, outcome in parts if cost]
        return f"at least {' · '.join(said)}" if said else f"{dollars(self.refused_usd)} refused"


def hits(found: WhatIf | None, situation: Situation) -> dict[str, Hit]:
    """Principal -> what it loses; the dollars are those of Callers hit."""
    if found is None:
        return {}
    calls = found.callers().dropna(subset=["principal"]).groupby("principal")["calls"].sum()
    spent = by_caller(found.judged, found.impact, situation.counted).iloc[:-1]
    dear = {
        str(who): Hit(int(calls.get(who, 0)), total(part["refused"]), total(part["stranded"]))
        for who, part in spent.groupby("principal")
    }
    unpriced = {str(who): Hit(int(count), None) for who, count in calls.items() if who not in dear}
    return unpriced | {who: hit for who, hit in dear.items() if hit.calls or hit.lost_usd}


def foreign(boundary: Any, profile: Profile) -> str:
    """The name of a boundary that is none of the spec's; empty for none, and for one of the spec's."""
    if pd.isna(boundary):
        return ""
    own = [f"{arn}{tail}" for arn in profile.boundary_arns for tail in ("", "-canary")]
    return "" if boundary in own else str(boundary).rpartition("/")[2]


def left_out(arn: str, break_glass: Sequence[str], caller: str) -> str:
    """Why somebody is not to be selected; empty where nothing speaks against it."""
    path = arn.partition("/")[2]
    if f"/{path}".startswith(PROTECTED[0]):
        return "service-linked: only AWS changes it"
    if f"/{path}".startswith(PROTECTED[1]):
        return "Identity Center: bound by its permission set"
    if arn in break_glass:
        return "break-glass"
    return "you" if arn == caller else ""


def rows(
    people: Principals,
    lost: Mapping[str, Hit],
    profile: Profile,
    caller: str,
    until: date | None = None,
) -> list[dict[str, Any]]:
    """The users and roles as rows of a list to tick: who would be refused first, who must stay out last.

    `until`: the last day of the calls that were read. IAM tells when a role was used last, not when a user's keys were.
    """
    found = [
        _row(
            row,
            lost.get(str(row["arn"])),
            left_out(str(row["arn"]), profile.break_glass, caller),
            foreign(row["boundary_arn"], profile),
            until,
        )
        for row in people.table.to_dict("records")
    ]
    return sorted(found, key=lambda row: (row["group"] == _KEPT_OUT, -row["sort"]["lost"], row["name"]))


def _seen(row: Mapping[Any, Any], until: date | None) -> str:
    last = row["last_activity"]
    said = "no activity known" if pd.isna(last) else f"last seen {last:%Y-%m-%d}"
    return f"{said} (calls read to {until:%Y-%m-%d})" if until and row["kind"] == "user" else said


def _row(row: Mapping[Any, Any], hit: Hit | None, why: str, other: str, until: date | None) -> dict[str, Any]:
    arn, boundary, last = str(row["arn"]), row["boundary_arn"], row["last_activity"]
    held = "no boundary" if pd.isna(boundary) else f"boundary {str(boundary).rpartition('/')[2]}"
    told = [f"{many(hit.calls, 'call')} refused"] if hit and hit.calls else []
    return {
        "id": arn,
        "name": plain(short_name(arn)),
        "facts": [plain(fact) for fact in (held, _seen(row, until), *told)],
        "right": "" if hit is None else hit.words,
        "badge": why or ("boundary not of this spec" if other else ""),
        "group": _KEPT_OUT if why else _FREE,
        "sort": {
            "name": arn.rpartition("/")[2].lower(),
            "last": None if pd.isna(last) else last.timestamp(),
            "lost": 0.0 if hit is None else float(hit.lost_usd) + hit.calls / 1_000_000,
        },
    }


@dataclass(frozen=True, slots=True)
class Taken:
    """Who was taken, and in words who was not and why."""

    arns: tuple[str, ...]
    words: str


def from_hits(
    people: Principals, lost: Mapping[str, Hit], profile: Profile, caller: str, *, replace: bool = False
) -> Taken:
    """The callers hit that a plan can take; `replace`: boundaries that are not the spec's may be replaced."""
    kept, rest = _takeable(people, sorted(lost), profile, caller, replace=replace)
    return Taken(kept, f"{len(kept)} of {len(lost)} callers hit are ticked.{rest}")


def _takeable(
    people: Principals, arns: Sequence[str], profile: Profile, caller: str, *, replace: bool
) -> tuple[tuple[str, ...], str]:
    """Those that a plan can take, and in words the others, each with why."""
    held = dict(zip(map(str, people.table["arn"]), people.table["boundary_arn"], strict=True))
    out: dict[str, str] = {}
    for who in arns:
        if who not in held:
            out[who] = "no user or role of this account"
        elif why := left_out(who, profile.break_glass, caller):
            out[who] = why
        elif (name := foreign(held[who], profile)) and not replace:
            out[who] = f"has the boundary {name}, not of this spec: tick “{REPLACE}” under How to take it too"
    rest = "; ".join(f"{short_name(who)} ({why})" for who, why in out.items())
    return tuple(who for who in arns if who not in out), f" Not: {rest}." if rest else ""


def from_paths(
    people: Principals, patterns: Sequence[str], profile: Profile, caller: str, *, replace: bool = False
) -> Taken:
    """The roles that the spec's `bounded_roles` name: those into which work may be passed."""
    if not patterns:
        return Taken((), f"The spec bounds no role paths: the control “{title_of('bounded_roles')}” is off.")
    arns = [str(arn) for arn in people.table["arn"] if ":role/" in str(arn)]
    under = [
        arn for arn in arns if any(fnmatchcase(arn.partition(":role/")[2], pattern) for pattern in patterns)
    ]
    named = ", ".join(patterns)
    if not under:
        return Taken((), f"No role of this account lies under {named}.")
    kept, rest = _takeable(people, under, profile, caller, replace=replace)
    return Taken(kept, f"{len(kept)} of {many(len(under), 'role')} under {named} are ticked.{rest}")


def targets(found: Organization) -> list[dict[str, Any]]:
    """Units and accounts for an SCP as rows of a list to tick, each with the accounts that it covers."""
    made = []
    for one in found.targets:
        why = ""
        if one.id == found.management:
            why = "management account: no SCP binds it"
        elif one.kind == "root":
            why = "root: never attached to first"
        words = found.covers(one.id).partition(" covers ")[2]
        kind = {"root": "root", "unit": "unit", "account": "account"}[one.kind]
        made.append(
            {
                "id": one.id,
                "name": plain(f"{one.id} {one.name}".strip()),
                "facts": [plain(f"covers {words}")] if one.kind != "account" else [],
                "right": kind,
                "badge": why,
                "group": "Units" if one.kind != "account" else "Accounts",
                "sort": {},
            }
        )
    return made
