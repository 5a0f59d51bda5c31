"""A plan in words, for a pull request and a terminal; and its way back as a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bedrock_guard.boundary.controls import titles
from bedrock_guard.change.steps_pause import Gate
from bedrock_guard.evidence.adding import cents, column, nearest
from bedrock_guard.evidence.tables import dollars, total
from bedrock_guard.evidence.words import accounts_words, many

if TYPE_CHECKING:
    from bedrock_guard.change.plan_file import Effect, History, Hit, Plan

_SHOWN = 12
_PARTS = (
    "refused_usd", "stranded_usd", "depends_usd", "others_usd", "unread_usd", "unseen_usd", "elsewhere_usd",
)  # fmt: skip
"""What the sentence of a window is made of."""
_FLOORS = ("refused_usd", "depends_usd", "others_usd")
"""Dollars that callers are named for, who spent at least so much."""
_VERDICTS = {"allowed": "allowed", "implicitDeny": "not allowed", "explicitDeny": "denied"}


def review(plan: Plan) -> str:
    """The plan as Markdown. What comes from AWS stands in code spans."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield f"# Plan {plan.id[:12]}"
    yield ""
    yield f"Account {plan.account} ({plan.partition}, {plan.region}), to be applied by {_code(plan.operator)}."
    yield f"Made {plan.made:%Y-%m-%d %H:%M} UTC, valid until {plan.expires:%Y-%m-%d %H:%M} UTC."
    yield (
        f"Selected: {_code(plan.selection)}: {plan.selected:,} of {plan.users + plan.roles:,} users and roles "
        f"(limit {plan.limit:,})."
    )
    if plan.bystanders:
        yield f"Not selected and changed all the same: {_code(', '.join(plan.bystanders))}."
    yield from ("", "## Steps", "")
    yield from (f"{number}. {step.words()}" for number, step in enumerate(plan.steps, start=1))
    if not plan.steps:
        yield _nothing(plan)
    else:
        yield from ("", "To apply it, type:", "", f"    {plan.phrase}")
    gates = [step for step in plan.steps if isinstance(step, Gate)]
    if gates:
        yield from ("", "It stops at its gates until these are typed:", "")
        yield from (f"    {plan.gate_phrase(gate)}" for gate in gates)
    yield from ("", "## What changes", "")
    for effect in plan.effects:
        yield from _effect(effect)
    yield from _history(plan)
    yield from ("## Other judges", "")
    for opinion in plan.opinions:
        state = (
            f"asked {opinion.asked}, {len(opinion.differs)} differ" if opinion.available else "not available"
        )
        yield f"- {opinion.judge}: {state}{f' ({opinion.note})' if opinion.note else ''}"
        yield from (f"  - {_code(text)}" for text in opinion.differs[:_SHOWN])
    yield from ("", "## Risks", "", *(f"- {risk}" for risk in plan.risks))
    if plan.exports:
        yield from ("", "## Not done by this plan", "", *(f"    {line}" for line in plan.exports))
    yield from ("", "## The way back, by hand", "", *(f"    {line}" for line in plan.rollback_commands))


def _nothing(plan: Plan) -> str:
    """Why a plan has no step: what it was asked for is there, or is for others to run."""
    if plan.exports and not plan.selected:
        return "Nothing is done by this plan: its commands are for whoever may run them."
    return "Nothing is to be done: the account is as the spec asks."


def _effect(effect: Effect) -> Iterator[str]:
    names = ", ".join(effect.who[:_SHOWN]) + (
        f" and {len(effect.who) - _SHOWN} more" if len(effect.who) > _SHOWN else ""
    )
    counts = f"{effect.closes} kinds of request close, {effect.opens} open"
    yield f"**{_code(names)}** (now {_code(effect.former)}): {counts}."
    if effect.incomplete:
        yield "There may be more differences than were found."
    yield ""
    yield from (f"- {_difference(one)}" for one in flips(effect)[:_SHOWN])
    rest = len(effect.differences) + effect.left_out - _SHOWN
    if rest > 0:
        yield f"- and {rest} more, in the plan file"
    yield ""


@dataclass(frozen=True, slots=True)
class Flip:
    """A kind of request whose verdict changes, in words, and one request that shows it."""

    now: str
    after: str
    actions: tuple[str, ...]
    example: str

    @property
    def named(self) -> str:
        """The first actions, and how many more."""
        more = f" and {len(self.actions) - 3} more" if len(self.actions) > 3 else ""
        return ", ".join(self.actions[:3]) + more


def flips(effect: Effect) -> tuple[Flip, ...]:
    """What changes for a group, what opens first."""
    opening = [one for one in effect.differences if one["after"] == "allowed"]
    return tuple(map(_flip, (*opening, *(one for one in effect.differences if one not in opening))))


def _flip(one: Mapping[str, Any]) -> Flip:
    witness = one["witness"]
    given = ", ".join(f"{key} = {value}" for key, value in witness["context"].items())
    example = f"{witness['action']} on {witness['resource']}" + (f" with {given}" if given else "")
    return Flip(_VERDICTS[one["before"]], _VERDICTS[one["after"]], tuple(one["actions"]), example)


def _difference(one: Flip) -> str:
    return f"{one.now} now, {one.after} after: {_code(one.named)}; for example {_code(one.example)}"


