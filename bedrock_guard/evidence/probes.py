"""Typical calls for billed lines of which no call was seen: mantle, batch, capacity, other accounts' history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.calls import Call
from bedrock_guard.evidence.tables import total

if TYPE_CHECKING:
    from bedrock_guard.boundary.catalogue import Catalogue, Model
    from bedrock_guard.evidence.impact import Probe, ProbeVerdict
    from bedrock_guard.evidence.replay import Reach

_ROLE: Final = "role/bedrock-guard-probe"


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks the documents of a build about the calls that a billed line can have come from."""

    reach: Reach
    catalogue: Catalogue

    def verdict(self, line: Probe) -> ProbeVerdict:
        """Allowed or refused when all calls it can have come from agree, else depends; unknown without any."""
        answers = {self._ask(call) for call in self._calls(line)}
        if len(answers) == 1:
            return answers.pop()
        return "depends" if answers else "unknown"

    def ec2(self, bill: pd.DataFrame) -> pd.DataFrame:
        """The EC2 bill by type and purchase option, with the outcome of launching that type again, encrypted.

        Columns: instance_type, purchase_option, outcome, hours (Decimal or None), cost_usd (Decimal).
        """
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
        columns = ["instance_type", "purchase_option", "outcome", "hours", "cost_usd"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.sort_values("cost_usd", ascending=False, ignore_index=True)

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
        if line.bucket == "commitment":
            return [self._provisioned(region, account) for region in regions]
        if line.tier == "batch":
            job = {"modelId": model.model_id}
            return [
                self._call("bedrock", "CreateModelInvocationJob", job, region, account) for region in regions
            ]
        ways = [(name, region) for region in regions for name in _ways(model, line.route, region)]
        return [
            self._call("bedrock-runtime", "Converse", {"modelId": n}, region, account) for n, region in ways
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
        found = self.reach.judge(call, self.catalogue, bounded=True)
        return found.outcome if found else "allowed"


def _ways(model: Model, lane: str | None, region: str) -> list[str]:
    """The ids by which a model can be called from a region at one price lane."""
    in_lane = [p for p in model.profiles if (p.scope == "global") == (lane == "global")]
    ways = [profile.profile_id for profile in in_lane if region in profile.destinations]
    return [*ways, model.model_id] if lane != "global" and region in model.in_region else ways
