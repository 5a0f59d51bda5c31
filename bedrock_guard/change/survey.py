"""Who is in the account: every user and role with what binds it, read in one walk.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bedrock_guard.account.principals import DETAIL_FILTER, DETAIL_LISTS
from bedrock_guard.change.look import Kind, PrincipalState, document_of, principal_of

if TYPE_CHECKING:
    from bedrock_guard.change.look import Look
    from bedrock_guard.change.wish import Selection

PROTECTED: Final = ("/aws-service-role/", "/aws-reserved/")


@dataclass(frozen=True, slots=True)
class Person:
    """A user or role: its state, the managed policies attached to it itself, and all identity documents.

    `trust` says who may become the role; a user has none.
    """

    state: PrincipalState
    attached: frozenset[str]
    identity: tuple[Mapping[str, Any], ...]
    groups: frozenset[str]
    trust: Mapping[str, Any] | None = None

    @property
    def who(self) -> str:
        """`user/NAME` or `role/NAME`."""
        return f"{self.state.kind}/{self.state.name}"

    @property
    def names(self) -> frozenset[str]:
        """Under which names a policy may be attached to it: its own, and those of its groups as `group/NAME`."""
        return frozenset((self.who, *(f"group/{name}" for name in self.groups)))


class Survey:
    """The account's users and roles. Made by `Survey.of`."""

    def __init__(
        self, people: Iterable[Person], documents: dict[str, Mapping[str, Any]], groups: frozenset[str]
    ) -> None:
        self.people = {person.who: person for person in people}
        self.documents = documents
        self.groups = groups
        self._by_arn = {person.state.arn: person for person in self.people.values()}

    @classmethod
    def of(cls, look: Look) -> Survey:
        """Read the account."""
        bodies: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in DETAIL_LISTS}
        lists = tuple(DETAIL_LISTS.values())
        call = look.iam.get_account_authorization_details
        for answer in look.answers(call, lists, "Marker", Filter=[*DETAIL_FILTER], MaxItems=1000):
            for kind, name in DETAIL_LISTS.items():
                bodies[kind] += answer.get(name, ())
        documents = {str(body["Arn"]): _default(body) for body in bodies["policy"]}
        groups = {str(body["GroupName"]): body for body in bodies["group"]}
        people = [
            _person(kind, body, groups, documents) for kind in ("user", "role") for body in bodies[kind]
        ]
        return cls(people, documents, frozenset(groups))

    def get(self, name: str) -> Person | None:
        """Someone by ARN or by `user/NAME`, `role/NAME`."""
        return self._by_arn.get(name) or self.people.get(name)

    def chosen(self, selection: Selection) -> tuple[dict[str, Person], list[str]]:
        """Those selected, in the order of the selection, and the names that are nobody."""
        found: dict[str, Person] = {}
        missing: list[str] = []
        for name in selection.principals:
            person = self.get(name)
            if person is None:
                missing.append(name)
            else:
                found[person.who] = person
        for words, matched in _matching(self.people.values(), selection):
            missing += [] if matched else [words]
            for person in matched:
                found.setdefault(person.who, person)
        return found, missing


def _matching(people: Collection[Person], selection: Selection) -> Iterator[tuple[str, list[Person]]]:
    """Each way of a selection that may match several, in words, and whom it matches."""
    for path in selection.paths:
        yield f"path {path}", [one for one in people if one.state.path.startswith(path)]
    for key, value in selection.tags:
        yield f"tag {key}={value}", [one for one in people if (key, value) in one.state.tags.items()]
    for group in selection.groups:
        yield f"group {group}", [one for one in people if group in one.groups]


def _person(
    kind: str, body: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]], documents: Mapping[str, Any]
) -> Person:
    whose: Kind = "user" if kind == "user" else "role"
    mine = [str(name) for name in body.get("GroupList", ())]
    found = list(_identity(kind, body, documents))
    for name in mine:
        found += _identity("group", groups.get(name, {}), documents)
    attached = frozenset(str(a["PolicyArn"]) for a in body.get("AttachedManagedPolicies", ()))
    trust = body.get("AssumeRolePolicyDocument")
    return Person(
        principal_of(whose, body), attached, tuple(found), frozenset(mine), trust and document_of(trust)
    )


def _identity(
    kind: str, body: Mapping[str, Any], documents: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    for inline in body.get(f"{kind.capitalize()}PolicyList", ()):
        yield document_of(inline["PolicyDocument"])
    for attached in body.get("AttachedManagedPolicies", ()):
        if attached["PolicyArn"] in documents:
            yield documents[attached["PolicyArn"]]


def _default(body: Mapping[str, Any]) -> Mapping[str, Any]:
    versions = body.get("PolicyVersionList", ())
    return next((document_of(v["Document"]) for v in versions if v["IsDefaultVersion"]), {})
