"""What is wished for: which documents, on whom, how carefully."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_guard.boundary.builder import Built
    from bedrock_guard.boundary.prompt_rules import PromptRules


@dataclass(frozen=True, slots=True)
class Selection:
    """The users and roles that get the boundary; every way adds to the others.

    Args:
        principals: ARNs, or `user/NAME` and `role/NAME`.
        paths: all users and roles below an IAM path, such as `/team/`.
        tags: all that carry a tag, as key and value.
        groups: the members of IAM groups; a group itself cannot carry a boundary, and who joins later is not bounded.
        limit: more than this many is refused.
    """

    principals: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    limit: int = 25

    @property
    def empty(self) -> bool:
        """Whether nobody is selected."""
        return not (self.principals or self.paths or self.tags or self.groups)

    def words(self) -> str:
        """The selection in words."""
        parts = [
            *self.principals,
            *(f"path {path}" for path in self.paths),
            *(f"tag {key}={value}" for key, value in self.tags),
            *(f"members of group {name}" for name in self.groups),
        ]
        return ", ".join(parts) or "nobody"


@dataclass(frozen=True, slots=True)
class Wish:
    """A change to be planned.

    Args:
        built: the documents of one profile of a spec.
        selection: who gets boundary and deny policies.
        canary: the one who goes first, by ARN or `role/NAME`; by default, of those selected, who had the fewest calls
            in the window that would be refused; the first selected where no window was read.
        operator: ARN of the user or role that will apply; by default the caller.
        break_glass: ARNs of emergency principals, besides those of the spec.
        replace: a boundary that is not ours may be replaced; it is kept for the way back.
        waves: how many principals go together after the canary.
        watch_minutes: how long denials are waited for before each wave.
        most_denials: new denials that are borne.
        valid_hours: how long the plan may be applied.
        scp_targets: organizational units and accounts for the SCPs.
        attach_scps: attach them; without it they are exported only.
        guardrail: the spec's prompt rules, to be made a guardrail with a version.
        region: where the guardrail is; by default the session's.
        enforce: the account enforces that version on every call of the Region.
        keep: further requests that must stay allowed for the canary, as action and resource.
    """

    built: Built
    selection: Selection = field(default_factory=Selection)
    canary: str | None = None
    operator: str | None = None
    break_glass: tuple[str, ...] = ()
    replace: bool = False
    waves: int = 10
    watch_minutes: int = 10
    most_denials: int = 0
    valid_hours: int = 24
    scp_targets: tuple[str, ...] = ()
    attach_scps: bool = False
    guardrail: PromptRules | None = None
    region: str | None = None
    enforce: bool = False
    keep: tuple[tuple[str, str], ...] = ()

    @property
    def documents(self) -> dict[str, Any]:
        """The managed policies by name, the boundary first; none where only what is account-wide is asked for."""
        if self.selection.empty and (self.scp_targets or self.attach_scps or self.guardrail is not None):
            return {}
        kinds = ("boundary", "deny")
        return {p.name: p.document for kind in kinds for p in self.built.packed if p.kind == kind}
