"""The bill as CUR 2.0 and FOCUS exports: the same money as Cost Explorer's, read back by the kit's reader."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.account.exports import read_export
from bedrock_guard.account.session import Account
from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.company.export_lines import CALLER_FROM
from bedrock_guard.demo.company.exports import write_cur, write_files, write_focus

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(calls=2_000)


@pytest.fixture(scope="module", params=["parquet", "csv.gz"])
def cur(company: Company, request: Any, tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("cur")
    write_cur(company, folder, request.param)
    return read_export(folder)


@pytest.fixture(scope="module", params=["parquet", "csv.gz"])
def focus(company: Company, request: Any, tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("focus")
    write_focus(company, folder, request.param)
    return read_export(folder)


@pytest.fixture(scope="module")
def ce() -> Any:
    return Account.demo(calls=2_000).client("ce", "us-east-1")


def ask_cost_explorer(ce: Any, group: str | None) -> dict[str, Decimal]:
    """Bedrock's bill over the whole history through plain boto3, whichever lane it is billed in."""
    period = {"Start": "2026-08-22", "End": "2026-11-21"}
    names = ce.get_dimension_values(TimePeriod=period, Dimension="SERVICE")["DimensionValues"]
    bedrock = [one["Value"] for one in names if "Bedrock" in one["Value"]]
    found: dict[str, Decimal] = defaultdict(Decimal)
    asked: dict[str, Any] = {
        "TimePeriod": period,
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": bedrock}},
    }
    if group is None:
        for part in ce.get_cost_and_usage(**asked)["ResultsByTime"]:
            found["total"] += Decimal(part["Total"]["UnblendedCost"]["Amount"])
        return found
    answer = ce.get_cost_and_usage(**asked, GroupBy=[{"Type": "DIMENSION", "Key": group}])
    for part in answer["ResultsByTime"]:
        for one in part["Groups"]:
            found[one["Keys"][0]] += Decimal(one["Metrics"]["UnblendedCost"]["Amount"])
    return found


def sums(frame: Any, column: str) -> dict[str, Decimal]:
    return {str(key): sum(part, Decimal(0)) for key, part in frame.groupby(column, dropna=False)["cost"]}


def agree(ours: dict[str, Decimal], theirs: dict[str, Decimal]) -> None:
    wrong = {
        key: (ours.get(key), theirs.get(key))
        for key in ours | theirs
        if abs(ours.get(key, Decimal(0)) - theirs.get(key, Decimal(0))) >= CENT
    }
    assert not wrong


def test_both_exports_say_what_they_are(cur: Any, focus: Any) -> None:
    assert cur.form == "CUR 2.0"
    assert focus.form == "FOCUS 1.2"
    assert cur.files == focus.files == 4


def test_exports_add_up_to_the_bill_of_cost_explorer(ce: Any, cur: Any, focus: Any) -> None:
    theirs = ask_cost_explorer(ce, None)["total"]
    assert theirs > 5_000
    assert abs(cur.control.amount - theirs) < CENT
    assert abs(focus.control.amount - theirs) < CENT
    assert abs(sum(cur.frame["cost"]) - theirs) < CENT


@pytest.mark.parametrize(
    ("dimension", "column"), [("SERVICE", "service"), ("LINKED_ACCOUNT", "account_id"), ("REGION", "region")]
)
def test_cur_agrees_with_cost_explorer_line_by_line(ce: Any, cur: Any, dimension: str, column: str) -> None:
    agree(sums(cur.frame, column), ask_cost_explorer(ce, dimension))


def test_cur_agrees_by_usage_type(ce: Any, cur: Any) -> None:
    theirs = ask_cost_explorer(ce, "USAGE_TYPE")
    ours = sums(cur.frame, "usage_type")
    # Cost Explorer calls an empty usage type NoUsageType.
    theirs[""] = theirs.pop("NoUsageType", Decimal(0)) + theirs.pop("", Decimal(0))
    ours[""] = ours.pop("", Decimal(0)) + ours.pop("<NA>", Decimal(0)) + ours.pop("nan", Decimal(0))
    agree(ours, theirs)


def test_focus_agrees_by_account_and_region(ce: Any, focus: Any) -> None:
    agree(sums(focus.frame, "account_id"), ask_cost_explorer(ce, "LINKED_ACCOUNT"))
    agree(sums(focus.frame, "region"), ask_cost_explorer(ce, "REGION"))


def test_callers_are_named_from_their_day_on_and_only_in_cur(cur: Any, focus: Any, company: Company) -> None:
    named = cur.frame.dropna(subset=["principal"])
    assert min(named["day"]).date() == CALLER_FROM
    assert focus.frame["principal"].isna().all()
    found = set(named["principal"])
    truth = company.truth
    assert truth["leak"]["principal"] in found
    assert "arn:aws:iam::111122223333:user/service/reporting-batch" in found
    assert any(one.startswith("arn:aws:sts::000000000012:assumed-role/invoice-extractor/") for one in found)
    late = cur.frame[cur.frame["day"].dt.date >= CALLER_FROM]
    assert late["principal"].isna().any(), "adjustments and features have no caller"


def test_the_dollars_of_a_caller_are_those_of_the_plan(cur: Any, company: Company) -> None:
    from bedrock_guard.demo.company.truth import cost_of

    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for volume in company.plan.volumes:
        if volume.workload.endpoint != "provisioned" and volume.day >= CALLER_FROM:
            wanted[volume.workload.caller] += cost_of(volume)
    named = sums(cur.frame.dropna(subset=["principal"]), "principal")
    etl = "arn:aws:iam::111122223333:user/service/reporting-batch"
    assert abs(named[etl] - wanted["reporting-key"]) < CENT
    research = sum(cost for name, cost in named.items() if "BedrockResearch" in name or "MLResearch" in name)
    assert abs(Decimal(research) - wanted["research"] - wanted["mantle-research"]) < CENT


def test_resources_tell_application_profiles_and_models(cur: Any, company: Company) -> None:
    resources = set(cur.frame["resource_id"].dropna())
    profile = company.truth["application_profile"]["id"]
    assert any(one.endswith(f"application-inference-profile/{profile}") for one in resources)
    assert any(":inference-profile/us." in one for one in resources)
    assert any("::foundation-model/" in one for one in resources)


def test_the_same_company_makes_the_same_bytes(tmp_path: Path) -> None:
    def written(name: str) -> dict[str, bytes]:
        write_files(make_company(days=5, calls=60), tmp_path / name)
        files = (path for path in sorted((tmp_path / name).rglob("*")) if path.is_file())
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files}

    first, second = written("a"), written("b")
    assert first == second
    assert {name.partition("/")[0] for name in first} == {"cloudtrail", "cur", "focus"}


def test_write_files_says_what_it_wrote(tmp_path: Path) -> None:
    summary = write_files(make_company(days=3, calls=40), tmp_path, trail=False, focus=False)
    assert summary.trail is None
    assert summary.focus is None
    assert summary.cur is not None
    assert str(summary).startswith("CUR 2.0 export: 1 files, ")
    assert not (tmp_path / "cloudtrail").exists()
