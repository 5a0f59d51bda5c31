"""What lint says of built documents: each finding is explained beside it, and what nobody explained shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bedrock_guard.boundary.builder import Built, build
from bedrock_guard.boundary.controls import CONTROLS
from bedrock_guard.boundary.export import export
from bedrock_guard.boundary.linted import linted
from bedrock_guard.boundary.pages import pages
from bedrock_guard.boundary.scenarios import full_spec
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.iam.lint import RULES
from bedrock_guard.present.proof import mistakes


def unexplained(built: Built) -> list[str]:
    return [str(noted) for noted in linted(built) if not noted.accepted]


def test_the_full_spec_has_no_unexplained_finding() -> None:
    built = build(full_spec())
    assert unexplained(built) == []
    found = {(noted.finding.rule.id, noted.finding.sid) for noted in linted(built)}
    open_ = {
        "DenyBoundary3",
        "DenyTiers",
        "DenyEncrypted",
        "DenyEncrypted2",
        "DenyTemplates",
        "DenyInstances3",
    }
    assert {sid for rule, sid in found if rule == "deny-fails-open"} == open_
    assert not {rule for rule, _ in found} & {"key-not-supplied-by-every-action", "over-quota"}


@pytest.mark.parametrize(
    "changed",
    [
        {"instance_types": ("t3.*",)},
        {"instance_types": True},
        {"mantle": "approved"},
        {"application_profiles": False, "prompt_routers": False, "customization": False},
        {"provisioned_throughput": False, "marketplace_endpoints": False},
        {"service_tiers": ("flex",)},
        {"api_key_creation": 30},
    ],
)
def test_other_values_of_the_controls_have_none_either(changed: dict[str, object]) -> None:
    assert unexplained(build(full_spec().with_controls(**changed))) == []


def test_a_model_for_the_global_route_has_none_either() -> None:
    spec = full_spec()
    name, profile = spec.only()
    routed = profile.models[0].model_copy(update={"routes": (*profile.models[0].routes, "global")})
    wide = profile.model_copy(update={"models": (routed, *profile.models[1:])})
    built = build(spec.model_copy(update={"profile": {name: wide}}))
    assert any("InferenceProfileArn" in noted.finding.path for noted in linted(built))
    assert unexplained(built) == []


def test_a_finding_without_a_reason_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = {control.id: replace(control, accepted=()) for control in CONTROLS}
    monkeypatch.setattr("bedrock_guard.boundary.linted.by_id", silent.__getitem__)
    built = build(full_spec())
    shown = unexplained(built)
    assert any("DenyTiers" in line for line in shown)
    assert any("DenyEncrypted2" in line for line in shown)
    table = mistakes(linted(built))
    assert table.frame["meant because"].iloc[0] == ""
    assert f"{len(shown)} of them unexplained" in table.caption


def test_a_shared_statement_needs_the_reason_of_every_control_in_it() -> None:
    built = build(full_spec())
    packed = next(p for p in built.packed if "DenyTiers" in p.controls)
    shared = replace(packed, controls={**packed.controls, "DenyTiers": ("service_tiers", "mantle")})
    others = tuple(shared if p is packed else p for p in built.packed)
    changed = Built(built.name, built.profile, others, built.placement, built.findings, built.on)
    assert [line for line in unexplained(changed) if "DenyTiers" in line]


def test_every_reason_is_of_a_rule_and_stands_on_its_page_and_in_the_scorecard() -> None:
    written = pages()
    for control in CONTROLS:
        for one in control.accepted:
            assert one.rule in RULES
            assert one.why.endswith(".")
            assert one.why in written[f"{control.id}.md"]
    spec = BoundarySpec.from_draft()
    made = export(spec, build(spec), "markdown")["scorecard.md"]
    assert "## What lint says" in made
    assert ", 0 of them unexplained" in made
    assert "no version to name" in made
