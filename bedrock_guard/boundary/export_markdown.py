"""The scorecard and the build's report as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bedrock_guard.boundary.builder import Built, Room
from bedrock_guard.boundary.catalogue import Catalogue
from bedrock_guard.boundary.controls import by_id
from bedrock_guard.boundary.guardrail import GAPS
from bedrock_guard.boundary.linted import linted
from bedrock_guard.boundary.scorecard import ARRANGEMENTS, HEADINGS, Scorecard
from bedrock_guard.boundary.spec import BoundarySpec

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~"} | {"\n": " ", "\r": " "})


def escaped(text: object) -> str:
    """A text that Markdown shows as it is, on one line."""
    return str(text).translate(_SPECIAL)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |"
    yield ""


_UNBOUND: Final = (
    "No SCP binds the organization's management account: if one of these accounts is it, what an SCP closes is not "
    "closed there."
)


def scorecard(spec: BoundarySpec, built: Built, card: Scorecard, room: Room, catalogue: Catalogue) -> str:
    """The whole page."""
    return "\n".join(
        (
            f"# bedrock-guard: {escaped(built.name)}",
            "",
            *_summary(card),
            *_sizes(built, room),
            *_remarks(spec, built, card),
            *_bypasses(card),
            *_work(card),
            *_placement(built),
            *_lint(built),
            *_limits(spec, built, catalogue),
        )
    )


def _summary(card: Scorecard) -> Iterator[str]:
    rows: list[tuple[object, ...]] = []
    for key in ARRANGEMENTS:
        if key in card.not_built:
            rows.append((HEADINGS[key], "not built", "", "", "", ""))
            continue
        done, total = card.going_on(key)
        states = [card.count(state, key) for state in ("closed", "partly", "not by IAM", "open")]
        rows.append((HEADINGS[key], *states, f"{done} of {total}"))
    yield from _table(("arrangement", "closed", "partly", "not by IAM", "open", "normal work"), rows)
    if card.wider:
        yield escaped(card.wider)
        yield ""


def _sizes(built: Built, room: Room) -> Iterator[str]:
    yield from _table(
        ("document", "characters", "quota"),
        ((s.document, f"{s.characters:,}", f"{s.quota:,}") for s in built.sizes),
    )
    more = (
        f"; {escaped(room.next_model)} would be one too many" if room.next_model else ", the whole catalogue"
    )
    yield f"The largest approved list that fits without an SCP: {room.models} models{more}."
    yield ""


def _remarks(spec: BoundarySpec, built: Built, card: Scorecard) -> Iterator[str]:
    above = [_UNBOUND] if any(packed.kind == "scp" for packed in built.packed) else []
    remarks = [
        *above,
        *built.findings,
        *spec.notes,
        *(f"{HEADINGS[k]}: {why}" for k, why in card.not_built.items()),
    ]
    yield from (f"- {escaped(remark)}" for remark in remarks)
    if remarks:
        yield ""


def _bypasses(card: Scorecard) -> Iterator[str]:
    yield "## Bypasses"
    yield ""
    yield from _table(
        ("#", "move", *HEADINGS.values(), "decided by", "what stays open"),
        (
            (
                row.bypass.number,
                row.bypass.title,
                *(row.states[key] for key in ARRANGEMENTS),
                "; ".join(row.deciding),
                f"{row.why} {f'({row.bypass.instead})' if row.bypass.instead else ''}".strip(),
            )
            for row in card.bypasses
        ),
    )


def _work(card: Scorecard) -> Iterator[str]:
    yield "## Normal work"
    yield ""
    rows = ((row.work.title, *(row.outcomes[key] for key in ARRANGEMENTS), row.deciding) for row in card.work)
    yield from _table(("work", *HEADINGS.values(), "decided by"), rows)


def _placement(built: Built) -> Iterator[str]:
    yield "## Where each control stands"
    yield ""
    rows = ((by_id(one.control).title, one.control, one.document, one.why) for one in built.placement)
    yield from _table(("control", "id", "document", "why there"), rows)


def _lint(built: Built) -> Iterator[str]:
    """What lint finds, and why it is meant; what nobody explained comes first."""
    found = sorted(linted(built), key=lambda noted: bool(noted.accepted))
    yield "## What lint says"
    yield ""
    open_ = sum(not noted.accepted for noted in found)
    yield f"{len(found)} findings, {open_} of them unexplained."
    yield ""
    if found:
        yield from _table(
            ("document", "statement", "rule", "finding", "meant because"),
            (
                (n.document, n.finding.sid or "", n.finding.rule.id, n.finding.message, n.accepted)
                for n in found
            ),
        )


def _limits(spec: BoundarySpec, built: Built, catalogue: Catalogue) -> Iterator[str]:
    yield "## What no IAM statement limits"
    yield ""
    yield "IAM caps no spend, tokens or requests. Set these Service Quotas of Amazon Bedrock, and budgets:"
    yield ""
    for choice in built.profile.models:
        model = catalogue.get(choice.id)
        name = escaped(model.name if model else choice.id)
        scope = "On-demand" if "in-region" in choice.routes else "Cross-region"
        budget = f"; budget {choice.monthly_usd:,} USD a month" if choice.monthly_usd else "; no budget"
        yield f"- {scope} model inference tokens per minute and requests per minute for {name}{budget}"
    if any(choice.monthly_usd for choice in built.profile.models):
        yield ""
        yield "A budget acts when the bill is known, hours after the call; its denial stays until the action is reset."
    if spec.guardrail:
        yield ""
        yield "The guardrail leaves open:"
        yield ""
        yield from (f"- {gap}" for gap in GAPS)
    yield ""
    yield f"Model catalogue of {catalogue.as_of}. {escaped(catalogue.source)}"
    yield ""
    yield from _evidence(built, catalogue)


def _evidence(built: Built, catalogue: Catalogue) -> Iterator[str]:
    """Approved models whose regions or destinations nobody read: a wrong one refuses their calls."""
    found = [catalogue.get(choice.id) for choice in built.profile.models]
    doubtful = [model for model in found if model and not model.evidence.startswith("documented")]
    if doubtful:
        yield "Compare these with GetInferenceProfile before you apply; a destination that is missing refuses the call:"
        yield ""
        yield from (f"- {escaped(model.name)}: {escaped(model.evidence)}" for model in doubtful)
        yield ""
    yield ""
