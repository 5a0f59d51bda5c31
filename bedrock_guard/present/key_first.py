"""The first thing on a page about keys: which key looks stolen, and whether it still works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_guard.evidence.tables import dollars
from bedrock_guard.present.note import Note

if TYPE_CHECKING:
    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.evidence.suspects import Suspect


def first(case: Investigation) -> Note:
    """Which key looks stolen, since when, from where and at what cost, whether it still works, and what to do."""
    stolen = [line for one in case.suspects for line in _suspect(one, case)]
    if not stolen:
        grave = sum(found.severity == "high" for found in case.findings)
        more = f"{grave} findings are grave." if grave != 1 else "One finding is grave."
        return Note((f"No caller shows the signs of a stolen key. {more}",), "headline")
    return Note(tuple(stolen), "headline")


def _suspect(one: Suspect, case: Investigation) -> tuple[str, str]:
    since = f"since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else "at an unknown time"
    cost = "cost unknown" if one.usd_at_least is None else f"at least {dollars(one.usd_at_least)}"
    new = (
        f" New for it: {one.calls:,} calls from {', '.join(one.networks)} with {', '.join(one.clients)}, {cost}, "
        f"the last at {one.last:%Y-%m-%d %H:%M} UTC."
        if one.calls and one.last
        else ""
    )
    head = f"{one.about} looks like a stolen key, {since}."
    return head, f"Signs: {', '.join(one.signs)}.{new} {_open(one.about, case)}"


def _open(user: str, case: Investigation) -> str:
    """Whether the keys of a user still work, and what to do then."""
    held = case.keys.table[case.keys.table["user"] == user]
    usable = held.loc[held["status"] == "active", "credential_id"]
    if len(usable):
        return f"Its key still works: {', '.join(usable)}. What to do stands under “If it leaked”."
    if len(held):
        return f"Its keys: {', '.join(f'{row.credential_id} {row.status}' for row in held.itertuples())}."
    return "It has no long-term key in IAM's lists: short-term keys, or one deleted since."
