"""The doctor: what is seen, what each gap needs, which shapes differ, and that nothing in it names anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bedrock_guard.account.doctor import Checkup, examine
from bedrock_guard.account.doctor_facts import safe
from bedrock_guard.account.doctor_probes import FIRST, PROBES, departures
from bedrock_guard.account.facts import VARIABLE, Fact, Facts, load_facts, path_of, save_facts
from bedrock_guard.account.permissions import PERMISSIONS
from bedrock_guard.account.session import Account
from bedrock_guard.demo.company.make import make_company
from bedrock_guard.demo.faults import Fault
from bedrock_guard.errors import GuardError
from bedrock_guard.present.doctor import text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


@pytest.fixture(autouse=True)
def _own_facts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(folder))


@pytest.fixture(scope="module")
def found() -> Checkup:
    return examine(Account.demo(enforce=True), keep=False)


def test_every_permission_of_the_table_is_probed_once() -> None:
    probed = [probe.action for probe in (*FIRST, *PROBES)]
    assert sorted(probed) == sorted(one.action for one in PERMISSIONS)


def test_the_demos_analyst_sees_everything_in_the_expected_shape(found: Checkup) -> None:
    assert found.gaps == ()
    assert found.shapes == ()
    states = {one.action: one.state for one in found.seen if one.state != "seen"}
    assert set(states.values()) <= {"not asked"}
    assert set(states) <= {"iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies"}  # a user without groups
    assert 0 < found.cost_usd <= 1


@pytest.mark.parametrize(
    ("pattern", "kind", "state", "why"),
    [
        ("iam:ListServiceSpecificCredentials", "access_denied", "refused", "AccessDenied"),
        ("ce:GetCostForecast", "access_denied", "refused", "AccessDeniedException"),
        ("ec2:DescribeRegions", "access_denied", "refused", "UnauthorizedOperation"),
        ("bedrock:ListGuardrails", "http500", "failed", "InternalFailure"),
        ("cloudtrail:LookupEvents", "expired_token", "failed", "ExpiredTokenException"),
    ],
)
def test_a_gap_names_its_permission_and_what_is_not_known(
    pattern: str, kind: Any, state: str, why: str
) -> None:
    bad = examine(Account.demo(faults=[Fault(pattern, kind)]), bill=False, keep=False)
    (gap,) = bad.gaps
    assert (gap.action, gap.state, gap.why) == (pattern, state, why)
    tells = next(one.tells for one in PERMISSIONS if one.action == pattern)
    assert f"{tells}: " in text(bad)


def test_a_proxys_page_shows_as_a_shape_and_not_as_nothing() -> None:
    bad = examine(Account.demo(faults=[Fault("bedrock:ListGuardrails", "html200")]), bill=False, keep=False)
    assert bad.gaps or bad.shapes
    assert "ListGuardrails" in text(bad)


@pytest.mark.parametrize(
    ("answer", "expects", "said"),
    [
        ({}, {"Users": "list"}, ["Users is missing, expected list"]),
        ({"Users": []}, {"Users": "list", "Users[].Name": "str"}, []),
        ({"Users": [{}]}, {"Users[].Name": "str"}, ["Users[].Name is missing, expected str"]),
        (
            {"Users": [{}, {"Name": "a"}]},
            {"Users[].Name": "str"},
            ["Users[].Name is missing in some, expected str"],
        ),
        ({"Users": [{}]}, {"Users[].Name?": "str"}, []),
        ({"a": {"b": 1}}, {"a.b": "str"}, ["a.b is int, expected str"]),
        ({"a": "secret value"}, {"a": "list"}, ["a is str, expected list"]),
    ],
)
def test_shapes_tell_paths_and_types_and_no_values(
    answer: Mapping[str, Any], expects: Mapping[str, str], said: list[str]
) -> None:
    assert list(departures(answer, expects)) == said


def test_open_points_become_facts_of_the_account(found: Checkup) -> None:
    facts = found.facts
    assert "Usage" in (facts.of("record_types") or "")
    assert "1K tokens" in (facts.of("units") or "")
    assert "Converse" in (facts.of("trail_tokens") or "")
    assert "AWS Marketplace" in (facts.of("claude_lane") or "")
    assert "Active" in (facts.of("key_states") or "")
    assert (facts.of("native_model") or "").startswith("it names ")


def test_what_could_not_be_read_is_unknown_with_its_reason() -> None:
    bad = examine(Account.demo(faults=[Fault("cloudtrail:*", "access_denied")]), bill=False, keep=False)
    by_id = {fact.id: fact for fact in bad.facts.facts}
    assert by_id["trail_tokens"].answer is None
    assert by_id["trail_tokens"].why
    assert by_id["units"].answer is None


def test_the_output_names_nobody(found: Checkup) -> None:
    shown = text(found)
    assert not re.search(r"\d{9,}|arn:|@|AKIA|ASIA|ACCA|DEMOC0", shown)
    truth = make_company().truth
    words = {"tidewater", "h7qz", "bedrock-analyst", "mira", "omar", *truth["accounts"]}
    words |= {arn.rpartition("/")[2] for arn in truth["calls"]["by_principal"]}
    assert [word for word in words if word.lower() in shown.lower()] == []


def test_a_value_that_is_no_word_of_aws_is_counted_and_not_shown() -> None:
    shown = safe(["Hrs", "111122223333", "arn:aws:iam::111122223333:user/ana", "ana@example.com", "<script>"])
    assert shown == "Hrs (and 4 that are no word of AWS)"


def test_facts_are_kept_and_read_by_the_other_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    made = examine(Account.demo(), bill=False)
    assert load_facts("111122223333") == made.facts
    assert load_facts("000000000011") is None
    (file,) = tmp_path.iterdir()
    assert not re.search(r"\d{12}|arn:", file.read_text(encoding="utf-8"))
    path_of("111122223333").write_text("{broken")
    assert load_facts("111122223333") is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "facts"))
    facts = Facts(found_at=Account.demo().now, facts=(Fact(id="a", question="A?", answer="b"),))
    with pytest.raises(GuardError, match="could not be kept"):
        save_facts("111122223333", facts)
