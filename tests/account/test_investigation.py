"""The planted story of the demo company, read through boto3 only and held against the generator's ground truth."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from bedrock_guard.account.investigation import Investigation, enabled_regions, investigate
from bedrock_guard.account.key_page import KeyPage
from bedrock_guard.account.session import Account
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.demo.company import Company, make_company
from bedrock_guard.demo.company.truth import cost_of
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.packed import unpacked
from bedrock_guard.evidence.tables import dollars, provenance_of, total
from bedrock_guard.present import keys as show
from bedrock_guard.present.table import Shown


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company()


@pytest.fixture(scope="module")
def truth(company: Company) -> dict[str, Any]:
    return company.truth


@pytest.fixture(scope="module")
def case() -> Investigation:
    return Account.demo().investigation(days=90)


@pytest.fixture(scope="module")
def page(case: Investigation) -> KeyPage:
    return case.page()


def answered(case: Investigation, number: int) -> str:
    return case.answers[number - 1].answer


def made_calls(calls: pd.DataFrame) -> pd.DataFrame:
    """Model calls that went through."""
    return calls[calls["operation"].isin(list(INVOCATIONS)) & calls["error_code"].isna()]


def test_every_key_and_its_state(case: Investigation, truth: dict[str, Any]) -> None:
    told = {
        row["credential_id"]: (row["user"], row["status"], row["creator_completeness"] == "known")
        for _, row in case.keys.table.iterrows()
    }
    assert told == {k["id"]: (k["user"], k["status"], k["creator_in_history"]) for k in truth["keys"]}
    assert case.keys.listing.completeness == "complete"


def test_the_key_that_never_expires_is_on_an_ordinary_user(
    case: Investigation, truth: dict[str, Any]
) -> None:
    (endless,) = (k for k in truth["keys"] if "never expires" in k["note"])
    found = [f for f in case.findings if f.rule == "key_never_expires"]
    assert [f.facts["credential_id"] for f in found] == [endless["id"]]
    shown = show.inventory(case).frame.set_index("key")["expires"]
    assert shown[endless["id"]] == "never"
    assert list(shown).count("never") == 1
    assert endless["user"] not in {p.user for p in case.keys.phantoms}
    assert endless["id"] in answered(case, 2)


def test_the_page_without_a_key_is_the_leaked_one(page: KeyPage, truth: dict[str, Any]) -> None:
    assert (page.key, page.user) == (truth["leak"]["credential"], truth["leak"]["user"])


def test_the_leaks_beginning_addresses_and_looking_around(
    page: KeyPage, case: Investigation, truth: dict[str, Any]
) -> None:
    leak = truth["leak"]
    by_rule = {finding.rule: finding for finding in page.findings}
    assert by_rule["new_network"].first_seen == leak["first_seen"]
    chain = by_rule["enumeration_then_invocation"]
    assert chain.first_seen == leak["first_seen"]
    assert set(chain.facts["operations"]) - INVOCATIONS <= set(leak["enumeration"])
    stolen = page.calls[page.calls["source_ip"].isin(leak["addresses"])]
    assert set(leak["enumeration"]) <= set(stolen["operation"])
    assert set(page.calls["source_ip"]) > set(leak["addresses"])
    seen = page.places.set_index("network").loc["203.0.113.0/24"]
    assert set(seen["networks"]) == set(leak["addresses"])
    assert seen["first_seen"].to_pydatetime() == leak["first_seen"]
    tried = next(f for f in case.findings if f.rule == "logging_off_refused")
    assert tried.evidence[0] in set(stolen["event_id"])


def test_the_leaks_calls_models_regions_and_dollars(page: KeyPage, truth: dict[str, Any]) -> None:
    leak = truth["leak"]
    stolen = made_calls(page.calls[page.calls["source_ip"].isin(leak["addresses"])])
    assert len(stolen) == leak["calls"]
    assert sorted(stolen["model"].unique()) == leak["models"]
    assert sorted(stolen["region"].unique()) == leak["regions"]
    row = page.places.set_index("network").loc["203.0.113.0/24"]
    dollars, uncounted = row["usd_at_least"], int(row["calls_without_tokens"])
    assert leak["dollars"] * Decimal("0.95") < dollars <= leak["dollars"]
    assert uncounted == int((stolen["input_tokens"].isna() | stolen["output_tokens"].isna()).sum()) > 0


def test_the_keys_making_is_told_with_its_maker_and_event(page: KeyPage, case: Investigation) -> None:
    row = case.keys.table.set_index("credential_id").loc[page.key]
    assert str(row["creator"]).endswith(" as mira.okafor@example.com")
    made = page.events.set_index("event_id").loc[row["creator_event"]]
    assert made["what"] == "CreateServiceSpecificCredential"
    assert made["at"] == row["created"]
    assert "mira.okafor" in answered(case, 3)


def test_the_phantom_user_is_in_use_and_never_called_an_orphan(
    case: Investigation, truth: dict[str, Any]
) -> None:
    (phantom,) = case.keys.phantoms
    assert (phantom.user, phantom.verdict) == (truth["phantom_user"], "in_use")
    checked = {check.what.split(",")[0].split(" ")[0] for check in phantom.checks}
    assert {"service-specific", "access", "groups", "console", "MFA", "SSH", "signing", "activity"} <= checked
    assert "use" in checked
    assert not [f for f in case.findings if f.rule == "phantom_orphans"]
    (shown,) = show.phantoms(case).frame.to_dict("records")
    assert (shown["user"], shown["verdict"]) == (phantom.user, "in use")
    assert shown["not_empty"].count("; ") + shown["empty"].count("; ") + 2 == len(phantom.checks)
    assert shown["could_not_be_read"] == "nothing"
    assert "activity in the records: 762 calls" in shown["not_empty"]
    assert "access keys, inactive ones too; groups; console password" in shown["empty"]


def test_keys_that_work_stand_first(case: Investigation) -> None:
    states = list(show.inventory(case).frame["status"])
    assert states == sorted(states, key=["active", "unreadable", "inactive", "expired"].index)
    assert set(case.keys.table["status"]) == set(states)
    assert list(case.keys.table["status"]) != states, "as IAM lists them they stand otherwise"
    assert list(show.holders(case).frame["user"])[:2] == list(show.inventory(case).frame["user"])[:2]


def test_calls_by_kind_of_key(case: Investigation, truth: dict[str, Any]) -> None:
    runtime = made_calls(case.calls)
    kinds = runtime["key_kind"].value_counts().to_dict()
    own = truth["calls"]["by_account"][case.account.account_id]
    bearer = truth["calls"]["by_bearer"]
    assert kinds == {
        "none": own - bearer["long"] - bearer["short"],
        "long_term": bearer["long"],
        "short_term": bearer["short"],
    }


def test_short_term_keys_are_told_by_person(case: Investigation, truth: dict[str, Any]) -> None:
    people = show.sessions(case).frame.set_index("session")["calls"].to_dict()
    assert people.pop("priya.raman@example.com") == truth["calls"]["by_bearer"]["short"]
    assert set(people) == {"theo.marsh@example.com"}, "only the mantle endpoint's control plane besides"
    one = case.page(str(case.sessions["access_key_id"].iloc[0]))
    assert one.kind == "short_term"
    assert len(one.calls) == int(case.sessions["calls"].iloc[0])
    assert "Identity Center" in next(step.what for step in one.runbook if step.phase == "contain")


def test_mantle_is_known_from_the_bill_and_its_callers_are_not(
    case: Investigation, company: Company, truth: dict[str, Any]
) -> None:
    window = provenance_of(case.bill)
    assert window.window_start is not None
    assert window.window_end is not None
    billed = case.mantle[case.mantle["source"] == "bill (inference)"]
    days = [
        volume
        for volume in company.plan.volumes
        if volume.workload.endpoint == "mantle"
        and window.window_start <= datetime.combine(volume.day, time(), UTC) < window.window_end
    ]
    told = total(list(billed["cost_usd"]))
    assert abs(told - total([cost_of(volume) for volume in days])) < Decimal("0.01")
    assert told <= truth["dollars"]["by_endpoint"]["mantle"]
    assert billed["who"].isna().all()
    records = case.mantle[case.mantle["source"] != "bill (inference)"]
    assert truth["calls"]["mantle_not_in_event_history"] > int(records["calls"].sum()) == 3
    assert "mantle inference" in answered(case, 22)


def test_models_behind_the_accounts_own_arns_are_known_when_their_making_is_out_of_sight() -> None:
    account = Account.demo(days=20, calls=3_000, accounts=1)
    before = account.requests.total("bedrock")
    calls = unpacked(investigate(account, days=20).calls)
    opaque = calls[
        calls["model_raw"].fillna("").str.contains("provisioned-model|application-inference-profile")
    ]
    assert not (calls["operation"] == "CreateProvisionedModelThroughput").any()
    kinds = set(opaque["model_raw"].str.split(":").str[5].str.partition("/")[0])
    assert kinds == {"provisioned-model", "application-inference-profile"}
    assert opaque["model"].notna().all()
    units = opaque["model_raw"].str.contains("provisioned-model")
    assert set(opaque.loc[units, "route"]) == {"in_region"}  # no profile stands before a unit
    assert (
        account.requests.total("bedrock") - before == 3 * opaque["model_raw"].str.split(":").str[3].nunique()
    )


def test_logging_was_off_for_as_long_as_it_was(case: Investigation, truth: dict[str, Any]) -> None:
    off, on = truth["logging_gap"]
    (found,) = (f for f in case.findings if f.rule == "invocation_logging_weakened")
    assert (found.first_seen, found.facts["set_again"]) == (off, on)


def test_the_contractors_key_was_reset_and_then_switched_off(case: Investigation) -> None:
    found = case.page("DEMOC0CONTRACTOR0001")
    told = [what for what in found.events["what"] if "ServiceSpecificCredential" in what]
    assert told == ["ResetServiceSpecificCredential", "UpdateServiceSpecificCredential to Inactive"]
    assert sum("update-access-key" in command for step in found.runbook for command in step.commands) == 1


def test_the_runbook_is_filled_in_and_dry(page: KeyPage, case: Investigation) -> None:
    text = show.runbook(page).text()
    off = f"--user-name {page.user} --service-specific-credential-id {page.key} --status Inactive"
    assert off in text
    assert text.index("list-service-specific-credentials") < text.index(off) < text.index("delete-service")
    assert "delete-login-profile" not in text, "the user has no console password"
    assert case.keys.table.set_index("credential_id").loc[page.key, "status"] == "active"


def test_the_page_begins_with_the_stolen_key(case: Investigation, truth: dict[str, Any]) -> None:
    leak = truth["leak"]
    (one,) = case.suspects
    thief = case.calls[
        case.calls["source_ip"].isin(leak["addresses"]) & (case.calls["principal"] == leak["principal"])
    ]
    assert (one.about, one.since, one.calls) == (leak["user"], leak["first_seen"], len(thief))
    assert one.last == thief["event_time"].max()
    assert one.usd_at_least is not None
    assert leak["dollars"] * Decimal("0.9") < one.usd_at_least <= leak["dollars"]
    said = show.first(case).text()
    assert said.startswith(
        f"{leak['user']} looks like a stolen key since {leak['first_seen']:%Y-%m-%d %H:%M} UTC: {len(thief)} calls "
    )
    assert f"at least {dollars(one.usd_at_least)} for these" in said
    assert "its key still works." in said.splitlines()[0]
    off = f"--service-specific-credential-id {leak['credential']} --status Inactive"
    assert said.splitlines()[1].startswith("Stop it first with: aws iam ")
    assert said.splitlines()[1].endswith(off)
    gone = case.keys.table.assign(status="inactive")
    after = show.first(replace(case, keys=replace(case.keys, table=gone))).text()
    assert f"; its keys: {leak['credential']} inactive." in after
    assert "Inactive" not in after, "nothing is to be switched off that is off"
    assert show.findings(case).frame["finding"].iloc[0].startswith(leak["user"])


def test_an_account_without_signs_says_so_and_counts_what_is_grave(blind: Investigation) -> None:
    assert blind.suspects == ()
    assert "No caller shows the signs" in show.first(blind).text()


def test_the_summary_begins_with_what_iam_says(page: KeyPage, case: Investigation) -> None:
    told = dict(show.summary(page).frame.itertuples(index=False))
    assert (told["status"], told["expires"]) == ("active", "2027-09-18")
    assert told["created by"] == "mira.okafor@example.com (AdministratorAccess of Identity Center)"
    assert told["findings"].startswith("5 high, 2 medium: ")
    session = case.sessions["access_key_id"].iloc[0]
    assert "status" not in set(show.summary(case.page(session)).frame["what"])


def test_answers_name_people_models_and_what_shows_them(case: Investigation) -> None:
    assert "priya.raman@example.com (72), theo.marsh@example.com (3)" in answered(case, 9)
    assert "Claude Opus 4.8 (593)" in answered(case, 10)
    assert "Update to Inactive of DEMOC0CONTRACTOR0001" in answered(case, 5)
    assert "BedrockAPIKey-h7qz 4 (eu-west-1, us-east-1, us-east-2, us-west-2)" in answered(case, 14)
    assert "by a permissions boundary" in answered(case, 11)
    shown = show.questions(case)
    assert not shown.frame["shown_by"].isin(["", "none"]).any()
    assert shown.frame["shown_by"].iloc[0] == "IAM's lists"
    assert "characters)" not in shown.html(), "no answer is cut"
    keyed = set(case.calls.loc[case.calls["key_kind"] == "long_term", "event_id"])
    assert set(case.answers[7].evidence) <= keyed
    assert case.answers[7].evidence


def test_every_answers_details_can_be_shown(case: Investigation) -> None:
    for one in case.answers:
        shown = show.answer(case, one.number)
        assert one.question in shown.caption
        assert "{" not in shown.text()
        _, _, rows = shown.text().partition("\n")
        assert re.findall(r"\b(?:[a-z]+_(?:term|model|access)|True|False|None|nan)\b", rows) == []
    with pytest.raises(GuardError, match="no question 23"):
        show.answer(case, 23)
    assert show.told(case).text().count("\n") == 3 * len(case.answers) - 1


def test_twenty_two_answers_and_unknown_has_a_reason(case: Investigation) -> None:
    assert [one.number for one in case.answers] == list(range(1, 23))
    assert all(one.answer and (one.completeness == "complete" or one.why) for one in case.answers)
    shown = show.questions(case).frame
    unknown = shown[shown["how_whole"] == "unknown"]
    assert len(unknown) > 0
    assert unknown["answer"].str.startswith("unknown: ").all()


def test_findings_come_gravest_first_with_their_records(case: Investigation) -> None:
    order = ["high", "medium", "low"]
    ranks = [order.index(f.severity) for f in case.findings]
    assert ranks == sorted(ranks)
    known = set(case.calls["event_id"])
    assert all(set(f.evidence) <= known for f in case.findings)
    assert all(f.completeness == "complete" or f.why for f in case.findings)


def test_the_chart_shows_what_its_tables_hold(page: KeyPage) -> None:
    figure = show.chart(page)
    bars = {bar.name: sum(bar.y) for bar in figure.data if bar.type == "bar"}
    places = {f"{r['network']} · {r['client']}": r["calls"] for r in page.places.to_dict("records")}
    assert bars == places
    (marks,) = (trace for trace in figure.data if trace.type == "scatter")
    assert marks.text[0].startswith("1")


def test_every_view_is_text_and_escaped_html(case: Investigation, page: KeyPage) -> None:
    views = [
        view(case)
        for view in (
            show.inventory,
            show.holders,
            show.phantoms,
            show.sessions,
            show.mantle,
            show.findings,
            show.questions,
        )
    ]
    views += [view(page) for view in (show.summary, show.timeline, show.models, show.places)]
    assert all(isinstance(view, Shown) and len(view.frame) for view in views)
    html = "".join(view.html() for view in views) + show.runbook(page).html()
    assert "<script" not in html
    assert "<img" not in html


def test_a_key_that_is_not_there_is_named(case: Investigation) -> None:
    with pytest.raises(GuardError) as told:
        case.page("ACCANOTHERE")
    assert "ACCANOTHERE" in told.value.what
    assert "DEMOC0PHANTOMH7QZ001" in told.value.remedy


DENIED = ("iam:ListServiceSpecificCredentials", "iam:ListUsers", "ce:*", "ec2:DescribeRegions", "pricing:*")


@pytest.fixture(scope="module")
def blind() -> Investigation:
    """Nearly nothing may be read."""
    faults = [Fault(call, "access_denied") for call in DENIED]
    return investigate(Account.demo(days=3, calls=200, faults=faults), days=3)


def test_what_may_not_be_read_is_unknown_and_never_none(blind: Investigation) -> None:
    assert blind.keys.listing.completeness == "unknown"
    assert "there may be more" in show.inventory(blind).caption
    assert provenance_of(blind.bill).completeness == "unknown"
    assert any("could not be asked" in said for said in blind.unseen)
    assert blind.answers[0].completeness == "unknown"
    assert show.questions(blind).frame["answer"].iloc[0].startswith("unknown: ")
    assert blind.use["usd_at_least"].isna().all()


def test_a_page_without_a_key_says_so_in_every_view(blind: Investigation) -> None:
    page = blind.page()
    assert page.kind == "none"
    for view in (show.summary, show.timeline, show.models, show.places):
        assert len(view(page).frame) == 0
    assert "nothing to do" in show.runbook(page).text()
    assert show.chart(page).data == ()
    views = (show.inventory, show.holders, show.phantoms, show.sessions, show.mantle, show.findings)
    assert all(view(blind).html() and view(blind).text() for view in views)


def test_regions_are_those_that_are_enabled() -> None:
    account = Account.demo(days=3, calls=200)
    regions, said = enabled_regions(account, shipped())
    assert {"us-east-1", "us-west-2", "eu-west-1"} <= set(regions)
    assert said == ()


def test_what_users_may_do_and_hold_besides_is_told(case: Investigation, truth: dict[str, Any]) -> None:
    assert "AmazonBedrockLimitedAccess" in answered(case, 6)
    assert "group:batch-users:inline:reports" in answered(case, 6)
    assert "contractor-vega (1 access key)" in answered(case, 7)
    leaked = case.page().user
    first = case.calls[case.calls["principal"].fillna("").str.endswith(leaked)]["event_time"].min()
    assert f"{leaked} {first:%Y-%m-%d}" in answered(case, 8)


def test_days_with_records_are_told_by_region(case: Investigation) -> None:
    table = case.answers[12].table
    assert table is not None
    assert set(table["region"]) == set(case.calls["region"].dropna())
    assert (table["days_with_rows"] <= table["days"]).all()
    assert "digest files were not checked" in answered(case, 13)


def test_the_runbook_of_the_leaked_key_is_filled_in(page: KeyPage) -> None:
    commands = [command for step in page.runbook for command in step.commands]
    assert commands[0] == "bedrock-guard decode"
    called = sorted(page.calls["region"].dropna().unique())
    assert any(
        "lookup-events" in command and f"for region in {' '.join(called)};" in command for command in commands
    )
    switched = f"update-service-specific-credential --user-name {page.user} --service-specific-credential-id {page.key}"
    assert any(switched in command and "Inactive" in command for command in commands)
    assert commands[-2] == f"aws iam delete-user --user-name {page.user}"
    assert f"bedrock-guard keys --account demo --days 90 --key {page.key}" in commands
