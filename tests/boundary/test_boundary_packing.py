"""Packing changes no verdict: proved by `iam.compare` for random specs, however much is merged and wherever it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedrock_guard.boundary.builder import BuildError, Built, _Plan, build
from bedrock_guard.boundary.catalogue import Model, shipped
from bedrock_guard.boundary.controls import Scope, by_id
from bedrock_guard.boundary.packing import (
    QUOTA,
    Item,
    Merging,
    Packed,
    Piece,
    _attempt,
    covering,
    minified,
    statement,
)
from bedrock_guard.boundary.scenarios import full_spec
from bedrock_guard.boundary.spec import BoundarySpec, Controls
from bedrock_guard.iam.compare import PolicySet, Universe, compare

LEVELS: tuple[Merging, ...] = ("nothing", "families", "everything")
CEILING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SLOTS = [("boundary", "b"), ("deny", "d1"), ("deny", "d2"), ("deny", "d3"), ("deny", "d4"), ("deny", "d5")]
ACCOUNT, REGIONS = "111122223333", ("us-east-1", "us-west-2", "eu-central-1")
ROLES = tuple(f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("lab", "team/batch", "admin"))
VALUED: dict[str, Sequence[Any]] = {
    "api_key_creation": (True, False, 30),
    "service_tiers": (True, False, ("default",), ("flex",)),
    "mantle": (True, False),
    "bounded_roles": (True, False, ("bounded/*",), ("bounded/*", "cdk/deploy"), ("team-*",)),
    "instance_types": (True, False, ("t3.micro",), ("t3.*", "m7i.large")),
    "privileged_functions": (True, False, (f"arn:aws:lambda:*:{ACCOUNT}:function:admin-*",)),
    "guardrail_required": (False, f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/gr0"),
}
DAYS = (date(2027, 1, 31), date(2027, 6, 30))


def _routes(model: Model, regions: Sequence[str]) -> list[str]:
    found = ["in-region"] if set(regions) <= set(model.in_region) else []
    scopes = [p.scope for p in model.profiles if set(regions) & set(p.destinations)]
    return found + [
        s for s in scopes if s != "global" or set(regions) <= set(model.profiles[-1].destinations)
    ]


@st.composite
def specs(draw: st.DrawFn) -> BoundarySpec:
    """Any spec that a person could write: models by routes, controls and values, exceptions, kinds of document."""
    regions = draw(st.lists(st.sampled_from(REGIONS), min_size=1, max_size=2, unique=True))
    regions = sorted({"us-east-1", *regions})
    offered = [model for model in shipped().models if _routes(model, regions)]
    chosen = draw(st.lists(st.sampled_from(offered), max_size=6, unique_by=lambda model: model.model_id))
    models = [
        {
            "id": m.model_id,
            "routes": draw(st.lists(st.sampled_from(_routes(m, regions)), min_size=1, unique=True)),
        }
        for m in chosen
    ]
    controls = {name: draw(st.booleans()) for name in Controls.model_fields if name not in VALUED}
    controls |= {name: draw(st.sampled_from(values)) for name, values in VALUED.items()}
    profile = {
        "accounts": draw(st.sampled_from([[ACCOUNT], [ACCOUNT, "000000000011"]])),
        "regions": regions,
        "model": models,
        "approve_nothing": not models,
        "break_glass": draw(st.sampled_from([[], ["arn:aws:iam::111122223333:role/glass"]])),
        "documents": draw(
            st.sampled_from([["boundary", "deny"], ["boundary", "deny", "scp"], ["boundary", "scp"]])
        ),
        "scp_holds": draw(st.sampled_from(["reach", "everything"])),
        "controls": controls,
    }
    lifted = sorted(name for name in Controls.model_fields if controls[name] is not False)
    exceptions = [
        {
            "profile": "p", "control": name, "owner": "o", "reason": "r", "until": draw(st.sampled_from(DAYS)),
            "principals": draw(st.lists(st.sampled_from(ROLES), unique=True)),
        }
        for name in (draw(st.lists(st.sampled_from(lifted), max_size=3)) if lifted else [])
    ]  # fmt: skip
    spec = BoundarySpec.model_validate({"profile": {"p": profile}, "exception": exceptions})
    return spec.checked(shipped())


def _loose(pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    """One document a rule."""
    return [{"Version": "2012-10-17", "Statement": [statement([piece])]} for piece in pieces]


def _pieces(documents: Iterable[Packed]) -> list[Piece]:
    return [piece for packed in documents for found in packed.pieces.values() for piece in found]


def _prove(pieces: Sequence[Piece], after: PolicySet) -> None:
    """Every request of every action that a rule names, by a named user and by a session, is decided alike."""
    if not pieces:
        return
    before = PolicySet.of([CEILING, *_loose(pieces)])
    patterns = sorted({action for piece in pieces for action in piece.rule.actions})
    for universe in (
        Universe.of(*patterns, context={"aws:username": "alice"}),
        Universe.of(*patterns, absent=frozenset({"aws:username"})),
    ):
        found = compare(before, after, universe)
        assert not found.incomplete
        assert [d for d in found.differences if d.before.allowed != d.after.allowed] == []


def _documents(built: Built, *kinds: str) -> list[dict[str, Any]]:
    return [packed.document for packed in built.packed if packed.kind in kinds]


def unpacked(spec: BoundarySpec) -> list[Item]:
    """The rules of the principal's documents before packing."""
    name, profile = spec.only()
    today = datetime.now(UTC).date()
    active = tuple(e for e in spec.exceptions if e.profile == name and not e.expired(today))
    return _Plan(profile, shipped(), active).items(account_wide=False)


