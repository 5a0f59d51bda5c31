"""The form of a call to try, and its answer, which follows the form and the choice."""

from __future__ import annotations

from html import escape
from typing import Any, Final

import ipywidgets as w
import traitlets as t

from bedrock_guard.errors import GuardError
from bedrock_guard.present.reach import reach
from bedrock_guard.widgets import trying
from bedrock_guard.widgets.choices import Choices, offered_routes
from bedrock_guard.widgets.parts import alert, scrolling, shows_errors, table
from bedrock_guard.widgets.recorded import Recorded, recorded
from bedrock_guard.widgets.trying import Trying, ask

_BLANK: Final = "a call of your own"
_MODEL_FIELDS: Final = ("model", "route", "key_kind", "guardrail", "tier")
_LAUNCH_FIELDS: Final = ("instance_type", "encrypted")
_TONE: Final = {"allowed": "bg-allow", "refused": "bg-deny", "depends": "bg-depends"}


def _routed(routes: list[str]) -> list[tuple[str, str]]:
    """Routes with what each means."""
    means = {"in-region": "the Region itself", "global": "the global profile, anywhere"}
    return [(f"{name}: {means.get(name, 'the profile of this geography')}", name) for name in routes]


class TryView:
    """Fill in a call, or begin with a recorded one."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.trying = Trying()
        self.answer = w.HTML()
        self._recorded = recorded(choices.situation)
        self.begin = w.Dropdown(
            description="Begin with",
            options=[(_BLANK, -1), *((one.words, n) for n, one in enumerate(self._recorded))],
        )
        self.begun = w.HTML()
        self.fields = self._fields()
        self._first()
        for name, field in self.fields.items():
            t.link((self.trying, name), (field, "value"))
        for wide in (self.begin, self.begun, self.fields["caller"], self.fields["model"]):
            wide.add_class("bg-whole")
        form = w.Box([self.begin, self.begun, *self.fields.values()])
        form.add_class("bg-form")
        self.widget = scrolling(form, self.answer)
        follow = shows_errors(self.answer)(lambda _change=None: self.follow())
        self.trying.observe(follow)
        self.begin.observe(shows_errors(self.answer)(self._take), names="value")
        self.follow()

    def follow(self) -> None:
        """Answer the form under the present choice."""
        self._arrange()
        self._tell_begun()
        self.fields["caller"].tooltip = self.trying.caller
        found = self._choices.what_if
        if found is None:
            self.answer.value = alert(self._choices.problem or GuardError("There is no boundary yet."))
            return
        situation = self._choices.situation
        if self.trying.impossible:
            self.answer.value = (
                f"<p role='status' aria-live='polite' class='bg-depends'>{escape(self.trying.impossible)}</p>"
            )
            return
        given = ask(self.trying, found.built, situation.catalogue, situation.account.management)
        stale = alert(self._choices.problem) if self._choices.problem else ""
        reached = reach(
            self.trying.caller,
            found.built.profile,
            situation.account.management,
            given.documents,
            carried=given.carried,
        )
        tone = _TONE[given.verdict.outcome]
        self.answer.value = (
            f"{stale}<p role='status' aria-live='polite' class='{tone}'>{escape(given.sentence)}</p>"
            f"<p class='bg-quiet'>{escape(reached)}</p>{table(given.table())}"
        )

    def _tell_begun(self) -> None:
        """The recorded way in whole: a closed list cuts it. A call that was changed since is one of your own."""
        if self.begin.value >= 0 and not self._is(self._recorded[self.begin.value]):
            self.begin.value = -1
        words = self._recorded[self.begin.value].words if self.begin.value >= 0 else ""
        self.begun.value = f"<p class='bg-quiet'>{escape(words)}</p>" if words else ""

    def _is(self, one: Recorded) -> bool:
        """Whether the form still holds a recorded way."""
        now = self.trying
        held = (
            now.caller,
            now.operation,
            now.region,
            now.model,
            now.route,
            now.key_kind,
            now.guardrail,
            now.tier,
        )
        way = (one.principal, one.operation, one.region, one.model, one.route, one.key_kind, "", "not named")
        return held == way

    def _fields(self) -> dict[str, w.Widget]:
        situation, profile = self._choices.situation, self._choices.profile
        callers = sorted({one.principal for one in self._recorded} | set(profile.targets))
        regions = sorted({*profile.regions, *(one.region for one in self._recorded)})
        models = [(f"{row.name} ({row.model_id})", row.model_id) for row in situation.model_rows()]
        types = sorted({*self._choices.offered_types(), *self._choices.instance_types, "t3.micro"})
        fields: dict[str, w.Widget] = {
            "caller": w.Combobox(description="Caller", options=callers, ensure_option=False),
            "operation": w.Dropdown(description="Operation", options=list(trying.OPERATIONS)),
            "model": w.Dropdown(description="Model", options=models),
            "route": w.Dropdown(description="Route", options=_routed(["in-region"])),
            "region": w.Dropdown(description="Region", options=regions),
            "key_kind": w.Dropdown(description="Key", options=list(trying.KEY_KINDS.items())),
            "guardrail": w.Text(
                description="Guardrail", placeholder="none; or id:version", continuous_update=False
            ),
            "tier": w.Dropdown(description="Tier", options=list(trying.TIERS)),
            "instance_type": w.Combobox(description="EC2 type", options=types, ensure_option=False),
            "encrypted": w.Dropdown(description="Volume", options=list(trying.ENCRYPTED.items())),
        }
        return fields

    def _first(self) -> None:
        """Begin with the most frequent recorded call, or with the first model."""
        self.trying.caller = f"arn:aws:iam::{self._choices.profile.accounts[0]}:role/developer"
        self.trying.model, self.trying.region = (
            self.fields["model"].options[0][1],
            self._choices.profile.regions[0],
        )
        if self._recorded:
            self.begin.value = 0
            self._fill(self._recorded[0])
        self.fields["route"].options = _routed(self._routes(self.trying.model, self.trying.route))

    def _take(self, event: Any) -> None:
        if event["new"] >= 0:
            self._fill(self._recorded[event["new"]])

    def _fill(self, one: Recorded) -> None:
        with self.trying.hold_trait_notifications():
            self.fields["route"].options = _routed(self._routes(one.model, one.route))
            self.trying.caller, self.trying.operation, self.trying.region = (
                one.principal,
                one.operation,
                one.region,
            )
            self.trying.model, self.trying.route, self.trying.key_kind = one.model, one.route, one.key_kind
            self.trying.guardrail, self.trying.tier = "", "not named"

    def _routes(self, model: str, also: str = "in-region") -> list[str]:
        found = offered_routes(self._choices.situation, self._choices.profile, model)
        return list(dict.fromkeys([*found, also]))

    def _arrange(self) -> None:
        """Show the fields that this operation has, and the routes that this model has."""
        launch, iam = (
            self.trying.operation == trying.LAUNCH,
            trying.OPERATIONS[self.trying.operation] == "iam",
        )
        for names, shown in ((_LAUNCH_FIELDS, launch), (_MODEL_FIELDS, not launch and not iam)):
            for name in names:
                self.fields[name].layout.display = None if shown else "none"
        routes = _routed(self._routes(self.trying.model, self.trying.route))
        if list(self.fields["route"].options) != routes:
            self.fields["route"].options = routes
