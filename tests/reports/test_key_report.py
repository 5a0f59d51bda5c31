"""The key usage report against the demo's ground truth, and with things that cannot be read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from bedrock_guard.account.session import Account
from bedrock_guard.account.situation import example_spec
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.faults import Fault
from bedrock_guard.evidence.caller_names import short
from bedrock_guard.evidence.findings import Thresholds
from bedrock_guard.evidence.invocations import INVOCATIONS
from bedrock_guard.evidence.key_facts import UserFacts
from bedrock_guard.evidence.rules_watch import break_glass_used, denied_burst, key_expiring
from bedrock_guard.evidence.suspects import suspects
from bedrock_guard.evidence.tables import dollars
from bedrock_guard.present import keys as show
from bedrock_guard.present.table import Shown, unbroken
from bedrock_guard.reports.cost import CostReport
from bedrock_guard.reports.figures import Figures
from bedrock_guard.reports.key_findings import suspected
from bedrock_guard.reports.keys import KeyReport, looked_at
from bedrock_guard.reports.settings import BadParameters, CostSettings, KeySettings, read_parameters
from bedrock_guard.reports.summary import LINES, summary


@pytest.fixture(scope="module")
def report() -> KeyReport:
    return KeyReport.of(Account.demo(), KeySettings())


@pytest.fixture(scope="module")
def truth() -> dict:
    return make_company().truth


def test_the_cards_are_the_ground_truths(report: KeyReport, truth: dict) -> None:
    numbers = report.figures.figures
    mine = [key for key in truth["keys"] if key["account"] == "111122223333"]
    assert numbers["keys"].value == str(len(mine))
    for state in ("active", "inactive", "expired"):
        assert numbers[f"keys_{state}"].value == str(sum(key["status"] == state for key in mine))
    assert numbers["keys_never_expire"].value == str(sum("never expires" in key["note"] for key in mine))
    assert numbers["usd_at_least"].completeness == "floor"


def test_what_is_wrong_in_the_demo_is_said_at_the_top(report: KeyReport, truth: dict) -> None:
    top = report.headline.text
    leak = truth["leak"]
    assert f"{leak['user']} looks like a stolen key" in top
    first = report.findings[: sum(f.severity == "high" for f in report.findings)]
    said = " ".join(f.text for f in first)
    assert leak["user"] in said
    assert "never expires" in said
    assert "switched off or moved model invocation logging" in said
    assert list(suspected(report.findings)) == [leak["user"]]
    assert [f.about for f in first][:3] == [leak["user"]] * 3, "what looks stolen stands first"


def test_the_summary_begins_with_the_stolen_key_and_how_things_stand(report: KeyReport, truth: dict) -> None:
    lines = summary(report.figures, markdown=False).splitlines()
    assert len(lines) <= LINES
    leak, (suspect,) = truth["leak"], report.case.suspects
    assert lines[1].startswith(
        f"{leak['user']} looks like a stolen key since {leak['first_seen']:%Y-%m-%d %H:%M} UTC: {suspect.calls} calls "
        f"from 203.0.113.0/24 with aiohttp, new for it, at least {dollars(suspect.usd_at_least)} for these, the "
    )
    assert lines[1].endswith("; its key still works.")
    assert suspect.usd_at_least <= leak["dollars"], "the owner's own calls are in no sum of the theft"
    assert lines[2].startswith("Stop it first with: aws iam update-service-specific-credential --user-name ")
    assert lines[2].endswith(
        f"{leak['user']} --service-specific-credential-id {leak['credential']} --status Inactive"
    )
    assert lines[3] == report.lead[2]
    assert lines[4].startswith(
        "Also seen from 203.0.113.0/24: break-glass-admin (lena.ortiz): PutModelInvocationLogg"
    )
    assert lines[5].startswith("Of 4 long-term keys 2 can be used, 1 never expires; at least $")


def test_the_report_and_the_notebook_say_the_same_of_the_theft(report: KeyReport) -> None:
    notebook = show.first(report.case).lines
    assert report.lead[:4] == notebook[:4]
    contain = next(s for s in report.page.runbook if s.phase == "contain")
    assert contain.commands[0] in notebook[1]
    whole = dict(report.show("summary").frame.itertuples(index=False))
    assert "by whomever" in " ".join(name for name in whole if "USD" in name)
    assert "an owner's and a thief's calls together" in report.use.caption


def test_the_readme_says_how_many_paid_requests_a_report_makes(report: KeyReport) -> None:
    words = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    said = re.search(r"cost report makes (\d+) Cost Explorer requests and the key usage report (\d+),", words)
    cost = CostReport.of(Account.demo(), CostSettings())
    assert said
    assert [int(number) for number in said.groups()] == [cost.card.paid, report.card.paid]


def test_whoever_else_came_from_the_network_of_a_stolen_key_is_named(report: KeyReport) -> None:
    calls = report.case.calls
    there = calls[calls["source_ip"].str.startswith("203.0.113.").fillna(value=False)]
    assert set(map(short, there["principal"].dropna())) == {"BedrockAPIKey-h7qz", "break-glass-admin"}
    (other,) = report.case.suspects[0].others
    assert other.startswith(
        "break-glass-admin (lena.ortiz): PutModelInvocationLoggingConfiguration (1), the last at "
    )
    assert other in report.show("questions").frame["answer"].iloc[14]


def test_a_use_of_a_break_glass_principal_is_told(report: KeyReport) -> None:
    (found,) = (one for one in report.case.findings if one.rule == "break_glass_used")
    assert found.title.startswith(
        "break-glass-admin, which the boundary of the example spec never binds, was "
    )
    assert (
        "was used by lena.ortiz from 203.0.113.9: PutModelInvocationLoggingConfiguration (1)" in found.title
    )
    assert found.title.removesuffix(".") in "".join(one.text for one in report.findings)
    calls = report.case.calls
    assert not list(break_glass_used(calls[calls["principal"] != found.subject], [found.subject], {}))


def test_break_glass_from_the_network_of_a_theft_is_grave_and_any_other_is_not(report: KeyReport) -> None:
    (found,) = (one for one in report.case.findings if one.rule == "break_glass_used")
    assert found.severity == "high"
    assert found.title.endswith("; the calls that make BedrockAPIKey-h7qz look stolen came from there too.")
    (other,) = break_glass_used(report.case.calls, [found.subject], {"198.51.100.0/24": "a thief"})
    assert other.severity == "medium"
    assert "stolen" not in other.title


def test_every_page_has_the_same_findings_and_a_spec_of_ones_own_is_no_example(
    report: KeyReport, tmp_path: Path
) -> None:
    case = Account.demo().investigation(days=90)
    assert [f.id for f in report.findings if f.id.startswith("exception")] == []
    said = [one.text for one in report.findings]
    assert all(any(one.title.removesuffix(".") in text for text in said) for one in case.findings)
    assert len(report.findings) == len(show.findings(case).frame)
    path = tmp_path / "guard.toml"
    path.write_text(example_spec().dumps(), encoding="utf-8")
    mine = Account.demo().investigation(days=20, spec=path)
    (found,) = (one for one in mine.findings if one.rule == "break_glass_used")
    assert found.title.startswith("break-glass-admin, which the boundary never binds, was ")


def test_a_gap_of_invocation_logging_during_the_theft_is_said_at_the_top(report: KeyReport) -> None:
    said = (
        "Model invocation logging was off in us-east-1 from 2026-11-11 16:00 to 2026-11-14 09:00 UTC, while "
        "BedrockAPIKey-h7qz made 118 model calls of these: their prompts cannot be read."
    )
    calls = report.case.calls
    off, back = (pd.Timestamp(time, tz="UTC") for time in ("2026-11-11 16:00", "2026-11-14 09:00"))
    model_calls = calls["operation"].isin(list(INVOCATIONS)) & calls["error_code"].isna()
    stolen = (calls["client"] == "aiohttp") & (calls["region"] == "us-east-1") & model_calls
    assert int((stolen & calls["event_time"].between(off, back)).sum()) == 118
    assert report.lead[2] == said
    assert said in show.first(report.case).lines
    found = [
        replace(f, facts={**f.facts, "set_again": f.first_seen + timedelta(minutes=-1)})
        if f.rule == "invocation_logging_weakened"
        else f
        for f in report.case.findings
    ]
    assert suspects(found, calls)[0].unlogged == (), "no call is between"


def test_what_is_a_floor_is_one_on_every_card(report: KeyReport) -> None:
    cards = dict(re.findall(r"<li><b>([^<]*)</b> <span>([^<]*)</span>", report.headline.text))
    shown = {label: value for value, label in cards.items()}
    assert shown["calls with keys"] == "≥ 1,426"
    assert shown["refused calls of all callers"].startswith("≥ ")
    assert shown["long-term keys"] == "4"


def test_the_twenty_two_questions_and_the_runbook_are_there(report: KeyReport, truth: dict) -> None:
    assert len(report.show("questions").frame) == 22
    assert not report.show("questions").frame["answer"].isna().any()
    steps = report.show("runbook").text()
    assert truth["leak"]["credential"] in steps
    assert "update-service-specific-credential" in steps
    assert "--status Inactive" in steps


def test_a_demo_account_that_is_read_whole_has_no_gap(report: KeyReport) -> None:
    assert report.gaps == ()
    assert report.figures.exit_status == 1
    assert Figures.model_validate_json(report.figures.json_text()) == report.figures


def test_findings_have_ids_of_their_own_that_do_not_change(report: KeyReport) -> None:
    again = KeyReport.of(Account.demo(), KeySettings(days=89))
    ids = [f.id for f in report.findings]
    assert len(set(ids)) == len(ids)
    assert {f.id for f in again.findings if "never_expires" in f.id} <= set(ids)
    assert {f.id for f in again.findings if "new_network" in f.id} == {i for i in ids if "new_network" in i}


def test_what_exists_where_keys_were_used_is_there(report: KeyReport) -> None:
    places, things = report.exists
    assert list(places.frame["region"]) == [one.region for one in report.logging]
    assert "support-agent" in set(things.frame["name"])
    assert {"support-agent", "tidewater-model-logs-111122223333"} <= set(report.names)
    assert not any("anthropic." in name for name in report.names)


def test_a_commitment_is_found_where_it_is_made_and_paid_though_no_key_was_used_there(
    report: KeyReport,
) -> None:
    case = report.case
    assert looked_at(case, "us-east-1") == [one.region for one in report.logging]
    made = case.calls.iloc[[0]].assign(
        service="bedrock.amazonaws.com",
        operation="CreateProvisionedModelThroughput",
        region="sa-east-1",
        read_only=False,
        key_kind="none",
    )
    read = made.assign(operation="ListAgents", region="eu-north-1", read_only=True)
    invoked = made.assign(operation="InvokeModel", region="eu-west-3")
    elsewhere = made.assign(service="iam.amazonaws.com", operation="CreateUser", region="ca-central-1")
    paid = case.bill.iloc[[0]].assign(region="ap-south-1", account_id=case.account.account_id)
    theirs = paid.assign(region="eu-west-2", account_id="000000000099")
    nowhere = paid.assign(region="global")
    changed = replace(
        case,
        calls=pd.concat(
            [frame.astype("object") for frame in (case.calls.head(0), made, read, invoked, elsewhere)]
        ),
        bill=pd.concat([paid, theirs, nowhere]),
    )
    assert looked_at(changed, "us-west-1") == ["ap-south-1", "sa-east-1", "us-west-1"]


def test_which_regions_were_looked_at_is_said(report: KeyReport) -> None:
    places, _ = report.exists
    said = places.caption
    assert all(region in said for region in set(report.case.regions) - {one.region for one in report.logging})
    assert "ap-south-1" in said
    assert "us-east-1" not in said


def half_the_regions() -> list[Fault]:
    return [Fault("cloudtrail:LookupEvents", "access_denied", at=tuple(range(1, 30, 2)))]


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (half_the_regions(), "LookupEvents answered AccessDenied"),
        ([Fault("iam:ListServiceSpecificCredentials", "access_denied")], "Keys"),
        ([Fault("iam:ListAccessKeys", "access_denied")], "User"),
        ([Fault("bedrock:GetModelInvocationLoggingConfiguration", "access_denied")], "Logging"),
        ([Fault("ce:*", "access_denied")], "Bill"),
        ([Fault("cloudtrail:LookupEvents", "slow", seconds=120)], "LookupEvents failed"),
    ],
)
def test_what_could_not_be_read_is_a_gap_with_status_3(faults: list[Fault], said: str) -> None:
    found = KeyReport.of(Account.demo(faults=faults), KeySettings(days=10))
    assert found.figures.exit_status == 3
    assert any(said in gap for gap in found.gaps), found.gaps
    assert "Incomplete" in found.headline.text


def test_a_key_that_does_not_exist_is_a_bad_parameter_unless_the_lists_are_short() -> None:
    wish = KeySettings(days=3, key="ACCANOBODYSKEY000001")
    with pytest.raises(BadParameters, match="has the id ACCANOBODYSKEY000001") as caught:
        KeyReport.of(Account.demo(calls=100), wish)
    assert caught.value.exit_status == 2
    assert "Take one of" in caught.value.remedy
    blind = [Fault("iam:List*", "access_denied")]
    found = KeyReport.of(Account.demo(calls=100, faults=blind), wish)
    assert found.figures.exit_status == 3
    assert found.show("summary").caption == "Key ACCANOBODYSKEY000001 is in nothing that could be read."
    assert found.show("runbook").steps == ()


def test_the_specs_thresholds_are_the_reports_and_a_parameter_wins(tmp_path: Path) -> None:
    spec = example_spec().model_copy(update={"findings": {"key_age_days": 500, "denied_calls": 9}})
    path = tmp_path / "guard.toml"
    path.write_text(spec.dumps(), encoding="utf-8")
    account = Account.demo(calls=100)
    taken = [
        KeyReport.of(account, KeySettings(days=3, spec=str(path), key_age_days=days)).case.thresholds
        for days in (None, 30)
    ]
    assert taken == [
        Thresholds(key_age_days=500, denied_calls=9),
        Thresholds(key_age_days=30, denied_calls=9),
    ]
    path.write_text(spec.dumps().replace("key_age_days", "key_rage_days"), encoding="utf-8")
    with pytest.raises(BadParameters, match="key_rage_days"):
        read_parameters("keys", {"spec": str(path)})


def test_unreadable_keys_are_unknown_and_not_none() -> None:
    faults = [
        Fault("iam:ListServiceSpecificCredentials", "access_denied"),
        Fault("iam:ListUsers", "access_denied"),
    ]
    found = KeyReport.of(Account.demo(faults=faults), KeySettings(days=10))
    figure = found.figures.figures["keys"]
    assert figure.value is None
    assert figure.completeness == "unknown"


def calls(*minutes: int, denied_by: str = "boundary", kind: str = "none") -> pd.DataFrame:
    start = pd.Timestamp("2026-11-01", tz="UTC")
    rows = [
        {
            "event_id": f"e{n}",
            "event_time": start + timedelta(minutes=n),
            "account_id": "111122223333",
            "principal": "arn:aws:iam::111122223333:role/r",
            "denied_by": denied_by,
            "key_kind": kind,
        }
        for n in minutes
    ]
    return pd.DataFrame(rows)


def test_refusals_speak_from_the_threshold_on_and_only_together() -> None:
    hour = timedelta(minutes=60)
    assert list(denied_burst(calls(0, 10, 20, 30), 5, hour)) == []
    assert list(denied_burst(calls(0, 20, 40, 60, 80), 5, hour)) == []
    (found,) = denied_burst(calls(0, 10, 20, 30, 60), 5, hour)
    assert found.evidence_count == 5
    assert found.severity == "medium"
    assert next(iter(denied_burst(calls(0, 1, 2, kind="long_term"), 3, hour))).severity == "high"


def test_a_key_speaks_before_its_end_while_it_is_in_use() -> None:
    now = pd.Timestamp("2026-11-20", tz="UTC").to_pydatetime()
    keys = pd.DataFrame(
        {
            "user": ["soon", "later", "over", "endless", "off"],
            "credential_id": list("abcde"),
            "status": ["active", "active", "active", "active", "inactive"],
            "expires": [now + timedelta(days=n) if n is not None else pd.NaT for n in (5, 50, -5, None, 5)],
        }
    )
    assert [found.subject for found in key_expiring(keys, now, 14)] == ["soon"]
    assert list(key_expiring(keys, now, 0)) == []


def test_a_command_of_the_headline_ends_its_lines_between_words(report: KeyReport, truth: dict) -> None:
    top = report.headline.text
    for word in (
        "update-service-specific-credential",
        "--service-specific-credential-id",
        truth["leak"]["user"],
    ):
        assert f'<span style="white-space:nowrap">{word}</span>' in top
    html = report.show("runbook").html()
    assert "credentials.json\n" in unescape(re.sub("</?span[^>]*>", "", html)), "a command a line"
    hostile = unbroken("aws iam x --user-name '<b>-'")
    assert "<b>" not in hostile
    assert "&lt;b&gt;" in hostile


def test_use_by_key_is_dearest_first_with_whole_names(report: KeyReport) -> None:
    spent = [cost or 0 for cost in report.use.frame["cost_usd"]]
    assert spent == sorted(spent, reverse=True)
    assert [cost or 0 for cost in show.used(report.case).frame["cost_usd"]] == spent, "the same order"
    (bar,) = report.use_chart.data
    assert not any("…" in name for name in bar.y)
    assert "BedrockDeveloper of Identity Center<br>(short term)" in bar.y
    assert len(report.use.frame.columns) - len(report.use.under) <= 7, "more are cut at 1,200 pixels"
    assert 'class="long"' not in Shown(pd.DataFrame({"who": ["priya.raman@example.com"]})).html()


def test_users_of_one_reason_are_one_gap(report: KeyReport) -> None:
    facts = [UserFacts(f"user-{n}", unreadable=("GetUser: AccessDenied",)) for n in range(5)]
    facts.append(UserFacts("other", unreadable=("ListGroupsForUser: Throttling",)))
    keys = replace(report.case.keys, users={one.name: one for one in facts})
    gaps = replace(report, case=replace(report.case, keys=keys)).gaps
    assert gaps[:2] == (
        "Users user-0, user-1, user-2 and 2 more: GetUser: AccessDenied",
        "User other: ListGroupsForUser: Throttling",
    )


def test_of_many_stolen_keys_the_first_are_told_at_the_top_and_the_others_named(
    report: KeyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {f"user-{n}": ["a new network"] for n in range(6)}
    monkeypatch.setattr("bedrock_guard.reports.keys.suspected", lambda _: more)
    lead = replace(report).lead
    stolen = [line for line in lead if "looks like a stolen key" in line]
    assert [line.split()[0] for line in stolen] == [report.case.suspects[0].about, "user-0", "user-1"]
    assert (
        "The signs of a stolen key are seen of user-2, user-3, user-4 and 1 more too: see the findings."
        in lead
    )
    assert lead[-1].startswith("Of 4 long-term keys")
