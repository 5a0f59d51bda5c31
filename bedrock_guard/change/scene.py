"""Everything a plan is decided on, read once: the documents wished for and what is deployed of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.organization import Organization, read_organization
from bedrock_guard.boundary.packing import minified
from bedrock_guard.change.errors import ChangeError
from bedrock_guard.change.guardrails import Enforced, GuardrailState, read_enforced, read_guardrail
from bedrock_guard.change.look import PolicyState, Uses
from bedrock_guard.change.probes import Texts
from bedrock_guard.change.survey import Person, Survey
from bedrock_guard.change.texts import digest

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.wish import Wish


TARGET: Final = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|\d{12}")
"""The id of an organizational unit or of an account."""


@dataclass(frozen=True, slots=True)
class Managed:
    """One managed policy of the wish: its text, and what is there under its ARN."""

    arn: str
    text: str
    boundary: bool
    now: PolicyState | None
    uses: Uses

    @property
    def name(self) -> str:
        """Its name."""
        return self.arn.rpartition("/")[2]

    @property
    def digest(self) -> str:
        """The fingerprint of the text wished for."""
        return digest(self.text)

    @property
    def changes(self) -> bool:
        """Whether it is there with another default text."""
        return self.now is not None and self.now.digest() != self.digest

    @property
    def users(self) -> frozenset[str]:
        """Everybody who uses it."""
        return self.uses.boundary | self.uses.permissions

    @property
    def candidate(self) -> str:
        """The ARN of the policy that the canary tries first."""
        return f"{self.arn}-canary"


@dataclass(frozen=True)
class Scene:
    """What `look_at` found."""

    wish: Wish
    account: str
    partition: str
    caller: str
    operator: str
    region: str
    survey: Survey
    people: Mapping[str, Person]
    missing: tuple[str, ...]
    policies: tuple[Managed, ...]
    candidates: tuple[str, ...]
    scps: Mapping[str, str]
    """Name -> text of the SCPs wished for."""
    scp_there: Mapping[str, str | None]
    """Name -> the fingerprint of what is there under it; None: nothing."""
    scps_on: Mapping[str, tuple[str, ...] | None]
    """Target -> the names attached to it; None: no such target."""
    management: str | None
    guardrail: GuardrailState | None
    enforced: Enforced | None
    organization: Organization
    """The accounts that the SCPs' targets cover; empty where none is attached."""

    @property
    def marker(self) -> str:
        """The ARN of the marker of a change in progress."""
        return f"arn:{self.partition}:iam::{self.account}:policy/{self.wish.built.profile.policy_prefix}change-marker"

    @property
    def boundary(self) -> Managed | None:
        """The boundary's policy."""
        return next((policy for policy in self.policies if policy.boundary), None)

    @property
    def denies(self) -> tuple[Managed, ...]:
        """The deny policies."""
        return tuple(policy for policy in self.policies if not policy.boundary)

    @cached_property
    def canary(self) -> Person | None:
        """Who goes first; None where nobody is selected."""
        if self.wish.canary is not None:
            chosen = self.survey.get(self.wish.canary)
            return chosen if chosen is not None and chosen.who in self.people else None
        return next(iter(self.people.values()), None)

    @cached_property
    def bystanders(self) -> tuple[str, ...]:
        """Not selected, and users of a policy that changes, by one of their groups too."""
        users = {user for policy in self.policies if policy.changes for user in policy.users}
        members = {person.who for person in self.survey.people.values() if person.names & users}
        named = {user for user in users if not user.startswith("group/")}
        return tuple(sorted((named | members) - set(self.people)))

    @property
    def changed(self) -> tuple[Person, ...]:
        """Everybody whose documents change, selected or not."""
        known = self.survey.people
        return (*self.people.values(), *(known[who] for who in self.bystanders if who in known))

    @cached_property
    def rescuers(self) -> tuple[Person, ...]:
        """The break-glass principals of the account, of the spec and of this plan, that exist."""
        named = dict.fromkeys((*self.wish.built.profile.break_glass, *self.wish.break_glass))
        found = (self.survey.get(arn) for arn in named)
        return tuple(person for person in found if person is not None)

    @property
    def bound(self) -> bool:
        """Whether an SCP of the plan binds the account itself. A target of unknown accounts may."""
        if self.account == self.management:
            return False
        covered = (self.organization.covered(target) for target in self.scps_on)
        return any(found is None or self.account in found for found in covered)

    def to_bind(self, person: Person) -> Texts:
        """The documents that come to bind somebody, or change under it; none where the change does not touch it."""
        mine = self.policies
        if person.who not in self.people:
            mine = tuple(policy for policy in mine if policy.changes and policy.users & person.names)
        return Texts(
            [policy.text for policy in mine if policy.boundary],
            [policy.text for policy in mine if not policy.boundary],
        )

    def ours(self, arn: str | None) -> bool:
        """Whether a boundary is one of this spec."""
        mine = self.boundary
        return arn is None or (mine is not None and arn in (mine.arn, mine.candidate))


