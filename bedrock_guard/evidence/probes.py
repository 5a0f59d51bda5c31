"""Typical calls for billed lines of which no call was seen: mantle, batch, capacity, other accounts' history."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.calls import Authorisation, Call, authorisations
from bedrock_guard.boundary.verdict import Outcome, Side, overall
from bedrock_guard.evidence.cube_cells import Memory
from bedrock_guard.evidence.tables import total

if TYPE_CHECKING:
    from decimal import Decimal

    from bedrock_guard.boundary.catalogue import Catalogue, Model
    from bedrock_guard.evidence.impact import Probe, ProbeVerdict
    from bedrock_guard.evidence.replay import Reach

_TIERS: Final = ("priority", "flex", "reserved")
"""Tiers that a call names; what reserved capacity serves is called like any other model.

https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""
_ROLE: Final = "role/bedrock-guard-probe"


class Heard:
    """What documents answered typical calls, remembered as long as no statement about their actions changes."""

    def __init__(self) -> None:
        self._asked: Memory[Hashable, tuple[Authorisation, ...]] = Memory(4096)
        self._answers: Memory[Hashable, Outcome] = Memory(4096)
        self._about: Memory[tuple[Side, str], int] = Memory(64)
        self._numbers: Memory[Hashable, int] = Memory(1024)
        self._next = count()

    def ask(self, reach: Reach, catalogue: Catalogue, call: Call) -> Outcome:
        """What `reach.judge` says of a call by a principal that carries the documents."""
        judge = reach.judging(call.account)
        if judge is None:
            return "allowed"
        asked = replace(call, time=reach.at, principal=judge.asker(call.principal))
        place = (asked.service, asked.operation, asked.region, asked.account, asked.principal, asked.time)
        key = (*place, json.dumps(asked.parameters, sort_keys=True))
        entries = self._asked.get(key, lambda: authorisations(asked, catalogue))
        side = judge.side(call.principal, bounded=True)
        about = {entry.action: self._number(side, entry.action) for entry in entries}
        judged = lambda: overall(asked, tuple(map(side.judge, entries))).outcome  # noqa: E731 - asked where needed
        return self._answers.get((key, *about.values()), judged)

    def _number(self, side: Side, action: str) -> int:
        """A number for what a side's answers about an action are made of."""
        return self._about.get(
            (side, action), lambda: self._numbers.get(side.about(action), lambda: next(self._next))
        )


@dataclass(frozen=True, eq=False)
class Rented:
    """The EC2 bill by type and purchase option, dearest first, ready to be asked about again and again."""

    rows: tuple[tuple[Hashable, Hashable, Decimal | None, Decimal], ...]

    @classmethod
    def of(cls, bill: pd.DataFrame) -> Rented:
        """Group an EC2 bill: hours are None where a line does not tell them, lines without an amount are left out."""
        bill = bill[bill["cost"].notna()]
        groups = bill.groupby(["instance_type", "purchase_option"], dropna=False)
        rows = [
            (kind, option, total(p["hours"]) if p["hours"].notna().all() else None, total(p["cost"]))
            for (kind, option), p in groups
        ]
        return cls(tuple(sorted(rows, key=lambda row: -row[-1])))


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks the documents of a build about the calls that a billed line can have come from.

    `heard` is what was answered before, with the same catalogue.
    """

    reach: Reach
    catalogue: Catalogue
    heard: Heard = field(default_factory=Heard)

    def verdict(self, line: Probe) -> ProbeVerdict:
        """Allowed or refused when all calls it can have come from agree, else depends; unknown without any."""
        answers = {self._ask(call) for call in self._calls(line)}
        if len(answers) == 1:
            return answers.pop()
        return "depends" if answers else "unknown"

    def control(self, line: Probe) -> str | None:
        """The control that decides all calls that a line can have come from; None where several do, or none."""
        found = {self._deciding(call) for call in self._calls(line)}
        return found.pop() if len(found) == 1 else None

    def _deciding(self, call: Call) -> str | None:
        judge = self.reach.judging(call.account)
        if judge is None:
            return None
        asked = replace(call, time=self.reach.at)
        return judge.call(asked, self.catalogue, bounded=True).control

    def ec2(self, rented: Rented) -> pd.DataFrame:
        """The EC2 bill by type and purchase option, with the outcome of launching that type again, encrypted.

        Columns: instance_type, purchase_option, outcome, hours (Decimal or None), cost_usd (Decimal).
        """
        rows = [
            (kind, option, self._launch(str(kind)), hours, cost) for kind, option, hours, cost in rented.rows
        ]
        columns = ["instance_type", "purchase_option", "outcome", "hours", "cost_usd"]
        return pd.DataFrame(rows, columns=columns)

    def _launch(self, kind: str) -> ProbeVerdict:
        if "." not in kind:
            return "unknown"
        launch = {"InstanceType": kind, "BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}]}
        return self._ask(self._call("ec2", "RunInstances", launch, self._regions[0], self._home))

    def _calls(self, line: Probe) -> list[Call]:
        account = line.account_id or self._home
        regions = (line.region,) if line.region else self._regions
        model = self.catalogue.get(line.model) if line.model else None
        if line.bucket == "customization":
            return [
                self._call("bedrock", "CreateModelCustomizationJob", {}, region, account)
                for region in regions
            ]
        if model is None:
            return []
        if line.bucket == "commitment" and line.tier not in _TIERS:
            return [self._provisioned(region, account) for region in regions]
        if line.tier == "batch":
            job = {"modelId": model.model_id}
            return [
                self._call("bedrock", "CreateModelInvocationJob", job, region, account) for region in regions
            ]
        ways = [(name, region) for region in regions for name in _ways(model, line.route, region)]
        asked = {"serviceTier": {"type": line.tier}} if line.tier in _TIERS else {}
        return [
            self._call("bedrock-runtime", "Converse", {"modelId": name, **asked}, region, account)
            for name, region in ways
        ]

    def _provisioned(self, region: str, account: str) -> Call:
        arn = f"arn:{self.reach.built.profile.partition}:bedrock:{region}:{account}:provisioned-model/probe"
        return self._call("bedrock-runtime", "Converse", {"modelId": arn}, region, account)

    @property
    def _regions(self) -> tuple[str, ...]:
        return self.reach.built.profile.regions

    @property
    def _home(self) -> str:
        return self.reach.built.profile.accounts[0]

    def _call(
        self, service: str, operation: str, parameters: Mapping[str, Any], region: str, account: str
    ) -> Call:
        principal = f"arn:{self.reach.built.profile.partition}:iam::{account}:{_ROLE}"
        return Call(service, operation, parameters, region, account, principal)

    def _ask(self, call: Call) -> ProbeVerdict:
        return self.heard.ask(self.reach, self.catalogue, call)


def _ways(model: Model, lane: str | None, region: str) -> list[str]:
    """The ids by which a model can be called from a region at one price lane."""
    in_lane = [p for p in model.profiles if (p.scope == "global") == (lane == "global")]
    ways = [profile.profile_id for profile in in_lane if region in profile.destinations]
    return [*ways, model.model_id] if lane != "global" and region in model.in_region else ways
