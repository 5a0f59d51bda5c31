"""Whom and what a change can be for, and what the caller may do: read once, when it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import traitlets as t
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.organization import Organization, read_organization
from bedrock_guard.account.pages import code_of
from bedrock_guard.account.principals import Principals
from bedrock_guard.change.look import Look
from bedrock_guard.change.operator_policy import GUARDRAILS, ORGANIZATIONS
from bedrock_guard.change.rights import lacks
from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.words import many
from bedrock_guard.present import people as show
from bedrock_guard.widgets.choices import Choices
from bedrock_guard.widgets.jobs import Job, Tick

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account


class Roster(t.HasTraits):
    """What was read of the account for a change. Reads only.

    Attributes:
        people: its users and roles; None before they were read.
        organization: where SCPs can be attached; None before.
        caller: ARN of the user or role who asks; empty before.
        lacking: actions that applying needs and the caller does not have, those for SCPs and guardrails too.
        unasked: why that is not known; empty: it is, or was not asked yet.

    """

    people = t.Instance(Principals, allow_none=True)
    organization = t.Instance(Organization, allow_none=True)
    caller = t.Unicode()
    lacking = t.Tuple()
    unasked = t.Unicode()

    def __init__(self, choices: Choices, account: Account | None) -> None:
        super().__init__()
        self._choices, self._account = choices, account
        self.job = Job()

    def read(self, *, again: bool = False) -> None:
        """Read in a thread, unless it was read; what cannot be read is said in its place."""
        if self._account is None or self.job.busy or (self.people is not None and not again):
            return
        account = self._account

        def work(tick: Tick) -> None:
            tick("Reading users and roles.")
            found = account.principals(self._choices.situation.calls)
            tick("Reading units and accounts.")
            self.organization = read_organization(account)
            tick("Asking what the caller may do.")
            self._ask(account)
            self.people = found

        self.job.start(work)

    def _ask(self, account: Account) -> None:
        try:
            self.caller = Look(account).caller()[1]
            prefix = self._choices.profile.policy_prefix
            self.lacking = lacks(account, prefix=prefix, scps=True, guardrails=True)
            self.unasked = ""
        except ClientError as error:
            self.lacking, self.unasked = (), code_of(error)
        except (BotoCoreError, GuardError) as error:
            self.lacking, self.unasked = (), type(error).__name__

    @property
    def rows(self) -> list[dict[str, object]]:
        """The users and roles as rows to tick, with what the present choice would refuse them."""
        if self.people is None:
            return []
        until = self._choices.situation.window.end - timedelta(days=1)
        return show.rows(self.people, self._hits, self._choices.profile, self.caller, until)

    @property
    def words(self) -> str:
        """What was read, and what was not."""
        if self._account is None:
            return "No account is open."
        if self.people is None:
            return self.job.message or "Users and roles were not read yet."
        found = self.people.table.attrs["provenance"]
        left = "" if found.completeness == "complete" else f" Not whole: {found.why}."
        return f"{len(self.people.table):,} users and roles of account {self._account.account_id} are listed.{left}"

    @property
    def may(self) -> str:
        """What the caller lacks to apply a change, in a sentence; empty where nothing is known to be lacking."""
        if self.unasked:
            return f"Whether {self.caller or 'the caller'} may apply is not known ({self.unasked})."
        wide = {*ORGANIZATIONS, *GUARDRAILS}
        return self._lacks("apply a change", [one for one in self.lacking if one not in wide])

    def may_attach(self, what: str) -> str:
        """What the caller lacks for "SCPs" or "the guardrail", as `may`."""
        wide = ORGANIZATIONS if what == "SCPs" else GUARDRAILS
        return self._lacks(f"change {what}", [one for one in self.lacking if one in wide])

    def _lacks(self, work: str, missing: Sequence[str]) -> str:
        if not missing:
            return ""
        return (
            f"{self.caller} cannot {work}: it lacks {many(len(missing), 'permission')}: {', '.join(missing)}."
        )

    @property
    def _hits(self) -> dict[str, show.Hit]:
        return show.hits(self._choices.what_if, self._choices.situation)

    def from_hits(self, *, replace: bool = False) -> show.Taken:
        """The callers hit that a plan can take; `replace`: boundaries that are not the spec's may be replaced.

        Raises:
            GuardError: users and roles were not read.

        """
        return show.from_hits(self._known, self._hits, self._choices.profile, self.caller, replace=replace)

    def from_bounded_roles(self, *, replace: bool = False) -> show.Taken:
        """The roles under the paths of the control `bounded_roles` that a plan can take.

        Raises:
            GuardError: users and roles were not read.

        """
        value = self._choices.profile.controls.bounded_roles
        paths = value if isinstance(value, tuple) else ()
        return show.from_paths(self._known, paths, self._choices.profile, self.caller, replace=replace)

    @property
    def _known(self) -> Principals:
        if self.people is None:
            raise GuardError("Users and roles were not read yet.", remedy="Read them first.")
        return self.people
