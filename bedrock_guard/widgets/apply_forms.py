"""What a change is for: who, how carefully, and what is account-wide. Forms bound to `Applying`."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as w
import traitlets as t

from bedrock_guard.evidence.what_if import short_name
from bedrock_guard.present import people as show
from bedrock_guard.widgets.applying import Applying
from bedrock_guard.widgets.elements import PickList
from bedrock_guard.widgets.parts import row, shows_errors, status

_LAZY: Final = {"continuous_update": False}


def _form(*fields: w.Widget) -> w.Box:
    box = w.Box(fields)
    box.add_class("bg-form")
    return box


def _link(applying: Applying, fields: dict[str, w.Widget]) -> None:
    for name, field in fields.items():
        t.link((applying, name), (field, "value"))


class WhoForm:
    """Users and roles to tick, those taken from the evidence, and others by name, path, group or tag."""

    def __init__(self, applying: Applying) -> None:
        self._applying = applying
        self.told, self.said = w.HTML(), w.HTML()
        self.list = PickList("users and roles", [], search="name, path or ARN", orders=show.ORDERS)
        t.link((applying, "picked"), (self.list, "picked"))
        self.hit = w.Button(description="Tick those from Callers hit")
        self.bounded = w.Button(description="Tick the roles of the spec's paths")
        self.none = w.Button(description="Untick all")
        self.again = w.Button(description="Read them again")
        self.fields = {
            "targets": w.Textarea(
                description="Others", placeholder="role/NAME, user/NAME or ARNs, one a line", rows=2, **_LAZY
            ),
            "paths": w.Text(description="IAM path", placeholder="such as /team/", **_LAZY),
            "groups": w.Text(description="Groups", placeholder="their members of now", **_LAZY),
            "tags": w.Text(description="Tags", placeholder="KEY=VALUE", **_LAZY),
        }
        _link(applying, self.fields)
        self._bind()
        self.widget = w.VBox(
            [
                row(self.hit, self.bounded, self.none, self.again),
                self.told,
                self.said,
                self.list.within(),
                _form(*self.fields.values()),
            ]
        )

    def _bind(self) -> None:
        roster, guarded = self._applying.roster, shows_errors(self.said)
        self.hit.on_click(guarded(lambda _: self._take(roster.from_hits(replace=self._applying.replace))))
        self.bounded.on_click(
            guarded(lambda _: self._take(roster.from_bounded_roles(replace=self._applying.replace)))
        )
        self.none.on_click(guarded(lambda _: self._clear()))
        self.again.on_click(guarded(lambda _: roster.read(again=True)))
        roster.observe(lambda _: self.follow(), names="people")
        roster.job.observe(lambda _: self._tell(), names=["state", "message"])
        self._applying.observe(lambda _: self._tell(), names="picked")

    def _take(self, taken: show.Taken) -> None:
        self._applying.picked = list(dict.fromkeys((*self._applying.picked, *taken.arns)))
        self.said.value = status(taken.words)

    def _clear(self) -> None:
        self._applying.picked = []
        self.said.value = status("Nobody is ticked.")

    def follow(self) -> None:
        """List who was read, with what the present choice would refuse them."""
        rows = self._applying.roster.rows
        if rows != self.list.rows:
            self.list.rows = rows
        self._tell()

    def _tell(self) -> None:
        roster = self._applying.roster
        self.hit.disabled = self.bounded.disabled = roster.people is None
        self.again.disabled = roster.job.busy or self._applying.account is None
        known = {row["id"] for row in self.list.rows}
        lost = [arn for arn in self._applying.picked if arn not in known] if known else []
        unknown = f" Ticked and not in this account: {', '.join(lost[:5])}." if lost else ""
        problem = roster.job.problem
        failed = f" {problem.what} {problem.remedy}" if problem else ""
        self.told.value = status(f"{roster.words}{unknown}{failed}")


class HowForm:
    """How carefully: who goes first, how many at a time, how long is watched, who applies, where it is kept."""

    def __init__(self, applying: Applying) -> None:
        self._applying = applying
        self.told = w.HTML()
        self.fields: dict[str, w.Widget] = {
            "canary": w.Combobox(
                description="First",
                placeholder="the canary; empty: whom it hits least",
                ensure_option=False,
                **_LAZY,
            ),
            "limit": w.BoundedIntText(description="At most", min=1, max=10_000),
            "waves": w.BoundedIntText(description="At a time", min=1, max=1_000),
            "watch_minutes": w.BoundedIntText(description="Watch (min)", min=0, max=1_440),
            "break_glass": w.Text(
                description="Break-glass", placeholder="besides the spec's, by ARN", **_LAZY
            ),
            "operator": w.Text(
                description="Applied by", placeholder="ARN of a user or role; empty: you", **_LAZY
            ),
            "folder": w.Text(description="Folder", placeholder="of plan and journal", **_LAZY),
            "replace": w.Checkbox(description=show.REPLACE, indent=False),
        }
        _link(applying, self.fields)
        applying.observe(lambda _: self._offer(), names="picked")
        self._offer()
        self.widget = w.VBox(
            [
                w.HTML(
                    "<p>One goes first, the canary: what it may do is asked before and after, and then a person is "
                    "waited for. Unless you name it, it is who has the fewest calls that would be refused, and calls "
                    "at all if there is such: no new denial is borne, so one whose work is refused stops the change. "
                    "The others follow, so many at a time, each time after a watch: a new denial in CloudTrail stops "
                    "the change.</p>"
                ),
                _form(*self.fields.values()),
                self.told,
            ]
        )

    def _offer(self) -> None:
        """Whoever is ticked may go first; who must stay able to undo is named."""
        self.fields["canary"].options = tuple(_plain(arn) for arn in self._applying.picked)
        free = ", ".join(map(short_name, self._applying.choices.profile.break_glass)) or "nobody"
        self.told.value = status(f"Break-glass by the spec, never bounded: {free}.")


def _plain(arn: str) -> str:
    """As `user/NAME` or `role/NAME`, which a plan reads."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return f"{kind}/{rest.rpartition('/')[2]}"


