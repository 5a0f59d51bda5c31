"""Calls replayed under a boundary: which would have been refused, by which control, and which hang on an unknown.

`cube` makes the history once; `Reach` says where the documents of a build hold, `Documents` takes policies that no spec
made. `Cube.judge` does the rest.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bedrock_guard.boundary.open_resource import RESOURCE
from bedrock_guard.boundary.verdict import AuthorisationVerdict, Judge, Side, contexts_of, tipping
from bedrock_guard.evidence.cube import Cube
from bedrock_guard.evidence.cube_asked import ADDRESS
from bedrock_guard.evidence.tuples import KEY
from bedrock_guard.iam.document import ALLOW_ALL
from bedrock_guard.iam.evaluator import Decision, Evaluator, Policy, compile_policies

if TYPE_CHECKING:
    from bedrock_guard.boundary.builder import Built
    from bedrock_guard.boundary.calls import Authorisation, Call
    from bedrock_guard.boundary.catalogue import Catalogue
    from bedrock_guard.boundary.verdict import CallVerdict

__all__ = ["KEY", "Cube", "DocumentSide", "Documents", "Reach", "cube", "decide"]

_OUTCOMES: Final = {"allowed": "allowed", "implicitDeny": "refused", "explicitDeny": "refused"}


def cube(calls: pd.DataFrame, catalogue: Catalogue) -> Cube:
    """Make the cube of a calls table, or of the tuples that a store or an engine has counted.

    Raises:
        MissingColumns: the frame is neither.

    """
    return Cube.of(calls, catalogue)


def decide(made: Cube, reach: Reach | Documents) -> pd.DataFrame:
    """The cube's rows with `verdict`, `control`, `sid` and `hangs_on`: `Judged.frame`."""
    return made.judge(reach).frame


@dataclass(frozen=True)
class Reach:
    """Where the documents of a build hold: in the profile's accounts, and no SCP in the management account.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html

    Args:
        built: the documents.
        management: the management account; None when it is not known, and then SCPs are taken to hold everywhere.
        at: the moment for which dated exceptions count (UTC).

    """

    built: Built
    management: str | None = None
    at: datetime | None = None

    @cached_property
    def _member(self) -> Judge:
        return Judge(self.built)

    @cached_property
    def _managing(self) -> Judge:
        return Judge(self.built, ("boundary", "deny"))

    @property
    def whom(self) -> Hashable:
        """Equal for two reaches that put the same callers under the same documents and see them alike."""
        return self.built.profile.accounts, self.management, self._member.whom

    def judging(self, account: str | None) -> Judge | None:
        """The judge of an account's calls; None where no document holds."""
        if account not in self.built.profile.accounts:
            return None
        return self._managing if account == self.management else self._member

    def side(self, account: str, principal: str) -> Side | None:
        """The documents that hold for a caller; None where none does."""
        judge = self.judging(account)
        return judge.side(principal) if judge else None

    def asker(self, account: str, principal: str) -> str:
        """The caller as the documents' tests see it: the role of a session, where the profile names it."""
        judge = self.judging(account)
        return judge.asker(principal) if judge else principal

    def judge(self, call: Call, catalogue: Catalogue, *, bounded: bool | None = None) -> CallVerdict | None:
        """The verdict of a call; None where no document holds."""
        judge = self.judging(call.account)
        return judge.call(replace(call, time=self.at), catalogue, bounded=bounded) if judge else None


