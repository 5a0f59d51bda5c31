"""The first thing on a page about keys: which key looks stolen, whether it still works, and what stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_guard.evidence.runbook_commands import set_key
from bedrock_guard.evidence.tables import dollars
from bedrock_guard.present.note import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bedrock_guard.account.investigation import Investigation
    from bedrock_guard.evidence.suspects import Suspect

_NAMED: Final = 3


def first(case: Investigation) -> Note:
    """Which key looks stolen, since when, from where and at what cost, whether it still works, and what stops it."""
    stolen = [
        line for one in case.suspects for line in (*theft(one, case), f"Signs: {', '.join(one.signs)}.")
    ]
    if not stolen:
        grave = sum(found.severity == "high" for found in case.findings)
        more = f"{grave} findings are grave." if grave != 1 else "One finding is grave."
        return Note((f"No caller shows the signs of a stolen key. {more}",), "headline")
    return Note(tuple(stolen), "headline")


def theft(one: Suspect, case: Investigation) -> tuple[str, ...]:
    """What every page says of a suspect first, the calls and dollars being those that are new for it alone.

    Returns:
        who, since when, how many calls at what cost and whether the key still works; then what to do first, when
        its prompts were not logged, and who else was seen where it came from.

    """
    since = f"since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else "since an unknown time"
    held = case.keys.table[case.keys.table["user"] == one.about]
    usable = [str(name) for name in held.loc[held["status"] == "active", "credential_id"]]
    works = f"{'its key still works' if len(usable) == 1 else f'{len(usable)} of its keys still work'}"
    if not usable:
        states = [f"{row.credential_id} {row.status}" for row in held.itertuples()]
        works = f"its keys: {', '.join(states)}" if states else "it has no long-term key in IAM's lists"
    told = f"{one.about} looks like a stolen key {since}{_new(one)}; {works}."
    return told, _stop(one.about, usable, held=bool(len(held))), *one.unlogged, *_beside(one)


def _beside(one: Suspect) -> tuple[str, ...]:
    if not one.others:
        return ()
    rest = len(one.others) - _NAMED
    more = f"; and {rest} more callers" if rest > 0 else ""
    return (
        f"Also seen from {_some(one.networks)}: {'; '.join(one.others[:_NAMED])}{more}. Ask whose doing it was.",
    )


def _new(one: Suspect) -> str:
    if not one.calls or not one.last:
        return ""
    cost = "at an unknown cost" if one.usd_at_least is None else f"at least {dollars(one.usd_at_least)}"
    origin = f"from {_some(one.networks)} with {_some(one.clients)}"
    return f": {one.calls:,} calls {origin}, new for it, {cost} for these, the last at {one.last:%Y-%m-%d %H:%M} UTC"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _stop(user: str, usable: Sequence[str], *, held: bool) -> str:
    if held and not usable:
        return (
            "None of its long-term keys is left to switch off; “If it leaked” says what else is to be done."
        )
    if not usable:
        return "A short-term key, or one deleted since, is stopped as “If it leaked” says for its signer."
    return f"Stop it first with: {' ; '.join(set_key(user, name, 'Inactive') for name in usable)}"
