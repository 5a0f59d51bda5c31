"""How long a spec takes to become documents, when one model of its list changes. Nothing is asserted about time."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from bedrock_guard.boundary.builder import BuildError, build
from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.spec import BoundarySpec, ModelChoice

ROUNDS = 20


def _with(spec: BoundarySpec, models: tuple[ModelChoice, ...]) -> BoundarySpec:
    name, profile = spec.only()
    return spec.model_copy(update={"profile": {name: profile.model_copy(update={"models": models})}})


def _more(spec: BoundarySpec, count: int) -> tuple[ModelChoice, ...]:
    """The example's models and others by their US profile."""
    _, profile = spec.only()
    taken = {choice.id for choice in profile.models}
    others = [m.model_id for m in shipped().models if m.profile("us") and m.model_id not in taken]
    return (*profile.models, *(ModelChoice(id=name, routes=("us",)) for name in others))[:count]


@pytest.mark.parametrize("count", [4, 12, 25])
def test_a_changed_list_to_documents(benchmark, capsys, count):
    text = resources.files("bedrock_guard.boundary").joinpath("data", "example.toml").read_text("utf-8")
    spec = BoundarySpec.loads(text)
    models = _more(spec, count + 1)
    variants = [_with(spec, models[:-1]), _with(spec, models[1:])]
    turn = iter(range(10_000))
    built = benchmark.pedantic(lambda: build(variants[next(turn) % 2]), rounds=ROUNDS, warmup_rounds=2)
    assert all(packed.size <= packed.quota for packed in built.packed)
    documents = [packed.document for packed in built.packed]
    with capsys.disabled():
        stats = getattr(benchmark.stats, "stats", None)
        taken = "not timed" if stats is None else f"{stats.median * 1e3:.1f} ms (median)"
        size = sum(len(json.dumps(document)) for document in documents)
        print(f"\nbuild, {count:>2} models {taken:>26}  {len(documents)} documents, {size:,} characters")


def test_a_refusal_is_no_slower(benchmark, capsys):
    spec = BoundarySpec.from_draft()
    models = tuple(ModelChoice(id=f"own.a-rather-long-name-{n:03}-v1:0", unlisted=True) for n in range(300))

    def refused():
        with pytest.raises(BuildError):
            build(_with(spec, models))

    benchmark.pedantic(refused, rounds=3)
    with capsys.disabled():
        stats = getattr(benchmark.stats, "stats", None)
        print(
            f"\nrefusal of 300 models {'not timed' if stats is None else f'{stats.median * 1e3:.1f} ms (median)'}"
        )
