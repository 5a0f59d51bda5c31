"""What exists, as it is shown: a Region is a row, an unread list is unknown, and text from AWS stays text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bedrock_guard.account.resources import RESOURCES, Asked, Logging, Resources, read_resources
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.faults import Fault
from bedrock_guard.evidence.tables import Provenance
from bedrock_guard.present.resources import regions, standing

ENDS = datetime(2027, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))


def held(*rows: dict[str, Any]) -> Resources:
    made = ({"region": "us-east-1", "kind": "agent", "status": "READY", **row} for row in rows)
    return Resources(RESOURCES.frame([*made], Provenance("lists")), (), ())


def test_the_demo_companys_things_are_there() -> None:
    found = read_resources(Account.demo(), ["us-west-2", "us-east-1", "eu-west-1", "us-east-2"])
    shown = regions(found).frame.set_index("region")
    assert list(shown.index) == ["us-west-2", "us-east-1", "eu-west-1", "us-east-2"]
    assert set(shown["lists_read"]) == {"18 of 18"}
    assert shown.loc["us-east-1", "there_is"] == "1 agent, 1 knowledge base, 1 flow, 1 prompt"
    assert shown.loc["us-east-2", "there_is"] == "nothing"
    things = standing(found)
    assert things.frame.iloc[0][["name", "term"]].tolist() == ["policy-qa-unit", "six months, 1 unit"]
    assert "jobs that ended left out" in things.caption
    named = standing(found, name_of=shipped().name_of).html()
    assert "Claude 3.7 Sonnet" in named
    assert len(re.findall("<th ", named)) == 5, "narrow enough to be read beside the choice"


def test_a_list_that_is_denied_in_one_region_is_unknown_there_alone() -> None:
    fault = Fault("bedrock:ListGuardrails", "access_denied", at=(1,))
    found = read_resources(Account.demo(faults=[fault]), ["eu-west-1"])
    rest = read_resources(Account.demo(), ["us-east-1"])
    both = Resources(found.table, found.asked + rest.asked, found.logging + rest.logging)
    shown = regions(both).frame.set_index("region")
    assert shown.loc["eu-west-1", "there_is"] == "nothing that could be read"
    assert shown.loc["eu-west-1", "unknown"] == "guardrails: list_guardrails: AccessDeniedException"
    assert shown.loc["eu-west-1", "lists_read"] == "17 of 18"
    assert shown.loc["us-east-1", "unknown"] == "none"


def test_what_broke_off_is_at_least_and_unread_logging_is_unknown() -> None:
    asked = (Asked("us-east-1", "agent", 3, "floor", "list_agents: ThrottlingException"),)
    found = Resources(held().table, asked, (Logging("us-east-1", None, why="no"),))
    (row,) = regions(found).frame.to_dict("records")
    assert row["unknown"] == "agents (at least): list_agents: ThrottlingException; invocation log: no"
    assert (row["there_is"], row["invocation_log"]) == ("3 agents", "unknown")


def test_names_from_aws_stay_text() -> None:
    page = standing(held({"name": "<script>x</script>\u202e", "arn": "a"})).html()
    assert "<script>" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("unit", "ends"),
    [
        ({"ends": ENDS, "commitment": "SixMonths"}, datetime(2026, 12, 31, 23, 30, tzinfo=UTC)),
        ({"commitment": "SixMonths"}, None),
        ({}, "no end"),
    ],
    ids=["utc", "not told", "no term"],
)
def test_a_commitment_ends_when_aws_says(unit: dict[str, Any], ends: object) -> None:
    shown = standing(held({"kind": "provisioned_throughput", "name": "n", "arn": "a", "units": 1, **unit}))
    assert shown.frame["ends"].iloc[0] == ends
    if isinstance(ends, datetime):
        assert "2026-12-31 23:30 UTC" in shown.text()