RANDOM = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@RANDOM
@given(specs())
def test_what_is_built_says_what_its_rules_say(spec: BoundarySpec) -> None:
    try:
        built = build(spec)
    except BuildError:
        return  # refused, never cut: the builder's tests say with what
    below = [packed for packed in built.packed if packed.kind != "scp"]
    placed = _pieces(below)
    moved = {one.control for one in built.placement if "scp" in one.document}
    wanted = [piece for item in unpacked(spec) for piece in item.pieces]
    missing = {(p.control.id, p.number) for p in wanted} - {(p.control.id, p.number) for p in placed}
    assert {control for control, _ in missing} <= moved
    assert len(placed) == len({(p.control.id, p.number) for p in placed})
    _prove(
        placed, PolicySet.of([CEILING, *_documents(built, "deny")], boundary=_documents(built, "boundary")[0])
    )
    above = _pieces(packed for packed in built.packed if packed.kind == "scp")
    _prove(above, PolicySet.of(CEILING, scps=[[CEILING, *_documents(built, "scp")]]))


@RANDOM
@given(specs(), st.sampled_from(LEVELS), st.randoms(use_true_random=False))
def test_no_merge_and_no_split_changes_a_verdict(spec: BoundarySpec, merging: Merging, random: Any) -> None:
    """Any merging, any order and so any division over documents."""
    items: list[Item] = unpacked(spec)
    random.shuffle(items)
    filled = _attempt(items, SLOTS, merging)  # type: ignore[arg-type]
    pieces = _pieces(filled.documents)
    left = {item.control.id for item in filled.left}
    assert {p.control.id for p in pieces} | left == {item.control.id for item in items}
    documents = [packed.document for packed in filled.documents]
    _prove(pieces, PolicySet.of([CEILING, *documents[1:]], boundary=documents[0]))


def test_the_proof_would_see_a_lost_rule() -> None:
    built = build(full_spec())
    boundary = _documents(built, "boundary")[0]
    pieces = _pieces(packed for packed in built.packed if packed.kind != "scp")
    denies = _documents(built, "deny")
    _prove(pieces, PolicySet.of([CEILING, *denies], boundary=boundary))
    unseen = set()
    for place, lost in enumerate(denies[0]["Statement"]):
        cut = {**denies[0], "Statement": [s for at, s in enumerate(denies[0]["Statement"]) if at != place]}
        with contextlib.suppress(AssertionError):
            _prove(pieces, PolicySet.of([CEILING, cut, *denies[1:]], boundary=boundary))
            unseen.add(lost["Sid"])
    assert unseen == {"DenyGlobal2"}  # the list of models denies what it denies


def test_covered_actions_are_dropped_and_others_kept() -> None:
    assert covering(["a:Get", "a:Get*", "a:GetX", "b:Get", "a:Put*", "A:gety"]) == (
        "a:Get*",
        "a:Put*",
        "b:Get",
    )
    assert covering(["a:X*", "a:XY*"]) == ("a:X*",)


def _long_list(count: int) -> BoundarySpec:
    """The first models of the catalogue by every route from two regions, some of them for a time only."""
    regions = ("us-east-1", "us-west-2")
    offered = [model for model in shipped().models if _routes(model, regions)][:count]
    models = [{"id": m.model_id, "routes": _routes(m, regions)} for m in offered]
    entry = {"profile": "p", "owner": "o", "reason": "r", "until": DAYS[0], "principals": ROLES[:1]}
    profile = {"accounts": [ACCOUNT], "regions": regions, "model": models[2:]}
    exceptions = [{**entry, "model": model} for model in models[:2]]
    spec = BoundarySpec.model_validate({"profile": {"p": profile}, "exception": exceptions})
    return spec.checked(shipped())


def test_a_list_split_by_place_allows_what_the_whole_list_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = _long_list(24)
    control = by_id("approved_models")
    _, profile = spec.only()

    def rules() -> list[Piece]:
        scope = Scope(profile, shipped(), model_exceptions=spec.exceptions)
        return list(Item.of(control, control.rules(scope)).pieces)

    split = rules()
    monkeypatch.setattr(Scope, "longest_list", 1_000_000)
    whole = rules()
    assert len([p for p in whole if p.rule.not_resources]) == 1
    assert len([p for p in split if p.rule.not_resources]) > 1
    for piece in split:
        assert len(minified(statement([piece]))) < QUOTA["deny"] - 100
    before, after = (PolicySet.of([CEILING, *_loose(pieces)]) for pieces in (whole, split))
    found = compare(before, after, Universe.of("bedrock:InvokeModel"))
    assert not found.incomplete
    assert found.differences == ()


def test_a_long_list_needs_no_scp_and_the_whole_catalogue_fits_with_one() -> None:
    below = build(_long_list(20))
    assert not [
        one.why for one in below.placement if one.control == "approved_models" and "too long" in one.why
    ]
    everything = build(_long_list(1_000))
    assert all(packed.size <= packed.quota for packed in everything.packed)