class WideForm:
    """What binds more than those ticked: SCPs on units and accounts, a guardrail enforced in a Region."""

    def __init__(self, applying: Applying) -> None:
        self._applying = applying
        self.told = w.HTML()
        self.list = PickList("units and accounts", [], search="id or name")
        t.link((applying, "scp_targets"), (self.list, "picked"))
        self.scps: dict[str, w.Widget] = {
            "scp_others": w.Text(description="Others", placeholder="ou-... or account ids", **_LAZY),
            "attach_scps": w.Checkbox(description="Attach the SCPs to them", indent=False),
        }
        self.guardrail: dict[str, w.Widget] = {
            "guardrail": w.Checkbox(description="Make the guardrail and a version", indent=False),
            "enforce": w.Checkbox(description="Enforce it on every call of the Region", indent=False),
            "region": w.Text(description="Region", placeholder="of the guardrail; empty: yours", **_LAZY),
        }
        _link(applying, self.scps | self.guardrail)
        applying.roster.observe(lambda _: self.follow(), names=["organization", "lacking"])
        applying.observe(
            lambda _: self._tell(), names=["scp_targets", "attach_scps", "guardrail", "enforce", "region"]
        )
        applying.choices.observe(lambda _: self._tell(), names="what_if")
        self.follow()
        self.widget = w.VBox(
            [
                w.HTML("<h3>Service control policies</h3>"),
                w.HTML(
                    "<p>They hold what a boundary on one principal cannot reach, and bind everybody in the accounts "
                    "that the target covers, but for the management account and service-linked roles. Without "
                    "“Attach” the plan writes the commands down and does nothing.</p>"
                ),
                self.list.within(),
                _form(*self.scps.values()),
                w.HTML("<h3>Guardrail</h3>"),
                _form(*self.guardrail.values()),
                self.told,
            ]
        )

    def follow(self) -> None:
        """List where SCPs can be attached."""
        found = self._applying.roster.organization
        rows: list[dict[str, Any]] = show.targets(found) if found else []
        if rows != self.list.rows:
            self.list.rows = rows
        self._tell()

    def _tell(self) -> None:
        self.told.value = "".join(status(line) for line in self._words())

    def _words(self) -> list[str]:
        applying, found = self._applying, self._applying.roster.organization
        lines = []
        if found is not None and found.why:
            lines.append(
                f"Units and accounts are not known ({found.why}): write their ids under Others. "
                "They are listed from the management account."
            )
        if found is not None and applying.scp_targets:
            covered = "; ".join(found.covers(one) for one in applying.scp_targets)
            lines.append(f"{'To be attached' if applying.attach_scps else 'Only written down'}: {covered}.")
            if applying.attach_scps:
                lines.append(applying.roster.may_attach("SCPs"))
        choice = applying.choices.what_if
        rules = choice.spec.guardrail if choice else None
        if rules is None:
            lines.append("The spec has no guardrail: prompt_guardrail.ipynb makes one.")
        elif applying.enforce:
            lines.append(
                f"{rules.name} would be enforced on every Bedrock call of {applying.region.strip() or 'your Region'} "
                "in this account, whoever makes it."
            )
        elif applying.guardrail:
            lines.append(f"{rules.name} binds nobody until calls name it or it is enforced.")
        if applying.guardrail or applying.enforce:
            lines.append(applying.roster.may_attach("the guardrail"))
        return [line for line in lines if line] or [
            "Nothing account-wide is asked for: only those under Who change."
        ]
