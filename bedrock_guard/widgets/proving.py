"""What is proved of a choice: its scorecard, what it changes against what is deployed, lint, sizes. Cancellable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_guard.account.deployed import Deployed
from bedrock_guard.boundary.builder import Built, Size
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.linted import Noted, linted
from bedrock_guard.boundary.scorecard import Scorecard, score
from bedrock_guard.boundary.spec import BoundarySpec
from bedrock_guard.iam.compare import Comparison, PolicySet, Universe, compare
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.widgets.jobs import Tick


@dataclass(frozen=True)
class Proof:
    """What was proved of one spec; `seconds` is how long that took.

    `deployed` is what it was compared with; None where no account was asked, and then with nothing at all.
    """

    spec: BoundarySpec
    built: Built
    sizes: tuple[Size, ...]
    findings: tuple[Noted, ...]
    deployed: Deployed | None
    comparison: Comparison
    card: Scorecard
    seconds: float


def prove(
    spec: BoundarySpec,
    built: Built,
    catalogue: Catalogue,
    deployed: Deployed | None,
    management: str | None,
    tick: Tick,
) -> Proof:
    """Prove a spec, quick things first; `tick` is called before each step and may stop it.

    `management` is the organization's management account, which no SCP binds.
    """
    start = time.perf_counter()
    looking, comparing = "Looking for mistakes in the documents.", "Comparing with what is deployed."
    tick(looking)
    findings = linted(built, tick=lambda: tick(looking))
    tick(comparing)
    comparison = compared(deployed, built, tick=lambda: tick(comparing))
    trying = "Trying the known ways round, and the work that must go on."
    tick(trying)
    card = score(spec, catalogue, profile=built.name, management=management, tick=lambda: tick(trying))
    tick("Done.")
    return Proof(spec, built, built.sizes, findings, deployed, comparison, card, time.perf_counter() - start)


def compared(deployed: Deployed | None, built: Built, tick: Callable[[], None] | None = None) -> Comparison:
    """What the boundary and its deny policies would decide differently from those deployed, for all their actions."""
    before = deployed.documents if deployed else {}
    kept = {packed.name: packed.document for packed in built.packed if packed.kind != "scp"}
    if before == kept:
        return Comparison((), incomplete=False, keys=(), cells=0, actions=0)
    boundary = before.get(built.profile.boundary_name)
    denies = [document for name, document in sorted(before.items()) if name != built.profile.boundary_name]
    old = PolicySet.of([ALLOW_ALL, *denies], boundary)
    new = PolicySet.of([ALLOW_ALL, *built.denies], built.boundary)
    documents = [*before.values(), *built.denies, *filter(None, [built.boundary])]
    patterns = sorted({pattern for document in documents for pattern in _actions(document)})
    return compare(old, new, Universe.of(*patterns), tick=tick)


def _actions(document: Mapping[str, Any]) -> list[str]:
    """The action patterns of the statements that deny."""
    found: list[str] = []
    for statement in document["Statement"]:
        actions = (
            statement.get("Action", statement.get("NotAction", [])) if statement["Effect"] == "Deny" else []
        )
        found += [actions] if isinstance(actions, str) else actions
    return found
