"""One choice and all that follows from it: documents, refused calls, refused dollars, who is hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import pandas as pd

from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.calls import Call
from bedrock_guard.boundary.catalogue import Catalogue, Model
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.boundary.verdict import Judge
from bedrock_guard.evidence.impact import Impact, Probe, ProbeVerdict, impact
from bedrock_guard.evidence.replay import Cube, decide, names
from bedrock_guard.evidence.tables import total

_PRINCIPAL: Final = "role/bedrock-guard-probe"


@dataclass(frozen=True)
class WhatIf:
    """The consequences of one profile of a spec, for one window.

    `decided` is the cube's calls with their verdicts (see `replay.decide`); `ec2` the EC2 bill by type and outcome.
    """

    spec: BoundarySpec
    built: Built
    decided: pd.DataFrame
    impact: Impact
    ec2: pd.DataFrame

    def callers(self) -> pd.DataFrame:
        """Callers of whom a call would be refused, with their clients, models, controls and last call; most first."""
        return _grouped(self.refused(), ["account_id", "principal", "client"])

    def by_control(self) -> pd.DataFrame:
        """Calls that would be refused, by the control that refuses them: control, title, calls, callers, last call."""
        hit = self.refused()
        rows = [
            {
                "control": str(name),
                "what_it_forbids": by_id(str(name)).title,
                "calls": int(part["calls"].sum()),
                "callers": part["principal"].nunique(),
                "last_call": part["last_seen"].max(),
            }
            for name, part in hit.groupby("control")
        ]
        frame = pd.DataFrame(rows, columns=["control", "what_it_forbids", "calls", "callers", "last_call"])
        return frame.sort_values(["calls", "control"], ascending=[False, True], ignore_index=True)

    def refused(self) -> pd.DataFrame:
        """Calls that worked in the window and would have been refused."""
        return self.decided[(self.decided["verdict"] == "refused") & ~self.decided["already_denied"]]

    def count(self, verdict: str) -> int:
        """How many calls that were not denied already have this verdict."""
        seen = self.decided[~self.decided["already_denied"]]
        return int(seen.loc[seen["verdict"] == verdict, "calls"].sum())


def what_if(
    spec: BoundarySpec,
    cube: Cube,
    bill: pd.DataFrame,
    ec2_bill: pd.DataFrame,
    catalogue: Catalogue,
    *,
    profile: str | None = None,
    on: date | None = None,
) -> WhatIf:
    """Build the documents of a profile and replay calls and bill under them.

    Args:
        spec: the governance choice.
        cube: the calls (`replay.cube`).
        bill: a classified bill in one currency.
        ec2_bill: EC2 spend by type and purchase option.
        catalogue: the models.
        profile: the profile, where the spec has several.
        on: the day for which exceptions count.

    Raises:
        GuardError: the spec cannot be built; says why.

    """
    built = build(spec, catalogue, profile=profile, on=on)
    judge = Judge(built)
    decided = decide(cube, judge)
    prober = _Prober(judge, catalogue, built)
    return WhatIf(spec, built, decided, impact(decided, bill, prober.verdict), prober.ec2(ec2_bill))


@dataclass(frozen=True)
class _Prober:
    """Asks the boundary about a typical call for a billed line of which no call was seen."""

    judge: Judge
    catalogue: Catalogue
    built: Built

    def verdict(self, line: Probe) -> ProbeVerdict:
        """Allowed or refused when every typical call agrees, else depends; unknown when there is none to ask."""
        answers = {self._ask(call) for call in self._calls(line)}
        if len(answers) == 1:
            return answers.pop()
        return "depends" if answers else "unknown"

    def ec2(self, bill: pd.DataFrame) -> pd.DataFrame:
        """The EC2 bill by type and purchase option, with the outcome of launching that type again."""
        rows = [
            {
                "instance_type": kind,
                "purchase_option": option,
                "outcome": self._launch(str(kind)),
                "hours": total(part["hours"]) if part["hours"].notna().all() else None,
                "cost_usd": total(part["cost"]),
            }
            for (kind, option), part in bill.groupby(["instance_type", "purchase_option"], dropna=False)
        ]
        frame = pd.DataFrame(
            rows, columns=["instance_type", "purchase_option", "outcome", "hours", "cost_usd"]
        )
        return frame.sort_values("cost_usd", ascending=False, ignore_index=True)

    def _launch(self, kind: str) -> str:
        if "." not in kind:
            return "unknown"
        encrypted = [{"Ebs": {"Encrypted": True}}]
        launch = {"InstanceType": kind, "BlockDeviceMappings": encrypted}
        return self._ask(self._call("ec2", "RunInstances", launch, self._regions()[0]))

    def _calls(self, line: Probe) -> list[Call]:
        model = self.catalogue.get(line.model) if line.model else None
        if line.bucket == "customization":
            return [self._call("bedrock", "CreateModelCustomizationJob", {}, self._regions()[0])]
        if model is None or line.model is None:
            return []
        if line.bucket == "commitment":
            return [self._provisioned(region) for region in self._regions()]
        if line.tier == "batch":
            return [
                self._call(
                    "bedrock", "CreateModelInvocationJob", {"modelId": model.model_id}, self._regions()[0]
                )
            ]
        return [
            self._call("bedrock-runtime", "Converse", {"modelId": name}, region)
            for name, region in self._ways(model, line.route)
        ]

    def _ways(self, model: Model, lane: str | None) -> list[tuple[str, str]]:
        wanted = self._regions()
        profiles = [p for p in model.profiles if (p.scope == "global") == (lane == "global")]
        ways = [(p.profile_id, region) for p in profiles for region in wanted if region in p.destinations]
        if lane != "global":
            ways += [(model.model_id, region) for region in wanted if region in model.in_region]
        return ways

    def _provisioned(self, region: str) -> Call:
        account = self.built.profile.accounts[0]
        arn = f"arn:{self.built.profile.partition}:bedrock:{region}:{account}:provisioned-model/probe"
        return self._call("bedrock-runtime", "Converse", {"modelId": arn}, region)

    def _regions(self) -> tuple[str, ...]:
        return self.built.profile.regions

    def _call(self, service: str, operation: str, parameters: Mapping[str, object], region: str) -> Call:
        profile = self.built.profile
        principal = f"arn:{profile.partition}:iam::{profile.accounts[0]}:{_PRINCIPAL}"
        return Call(service, operation, parameters, region, profile.accounts[0], principal)

    def _ask(self, call: Call) -> ProbeVerdict:
        return self.judge.call(call, self.catalogue, bounded=True).outcome


def _grouped(hit: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    columns = [*by, "calls", "models", "controls", "last_call"]
    rows = [
        {
            **dict(zip(by, key, strict=True)),
            "calls": int(part["calls"].sum()),
            "models": names(part["model"]),
            "controls": names(part["control"]),
            "last_call": part["last_seen"].max(),
        }
        for key, part in hit.groupby(by, dropna=False)
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["calls", by[0]], ascending=[False, True], ignore_index=True)


def short_name(arn: str) -> str:
    """A principal without what every principal has: kind and name, the path of Identity Center roles left out.

    Example:
        >>> short_name("arn:aws:iam::111122223333:role/service/reader")
        'role service/reader'

    """
    kind, slash, rest = arn.partition(":iam::")[2].partition(":")[2].partition("/")
    return f"{kind} {rest.removeprefix('aws-reserved/sso.amazonaws.com/')}" if slash else arn


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """A part of a whole in percent, one decimal; None where the whole is not above zero."""
    return (part * 100 / whole).quantize(Decimal("0.1")) if whole > 0 else None