def look_at(look: Look, wish: Wish) -> Scene:
    """Read all that a plan needs.

    Raises:
        ClientError: AWS refused a read.
        NotAwsAnswer: an answer was not AWS's.
        ChangeError: a boundary that somebody has could not be read.
    """
    account, caller = look.caller()
    partition = caller.split(":")[1]
    survey = Survey.of(look)
    people, missing = survey.chosen(wish.selection)
    _read_boundaries(look, survey)
    policies = tuple(
        _managed(look, f"arn:{partition}:iam::{account}:policy/{name}", document, wish)
        for name, document in wish.documents.items()
    )
    region = wish.region or look.session.region
    scps = {_scp_name(p.name, p.document): minified(p.document) for p in wish.built.packed if p.kind == "scp"}
    targets = wish.scp_targets if wish.attach_scps else ()
    rules = wish.guardrail
    return Scene(
        wish, account, partition, caller, wish.operator or caller, region, survey, people, tuple(missing), policies,
        tuple(p.candidate for p in policies if look.head(p.candidate) is not None),
        scps if targets else {},
        {name: _scp_digest(look, name) for name in (scps if targets else ())},
        {target: _names(look, target) for target in targets},
        _management(look) if targets else None,
        read_guardrail(look, region, rules.name) if rules else None,
        read_enforced(look, region) if wish.enforce else None,
        read_organization(look.session) if targets else Organization(),
    )  # fmt: skip


def _read_boundaries(look: Look, survey: Survey) -> None:
    """GetAccountAuthorizationDetails may leave out a policy of AWS that is only somebody's boundary."""
    held = {person.state.boundary for person in survey.people.values()} - {None}
    for arn in sorted(held - set(survey.documents), key=str):
        found = look.policy(str(arn))
        if found is None:
            raise ChangeError(
                f"The boundary {arn} could not be read.",
                why="Somebody has it, and what it closes now is not known.",
                remedy="Ask again; a plan is not made on half an answer.",
            )
        survey.documents[str(arn)] = json.loads(found.texts[found.default])


def _managed(look: Look, arn: str, document: Mapping[str, Any], wish: Wish) -> Managed:
    now = look.policy(arn)
    boundary = next((p.name for p in wish.built.packed if p.kind == "boundary"), None)
    uses = look.uses(arn) if now else Uses(frozenset(), frozenset())
    return Managed(arn, minified(document), arn.rpartition("/")[2] == boundary, now, uses)


def _scp_name(name: str, document: Mapping[str, Any]) -> str:
    """Ours never change: another text is another name."""
    return f"{name}-{digest(document)[:8]}"


def _scp_digest(look: Look, name: str) -> str | None:
    found = look.scp(name)
    return None if found is None else digest(found[1])


def _names(look: Look, target: str) -> tuple[str, ...] | None:
    """The SCPs on a target; None for what is none, which AWS would refuse to be asked about."""
    if not (TARGET.fullmatch(target) or target.startswith("r-")):
        return None
    held = look.scps_on(target)
    return None if held is None else tuple(sorted(held))


def _management(look: Look) -> str:
    answer = look.ask(look.organizations.describe_organization, "Organization")
    return str(answer["Organization"]["MasterAccountId"])