def _history(plan: Plan) -> Iterator[str]:
    yield from ("## Who was active", "")
    seen = plan.history
    if seen is None:
        yield from ("Unknown: past calls were not looked at.", "")
        return
    yield f"{seen.window}: {history_words(seen)}"
    yield ""
    hits, others = rows(seen)
    yield from map(_hit, hits)
    if not seen.hits:
        yield "Nobody whom the change touches would have been refused a call."
    yield ""
    if seen.others:
        yield from (
            "Hit by the same documents, and not touched by this plan:",
            "",
            *map(_hit, others),
            "",
        )


def _hit(hit: Hit) -> str:
    parts = [many(hit.calls, "call")] if hit.calls else []
    parts += [f"{_least(hit.refused_usd)} refused"]
    known = hit.refused_usd is not None
    parts += [f"{usd(hit.stranded_usd)} stranded"] if known and _some(hit.stranded_usd) else []
    parts += [f"the last on {hit.last_call[:10]}", f"by: {titles(hit.controls)}"] if hit.last_call else []
    return f"- {_code(hit.principal)}: {', '.join(parts)}"


def _least(value: str | None) -> str:
    """A caller's dollars: a floor, but for nothing, which is said as such."""
    return f"at least {usd(value)}" if value is not None and Decimal(value) else usd(value)


def history_words(seen: History) -> str:
    """The dollars of a window in a sentence: of those whom the change touches, of all others, and of nobody known.

    Together they are what the whole choice refuses, strands or leaves open, where the change leaves no document out.
    """
    amounts = {name: getattr(seen, name) for name in _PARTS}
    shown, adds_up = _shown(seen)
    accounts = f"{many(len(seen.elsewhere), 'account')} of the profile ({', '.join(seen.elsewhere)})"
    words = {
        "refused_usd": "of those touched would have been refused",
        "unread_usd": f"is of {accounts_words(seen.unread or ('unknown',))}: calls not read",
        "stranded_usd": "of their commitments would be paid although refused",
        "depends_usd": "of theirs hang on what is not known",
        "others_usd": "that the same documents would hit is other callers', whom nothing here touches",
        "unseen_usd": "has no caller known, and is hit as far as it is theirs",
        "elsewhere_usd": f"is of {accounts} that this change does not reach: only a plan made there does",
    }
    said = [
        f"{_amount(name, shown.get(name))} {words[name]}"
        for name in _PARTS
        if name == "refused_usd" or _some(amounts[name])
    ]
    sum_ = f" Together {usd(seen.choice_usd)}, as under Callers hit." if adds_up else ""
    return f"{'; '.join(said)}.{sum_}"


def _shown(seen: History) -> tuple[dict[str, Decimal], bool]:
    """The amounts of the sentence that are known, in cents, and whether they are all of the choice."""
    amounts = {name: getattr(seen, name) for name in _PARTS}
    known = {name: Decimal(value) for name, value in amounts.items() if value is not None}
    whole = None if seen.choice_usd is None else Decimal(seen.choice_usd)
    adds_up = len(known) == len(_PARTS) and total(known.values()) == whole
    return (cents(known) if adds_up else {name: nearest(value) for name, value in known.items()}), adds_up


def rows(seen: History) -> tuple[tuple[Hit, ...], tuple[Hit, ...]]:
    """Those touched and the others, in cents that add up to the sentence's wherever the exact dollars do."""
    whole, _ = _shown(seen)
    hits = _fitted(seen.hits, ("refused_usd",), seen.refused_usd, whole.get("refused_usd"))
    hits = _fitted(hits, ("stranded_usd",), seen.stranded_usd, whole.get("stranded_usd"))
    both = ("refused_usd", "stranded_usd")
    return hits, _fitted(seen.others, both, seen.others_usd, whole.get("others_usd"))


def _fitted(
    hits: tuple[Hit, ...], names: tuple[str, ...], exact: str | None, whole: Decimal | None
) -> tuple[Hit, ...]:
    amounts = {(at, name): getattr(hit, name) for at, hit in enumerate(hits) for name in names}
    known = {place: Decimal(value) for place, value in amounts.items() if value is not None}
    adds_up = exact is not None and total(known.values()) == Decimal(exact)
    shown = column([*known.values()], whole) if adds_up else map(nearest, known.values())
    fitted = dict(zip(known, shown, strict=True))
    texts = {place: str(value) for place, value in fitted.items()}
    return tuple(
        hit.model_copy(update={name: texts[at, name] for name in names if (at, name) in texts})
        for at, hit in enumerate(hits)
    )


def _amount(name: str, shown: Decimal | None) -> str:
    least = "at least " if name in _FLOORS and shown else ""
    return "unknown dollars" if shown is None else f"{least}{dollars(shown)}"


def usd(value: str | None) -> str:
    """Money of a plan for people."""
    return "unknown dollars" if value is None else dollars(Decimal(value))


def _some(value: str | None) -> bool:
    """Whether there is something to say of an amount: it is not nothing, or not known."""
    return value is None or bool(Decimal(value))


def _code(text: str) -> str:
    """Text from AWS in a code span, on one line, whatever is in it."""
    return f"`{' '.join(text.replace('`', '').split())}`"


def rollback_script(plan: Plan) -> str:
    """The way back without this kit. Run the lines of what was done, each once, and the last one."""
    head = (
        "#!/usr/bin/env bash",
        f"# The way back of plan {plan.id[:12]} in account {plan.account}, in this order.",
        "# Run each line once, and only if its step was done: some name a version by its being the newest.",
        "# The last one takes the marker down; while it is up, no other change can begin.",
        "set -u",
    )
    return "\n".join((*head, *plan.rollback_commands))
