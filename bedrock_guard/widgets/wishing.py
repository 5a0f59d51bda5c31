"""What a plan is to be made for: who, in which order, and what holds for a whole account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets as t

from bedrock_guard.change.wish import Selection, Wish
from bedrock_guard.errors import GuardError

if TYPE_CHECKING:
    from bedrock_guard.evidence.what_if import WhatIf


class Wishing(t.HasTraits):
    """The fields of the pages Who, How and Account-wide. Each of its traits is wished for: any change ends a plan.

    Attributes:
        picked: ARNs of the ticked users and roles.
        targets: others: ARNs, `user/NAME` or `role/NAME`, one a line or with commas.
        paths, groups, tags: IAM paths, groups and KEY=VALUE tags, with commas.
        canary: who goes first; empty: the first target.
        limit: more targets than this are refused.
        waves, watch_minutes: how many go together after the canary, and how long denials are waited for before.
        break_glass: emergency principals besides those of the spec.
        operator: ARN of who will apply it; empty: the caller.
        replace: a boundary that is not ours may be replaced.
        scp_targets, scp_others: units and accounts for the SCPs, ticked and written.
        attach_scps: the SCPs are attached to them; without it the plan holds the commands only.
        guardrail, enforce: the spec's prompt rules become a guardrail with a version, and are enforced in the Region.
        region: of the guardrail; empty: the session's.

    """

    picked: t.List[Any] = t.List(t.Unicode())
    targets = t.Unicode()
    paths = t.Unicode()
    groups = t.Unicode()
    tags = t.Unicode()
    canary = t.Unicode()
    limit = t.Int(25)
    waves = t.Int(10)
    watch_minutes = t.Int(10)
    break_glass = t.Unicode()
    operator = t.Unicode()
    replace = t.Bool(default_value=False)
    scp_targets: t.List[Any] = t.List(t.Unicode())
    scp_others = t.Unicode()
    attach_scps = t.Bool(default_value=False)
    guardrail = t.Bool(default_value=False)
    enforce = t.Bool(default_value=False)
    region = t.Unicode()

    @property
    def selection(self) -> Selection:
        """Who is named.

        Raises:
            GuardError: nobody is, or a tag is not written as KEY=VALUE.

        """
        pairs = [one.partition("=") for one in _listed(self.tags)]
        if any(not equals for _, equals, _ in pairs):
            raise GuardError("A tag is written KEY=VALUE.", remedy="Mend it under Who.")
        return Selection(
            principals=tuple(dict.fromkeys((*self.picked, *_listed(self.targets)))),
            paths=_listed(self.paths),
            tags=tuple((key, value) for key, _, value in pairs),
            groups=_listed(self.groups),
            limit=self.limit,
        )

    def wish(self, found: WhatIf) -> Wish:
        """What is to be planned of a built choice.

        Raises:
            GuardError: nothing is named, or what is named lacks something.

        """
        selection = self.selection
        scps = tuple(dict.fromkeys((*self.scp_targets, *_listed(self.scp_others))))
        if self.attach_scps and not scps:
            raise GuardError(
                "No unit or account is named for the SCPs.",
                remedy="Tick one under Account-wide, or do not attach.",
            )
        if selection.empty and not scps and not (self.guardrail or self.enforce):
            raise nobody_named()
        rules = found.spec.guardrail if self.guardrail or self.enforce else None
        if rules is None and (self.guardrail or self.enforce):
            raise GuardError("The spec has no guardrail.", remedy="Write one in prompt_guardrail.ipynb.")
        return Wish(
            found.built,
            selection,
            canary=self.canary.strip() or None,
            operator=self.operator.strip() or None,
            break_glass=_listed(self.break_glass),
            replace=self.replace,
            waves=self.waves,
            watch_minutes=self.watch_minutes,
            scp_targets=scps,
            attach_scps=self.attach_scps,
            guardrail=rules,
            region=self.region.strip() or None,
            enforce=self.enforce,
        )


def nobody_named() -> GuardError:
    """What is said where users or roles are asked for and there are none."""
    return GuardError("Nobody is named.", remedy="Tick users or roles under Who, or name a path or a group.")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())
