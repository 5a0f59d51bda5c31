"""The documentation page of each control, written from the control itself; `docs/controls` holds the result.

Rewrite the folder with `python -m bedrock_guard.boundary.pages docs/controls`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby

from bedrock_guard.boundary.catalogue import shipped
from bedrock_guard.boundary.controls import CONTROLS, Control, Scope
from bedrock_guard.boundary.export import write
from bedrock_guard.boundary.packing import Item, statement
from bedrock_guard.boundary.scenario_bypasses import bypasses
from bedrock_guard.boundary.scenarios import Setting, full_spec
from bedrock_guard.boundary.spec import BoundarySpec, Controls, Profile

_STANDS = {
    "principal": "In the boundary, or in an identity-based policy attached beside it when the boundary is full.",
    "account": "In the boundary and in an SCP: a boundary on one principal cannot reach it.",
}


def pages() -> dict[str, str]:
    """File name to text, the index first; the JSON Schema of the spec, for editors, is among them."""
    _, profile = full_spec().only()
    stops = _stops(profile)
    return {
        "index.md": _index(),
        "spec.schema.json": f"{json.dumps(BoundarySpec.json_schema(), indent=1)}\n",
        **{f"{control.id}.md": _page(control, profile, stops) for control in CONTROLS},
    }


def _stops(profile: Profile) -> Mapping[str, tuple[str, ...]]:
    """The bypasses that each control stops, as numbered titles."""
    found: dict[str, dict[str, None]] = {}
    for move in bypasses(Setting(profile, shipped())):
        for step in move.steps:
            for control in step.controls:
                found.setdefault(control, {})[f"{move.number}. {move.title}"] = None
    return {control: tuple(titles) for control, titles in found.items()}


def _index() -> str:
    lines = ["# Controls", "", "Each is a switch under `[profile.NAME.controls]`; `true` forbids.", ""]
    family = ""
    for control in sorted(CONTROLS, key=_family_first):
        if control.family != family:
            family = control.family
            lines += [f"## {family}", ""]
        lines.append(f"- [`{control.id}`]({control.id}.md): {control.title}")
        if control is _last_of(family):
            lines.append("")
    return "\n".join(lines)


def _family_first(control: Control) -> tuple[int, int]:
    families = list(dict.fromkeys(c.family for c in CONTROLS))
    return families.index(control.family), CONTROLS.index(control)


def _last_of(family: str) -> Control:
    return [control for control in CONTROLS if control.family == family][-1]


def _page(control: Control, profile: Profile, stops: Mapping[str, tuple[str, ...]]) -> str:
    return "\n".join(
        (
            *_facts(control),
            *_statements(control, profile),
            *_meant(control),
            *_moves(control, stops),
            *_sources(control),
        )
    )


def _facts(control: Control) -> Iterator[str]:
    setting = Controls.model_fields[control.id]
    yield f"# {control.title}"
    yield ""
    yield f"`{control.id}`, {control.family}. {control.why}"
    yield ""
    yield f"**Value.** {' '.join((setting.description or '').split())} Default: `{_default(setting.default)}`."
    yield ""
    yield f"**What it stops.** {control.stops}"
    yield ""
    yield f"**What it does not stop.** {control.leaves}"
    yield ""
    why = f" {control.reach_why}" if control.reach_why else ""
    yield f"**Where it stands.** {_STANDS[control.reach]}{why}"
    yield ""
    if control.exempt:
        yield f"**Exempt in an SCP.** The principals named in `{control.exempt}`, and in `break_glass`."
        yield ""


def _default(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _statements(control: Control, profile: Profile) -> Iterator[str]:
    """The control's statements for the profile of the scorecard."""
    item = Item.of(control, control.rules(Scope(profile, shipped())))
    yield "## Statements"
    yield ""
    yield "For the profile on which the scorecard is tested:"
    yield ""
    yield "```json"
    yield json.dumps([statement([piece]) for piece in item.pieces], indent=2)
    yield "```"
    yield ""


def _meant(control: Control) -> Iterator[str]:
    """What lint finds in the statements, and why it stays."""
    if control.accepted:
        yield "## What lint says of them, and why it is meant"
        yield ""
        for why, found in groupby(control.accepted, key=lambda one: (one.rule, one.place, one.why)):
            values = ", ".join(f"`{one.value.replace('[*]', '*')}`" for one in found if one.value != "*")
            yield f"- `{why[0]}` on `{why[1]}`{f' ({values})' if values else ''}: {why[2]}"
        yield ""


def _moves(control: Control, stops: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    titles = stops.get(control.id, ())
    if titles:
        yield "## Moves it stops, alone or with others"
        yield ""
        yield from (f"- {title}" for title in titles)
        yield ""


def _sources(control: Control) -> Iterator[str]:
    yield "## Sources"
    yield ""
    yield from (f"- <{source}>" for source in control.source)
    yield ""


if __name__ == "__main__":
    write(pages(), sys.argv[1])
