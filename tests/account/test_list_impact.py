"""The page of a changed list, on the demo account: every dollar once, prices with sources, commitments with dates."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bedrock_guard.account.replacements import Replacements, read_replacements
from bedrock_guard.account.resources import RESOURCES
from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import Situation, look
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.impact import OUTCOMES, per_30_days
from bedrock_guard.evidence.redirected import Ratios
from bedrock_guard.evidence.stranded import stranded
from bedrock_guard.evidence.tables import Provenance, dollars, total
from bedrock_guard.evidence.what_if import WhatIf, by_profile
from bedrock_guard.present import list_impact, redirect
from bedrock_guard.present.note import Note

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "anthropic.claude-opus-4-8"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "list_impact.ipynb"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def account() -> Account:
    return Account.demo(calls=2_000)


@pytest.fixture(scope="module")
def situation(account: Account) -> Situation:
    return look(account)


@pytest.fixture(scope="module")
def found(situation: Situation) -> WhatIf:
    return situation.what_if(situation.spec())


@pytest.fixture(scope="module")
def swapped(account: Account, situation: Situation, found: WhatIf) -> Replacements:
    return read_replacements(account, situation, found, {OPUS: HAIKU, "deepseek.r1-v1:0": OPUS})


def test_every_refused_and_stranded_dollar_has_one_line(swapped: Replacements, found: WhatIf) -> None:
    refused = found.impact.spend("refused") + found.impact.spend("stranded")
    assert abs(swapped.models.cost() - refused) < Decimal("1e-6")
    assert (
        swapped.models.cost("stranded")
        == found.impact.spend("stranded")
        == total(swapped.stranded["cost_usd"])
    )
    assert swapped.ec2.cost() == total(found.ec2.loc[found.ec2["outcome"] == "refused", "cost_usd"])


def test_asking_was_free_and_every_number_names_its_source(
    account: Account, situation: Situation, found: WhatIf
) -> None:
    before = account.requests.cost_usd
    made = read_replacements(account, situation, found, {OPUS: HAIKU})
    assert account.requests.cost_usd == before
    priced = [line for line in made.models.lines if line.outcome == "priced"]
    assert priced
    assert all(line.source.startswith("price list 2026-11-01") for line in priced)
    assert set(made.sources) == {"List prices", "Commitments", "Instance types", "EC2 list prices"}


def test_commitments_are_those_that_the_account_lists_and_asked_once(
    account: Account, situation: Situation, found: WhatIf
) -> None:
    before = account.requests.total("bedrock")
    made = read_replacements(account, situation, found, {OPUS: HAIKU})
    assert account.requests.total("bedrock") == before
    listed = account.client("bedrock", "us-west-2").list_provisioned_model_throughputs()
    (unit,) = listed["provisionedModelSummaries"]
    row = made.stranded.iloc[0]
    assert (row["units"], row["until"]) == (unit["modelUnits"], unit["commitmentExpirationTime"])


def test_a_substitute_that_is_refused_as_well_is_said(swapped: Replacements, situation: Situation) -> None:
    assert swapped.unapproved == (OPUS,)
    assert "Claude Opus 4.8" in redirect.unapproved(swapped, situation.name_of).text()


def test_a_commitment_is_paid_until_its_day(swapped: Replacements, account: Account) -> None:
    row = swapped.stranded.iloc[0]
    assert (row["model"], f"{row['until']:%Y-%m-%d}") == (
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "2027-02-25",
    )
    days = Decimal(int((row["until"] - account.now).total_seconds())) / 86_400
    assert abs(row["until_usd"] - row["cost_usd"] / 28 * days) < Decimal("0.01")
    reserved = swapped.stranded[swapped.stranded["tier"] == "reserved"].iloc[0]
    assert pd.isna(reserved["until"])
    assert reserved["until_usd"] is None


LINE = {
    "model": "a.b",
    "region": "us-east-1",
    "tier": "provisioned",
    "outcome": "stranded",
    "cost_usd": Decimal(28),
}


@pytest.mark.parametrize(
    ("units", "until_usd", "why"),
    [
        ([(1, "2026-11-30T00:00:00Z")], Decimal(10), ""),
        ([(1, "2026-11-30T00:00:00Z"), (1, "2026-12-10T00:00:00Z")], Decimal(15), ""),
        ([(1, "2026-11-01T00:00:00Z")], Decimal(0), ""),
        ([(1, None)], None, "without a term"),
        ([(1, None, "SixMonths")], None, "unknown: bought for a term"),
        ([(1, None, "SixMonths"), (1, None)], None, "unknown: bought for a term"),
        ([(None, "2026-11-30T00:00:00Z")], None, "how many units"),
        ([(1, "2026-11-30T00:00:00Z"), (None, "2026-11-30T00:00:00Z")], None, "how many units"),
        ([], None, "no provisioned throughput"),
    ],
)
def test_what_a_commitment_still_costs(units: Any, until_usd: Decimal | None, why: str) -> None:
    rows = [
        {
            "region": "us-east-1",
            "model": "arn:aws:bedrock:us-east-1::foundation-model/a.b",
            "units": n,
            "ends": end,
            "commitment": next(iter(term), None),
        }
        for n, end, *term in units
    ]
    table = stranded(pd.DataFrame([LINE]), RESOURCES.frame(rows, Provenance("lists")), 28, NOW)
    assert table["until_usd"].tolist() == [until_usd]
    assert why in table["why"].iloc[0]
    known = [n for n, *_ in units]
    assert table["units"].tolist() == [sum(known) if known and None not in known else None]


def test_lists_that_could_not_be_read_leave_the_end_unknown() -> None:
    unread = RESOURCES.empty(Provenance("lists", completeness="unknown", why="AccessDenied"))
    table = stranded(pd.DataFrame([LINE]), unread, 28, NOW)
    assert table["why"].tolist() == ["unknown: AccessDenied"]


def test_prices_that_cannot_be_asked_are_unknown_and_not_zero(situation: Situation, found: WhatIf) -> None:
    faults = [Fault("pricing:GetProducts", "access_denied"), Fault("ec2:DescribeInstanceTypes", "html200")]
    made = read_replacements(
        Account.demo(calls=200, faults=faults), situation, found, {OPUS: "amazon.nova-premier-v1:0"}
    )
    assert (made.models.spend("base"), made.ec2.at_list) == (None, None)
    text = f"{redirect.summary(made.models).text()} {redirect.assumptions(made).text()}"
    assert "is unknown" in text
    assert "AccessDenied" in text
    assert redirect.lines(made.models, str).text()
    assert "unknown" in redirect.ec2_lines(made.ec2).text()


def test_amounts_that_are_the_same_at_every_price_basis_are_said_once(swapped: Replacements) -> None:
    made = swapped.models
    now, then = (dollars(amount) for amount in (made.cost("priced"), made.spend("base")))
    text = redirect.summary(made).text()
    assert text.count(then) == 1
    assert text.count(now) == 2
    assert (
        "The amounts are the same with both sides at list price, where both are listed and at this account's"
        in text
    )
    priced = next(n for n, line in enumerate(made.lines) if line.base_as_paid_usd is not None)
    cheaper = list(made.lines)
    cheaper[priced] = dataclasses.replace(cheaper[priced], base_as_paid_usd=Decimal(0))
    other = redirect.summary(dataclasses.replace(made, lines=tuple(cheaper))).text()
    assert f"Both sides at this account's own ratio of bill to list: {now} now, $" in other


def test_the_parts_add_up_to_the_headline(found: WhatIf, situation: Situation) -> None:
    frame = list_impact.parts(found, situation).frame
    shown = situation.reconciliation.headline.quantize(Decimal("0.01"))
    assert total(frame["cost_usd"][1:]) == frame["cost_usd"][0] == shown
    for table in (found.impact.by_route(), found.impact.by_account(), found.impact.by_model()):
        assert total(table["cost_usd"]) == found.impact.governed
        assert total(table["refused"]) == found.impact.spend("refused")


def test_profiles_are_compared_and_not_added(situation: Situation, found: WhatIf) -> None:
    table = by_profile(lambda name: found, ["one", "two"])
    assert table["refused"].tolist() == [found.impact.spend("refused")] * 2
    assert set(table.columns) == {"profile", *OUTCOMES, "cost_usd"}
    assert isinstance(list_impact.profiles(situation.spec(), situation), Note)


def test_the_headline_says_on_what_it_rests(found: WhatIf, situation: Situation) -> None:
    text = list_impact.headline(found, situation).text()
    for words in ("would have been refused", "follows calls that were seen", "per 30 days", "not a saving"):
        assert words in text
    assert per_30_days(Decimal(14), 14) == 30


@pytest.mark.parametrize(
    ("tokens", "answers"),
    [(("1", "x", "2"), ("1", "1", "1")), (("1", "1"), ("1", "1", "1")), (("2", "1", "3"), ("1", "1", "1"))],
)
def test_ratios_that_are_none_are_refused(tokens: Any, answers: Any) -> None:
    with pytest.raises(GuardError):
        Ratios.of_text(tokens, answers)


def test_own_prices_are_believed_first(
    account: Account, situation: Situation, found: WhatIf, tmp_path: Path
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(
        f"model,token_kind,region,unit_tokens,usd_per_unit,source\n{HAIKU},input,*,1000000,0.01,mine\n"
    )
    made = list_impact.replace(
        account, situation, found, {OPUS: HAIKU}, ("1", "1", "1"), ("1", "1", "1"), str(path)
    )
    lines = [line for line in made.models.lines if line.token_kind == "input" and line.model == OPUS]
    assert {line.source for line in lines if line.route == "regional"} == {"override mine"}
    assert "1 prices of your own" in redirect.assumptions(made).text()
    with pytest.raises(GuardError):
        list_impact.replace(
            account, situation, found, {}, ("1", "1", "1"), ("1", "1", "1"), str(tmp_path / "none")
        )


def test_the_notebook_shows_all_of_it() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    run = f"shown = []\ndef display(*parts): shown.extend(parts)\n{code}"
    run = run.replace("from IPython.display import display\n", "")
    run += "\nfor part in shown:\n    if hasattr(part, 'text'): print(part.text())"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    for words in ("would have been refused", "has a priced substitute", "does not look ahead"):
        assert words in done.stdout
