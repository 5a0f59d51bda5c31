"""One choice and all that follows from it: documents, refused calls, refused dollars, who is hit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import Final

import pandas as pd

from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.evidence.caller_names import OF_IDENTITY_CENTER, short
from bedrock_guard.evidence.impact import ALL, OUTCOMES, OUTSIDE, Billed, Impact, Probe, impact, lane_of
from bedrock_guard.evidence.judged import Judged
from bedrock_guard.evidence.probes import Heard, Prober, Rented
from bedrock_guard.evidence.replay import Cube, Reach
from bedrock_guard.evidence.tables import total

_FRACTION: Final = Decimal("0.0000000001")


@dataclass(frozen=True)
class WhatIf:
    """The consequences of one profile of a spec, for one window.

    `judged` has the calls with their outcomes, `ec2` the EC2 bill by type and outcome, `prober` answers for lines of
    the bill of which no call was seen.
    """

    spec: BoundarySpec
    built: Built
    judged: Judged
    impact: Impact
    ec2: pd.DataFrame
    prober: Prober

    def callers(self) -> pd.DataFrame:
        """Callers of whom a call would be refused, with their clients, models, controls and last call; most first."""
        hit = self.judged.hits("account_id", "principal", "client")
        columns = ["account_id", "principal", "client", "calls", "models", "controls", "last_call"]
        return hit.loc[hit["verdict"] == "refused", columns].reset_index(drop=True)

    def by_control(self) -> pd.DataFrame:
        """Calls that would be refused, by the control that refuses them: control, title, calls, callers, last call."""
        hit = self.judged.by_control
        hit = hit[(hit["verdict"] == "refused") & hit["control"].notna()].reset_index(drop=True)
        titles = [by_id(str(name)).title for name in hit["control"]]
        named = hit.assign(what_it_forbids=pd.Series(titles, dtype="object"))
        return named[["control", "what_it_forbids", "calls", "callers", "last_call"]]

    @cached_property
    def refusing(self) -> pd.DataFrame:
        """Refused and stranded dollars by model and control: model, control (NA: several), outcome, cost_usd.

        A dollar that follows calls goes by the refused ones' tokens, or calls where not all tell tokens.
        """
        spent: dict[tuple[str, str | None, str], list[Decimal]] = defaultdict(list)
        for *place, outcome, basis, cost in self.impact.lines.itertuples(index=False, name=None):
            if outcome not in ("refused", "stranded"):
                continue
            bucket, *rest = (None if pd.isna(value) else str(value) for value in place)
            line = Probe(str(bucket), *rest)
            for control, part in self._shares(line, basis, cost):
                spent[str(line.model), control, outcome].append(part)
        rows = [(*key, total(costs)) for key, costs in spent.items()]
        return pd.DataFrame(rows, columns=["model", "control", "outcome", "cost_usd"], dtype="object")

    def _shares(self, line: Probe, basis: str, cost: Decimal) -> list[tuple[str | None, Decimal]]:
        if basis != "calls":
            return [(self.prober.control(line), cost)]
        weights = self.judged.refused_by[lane_of(line)]
        whole = total(weights.values())
        parts = [
            (control, (cost * weight / whole).quantize(_FRACTION)) for control, weight in weights.items()
        ]
        return [*parts[1:], (parts[0][0], cost - total(part for _, part in parts[1:]))]

    def count(self, verdict: str) -> int:
        """How many calls that were not denied already have this verdict."""
        return self.judged.totals[verdict]


def what_if(
    spec: BoundarySpec,
    cube: Cube,
    bill: pd.DataFrame | Billed,
    ec2_bill: pd.DataFrame | Rented,
    *,
    profile: str | None = None,
    on: date | None = None,
    management: str | None = None,
    heard: Heard | None = None,
) -> WhatIf:
    """Build the documents of a profile and replay calls and bill under them.

    Args:
        spec: the governance choice.
        cube: the calls (`replay.cube`) and the models.
        bill: a classified bill in one currency.
        ec2_bill: EC2 spend by type and purchase option.
        profile: the profile, where the spec has several.
        on: the day for which exceptions count.
        management: the organisation's management account, which SCPs do not bind; None when it is not known.
        heard: what typical calls were answered before, where many specs are asked about.

    Raises:
        GuardError: the spec cannot be built; says why.

    """
    built = build(spec, cube.catalogue, profile=profile, on=on)
    reach = Reach(built, management, datetime.combine(built.on, time(12), UTC))
    judged = cube.judge(reach)
    prober = Prober(reach, cube.catalogue, heard or Heard())
    rented = ec2_bill if isinstance(ec2_bill, Rented) else Rented.of(ec2_bill)
    spread = impact(judged.weights, bill, prober.verdict, built.profile.accounts)
    return WhatIf(spec, built, judged, spread, prober.ec2(rented), prober)


def by_profile(run: Callable[[str], WhatIf], profiles: Sequence[str]) -> pd.DataFrame:
    """The same window under every profile of a spec: profile, a column per outcome, their sum `cost_usd`.

    Each row is the whole bill's governed spend: profiles are alternatives for the same accounts, or hold in others, so
    their rows must not be added.

    Args:
        run: the consequences of one profile, such as `lambda name: situation.what_if(spec, name)`.
        profiles: their names.
    """
    rows = []
    for name in profiles:
        found = run(name).impact
        spend: dict[str, object] = {outcome: found.spend(outcome) for outcome in ALL}
        rows.append({"profile": name, **spend, "cost_usd": found.governed})
    columns = ALL if any(row[OUTSIDE] for row in rows) else OUTCOMES
    return pd.DataFrame(rows, columns=["profile", *columns, "cost_usd"], dtype="object")


def short_name(arn: str) -> str:
    """A principal without what every principal has: kind and name; a role of Identity Center by its permission set.

    Example:
        >>> short_name("arn:aws:iam::111122223333:role/service/reader")
        'role service/reader'

    """
    kind, slash, rest = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    known = short(rest)
    return arn if not slash else known if known.endswith(OF_IDENTITY_CENTER) else f"{kind} {rest}"


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """A part of a whole in percent, one decimal; None where the whole is not above zero."""
    return (part * 100 / whole).quantize(Decimal("0.1")) if whole > 0 else None
