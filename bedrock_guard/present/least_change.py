"""What must be said of the choice that refuses least: which controls it takes off and for whom, what stays refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from bedrock_guard.boundary.controls import title_of
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.lacking import lacking
from bedrock_guard.evidence.words import many
from bedrock_guard.present.lacking import change

if TYPE_CHECKING:
    from bedrock_guard.account.least_change import Hit, LeastChange
    from bedrock_guard.account.situation import Situation

_MOST_NAMES: Final = 4
_COUNTED: Final = (
    "The calls were read as counts, in which no finding is looked for: see whom a control is taken off for."
)


def notes(found: LeastChange, situation: Situation) -> tuple[str, ...]:
    """The controls that are taken off and for whom, those that stay on though they refuse calls, what stays refused."""
    off = [f"Taken off: “{title_of(name)}”, for {_names(who)}." for name, who in found.off.items()]
    kept = [
        f"Stays on: “{title_of(name)}”, though it would refuse calls; only those of {_names(who)}."
        for name, who in sorted(found.kept.items())
    ]
    return (*off, *kept, *_still(found, situation), *(() if found.whole else (_COUNTED,)))


def _names(who: Sequence[Hit]) -> str:
    rest = len(who) - _MOST_NAMES
    return ", ".join(map(_hit, who[:_MOST_NAMES])) + (f" and {rest} more callers" if rest > 0 else "")


def _hit(one: Hit) -> str:
    why = f"; {one.why}" if one.why else ""
    return f"{short(one.who) or 'an unknown caller'} ({many(one.calls, 'call')}{why})"


def _still(found: LeastChange, situation: Situation) -> Iterator[str]:
    """Calls that the list of models goes on refusing."""
    for row in lacking(found.left).to_dict("records"):
        way = "" if pd.isna(row["route"]) else f" by the route {row['route']} from {row['region']}"
        who = ", ".join(map(short, row["who"])) or "an unknown caller"
        thieves = bool(row["who"]) and found.apart.thieves.issuperset(row["who"])
        why = "; only a caller that shows the signs of a stolen key went this way" if thieves else ""
        yield (
            f"Still refused: {many(int(row['calls']), 'call')} to {situation.name_of(str(row['model']))}{way}, made by "
            f"{who}{why}. To let them pass: {change(row)}"
        )