class DocumentSide:
    """Any policies in force together, asked about one authorisation at a time."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._tested = evaluator.program.columns
        self._always = {
            (one.layer, one.document, one.index) for one in evaluator.statements if one.resource.always
        }

    def judge(self, entry: Authorisation) -> AuthorisationVerdict:
        """The answer to one authorisation; `document` names the layer and the document's place in it."""
        asked = contexts_of(entry, self._tested)
        found = [(chosen, self._one(entry, context)) for chosen, context in asked]
        worst = next((one for _, one in found if one.outcome != "allowed"), found[0][1])
        if len({one.outcome for _, one in found}) == 1:
            return worst
        keys = tipping(entry, self._tested, {chosen: one.outcome for chosen, one in found})
        return replace(worst, outcome="depends", keys=worst.keys | keys)

    def about(self, action: str) -> Hashable:
        """Equal for two sides that answer alike whatever is asked about an action."""
        return self.evaluator.layers, tuple(
            (one.layer, one.level, one.document, one.index, one.version, one.statement)
            for one in self.evaluator.about(action)
        )

    def alike(self, action: str, patterns: Sequence[str]) -> Sequence[Hashable]:  # noqa: ARG002 - any action
        """Every pattern is a resource of its own name to the evaluator."""
        return patterns

    def _one(self, entry: Authorisation, context: Any) -> AuthorisationVerdict:
        unknown = {key for key in entry.unknown if key.lower() in self._tested}
        known = {key: value for key, value in context.items() if key not in unknown}
        if unknown:
            answer = self.evaluator.depends_on(entry.action, entry.resource, known, unknown=unknown)
            if answer.verdict is None:
                return AuthorisationVerdict(entry, "depends", keys=answer.keys)
        decision = self.evaluator.decide(entry.action, entry.resource, known)
        if not entry.resource_known and not self._surely(entry, decision):
            return AuthorisationVerdict(entry, "depends", keys=frozenset({RESOURCE}))
        if decision.verdict == "allowed":
            return AuthorisationVerdict(entry, "allowed")
        document = None if decision.document is None else f"{decision.layer} {decision.document}"
        named = _named(decision)
        return AuthorisationVerdict(entry, "refused", decision.layer, document, decision.sid, named)

    def _surely(self, entry: Authorisation, decision: Decision) -> bool:
        """Whether a decision holds for every resource: none of the statements about the action looks at it."""
        place = (decision.layer, decision.document, decision.statement)
        if decision.verdict == "explicitDeny" and place in self._always:
            return True
        return all(one.resource.always for one in self.evaluator.about(entry.action))


def _named(decision: Decision) -> str:
    """What refuses, in place of a control: the statement by its Sid or place, or the layer that allows nothing."""
    if decision.statement is None:
        return f"{decision.layer}: nothing allows it"
    return f"{decision.layer}: {decision.sid or f'statement {decision.statement + 1}'}"


@dataclass(frozen=True)
class Documents:
    """Policies that no spec made, holding for every caller.

    Args:
        boundary: the permissions boundary; None is none.
        identity: the identity policies; by default they allow everything, so that the others alone decide.
        scps: levels of service control policies, root first.
        management: the management account, which SCPs do not bind.
        at: the moment that aws:CurrentTime holds (UTC); None when it is not known.

    Example:
        >>> deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}}
        >>> Documents(boundary=deny).side("111122223333", "").evaluator.decide("bedrock:ListAgents", "*", {}).verdict
        'explicitDeny'

    """

    boundary: Policy | None = None
    identity: Sequence[Policy] = field(default=(ALLOW_ALL,))
    scps: Sequence[Policy | Sequence[Policy]] = ()
    management: str | None = None
    at: datetime | None = None

    @cached_property
    def _member(self) -> DocumentSide:
        return DocumentSide(compile_policies(list(self.identity), self.boundary, list(self.scps) or None))

    @property
    def tests_addresses(self) -> bool:
        """Whether a statement tests aws:SourceIp, so that calls must be told apart by it."""
        return ADDRESS in self._member.evaluator.program.columns

    @property
    def whom(self) -> Hashable:
        """Equal for two that put the same callers under the same documents."""
        return self.management, bool(self.scps)

    @cached_property
    def _managing(self) -> DocumentSide:
        return (
            DocumentSide(compile_policies(list(self.identity), self.boundary)) if self.scps else self._member
        )

    def side(self, account: str, principal: str) -> DocumentSide:  # noqa: ARG002 - every principal alike
        """The documents that hold for a caller."""
        return self._managing if account == self.management else self._member

    def asker(self, account: str, principal: str) -> str:  # noqa: ARG002 - nothing is known of other names
        """The caller as it is."""
        return principal
