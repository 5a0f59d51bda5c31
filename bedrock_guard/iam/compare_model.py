"""What is compared (policy sets), over what (a universe of requests), and how a class of requests is described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bedrock_guard.iam.catalogue import ActionCatalogue
from bedrock_guard.iam.document import as_document
from bedrock_guard.iam.evaluator import Evaluator, Policy, compile_policies
from bedrock_guard.iam.model import Document, Kind, Statement
from bedrock_guard.iam.principals import Principal
from bedrock_guard.iam.values import ContextValue

Levels = tuple[tuple[Document, ...], ...]
CELLS = 100_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement where it stands: what it means does not depend on its Sid nor on its place in the layer."""

    layer: tuple[str, int]
    version: str
    statement: Statement

    @property
    def meaning(self) -> object:
        """Equal for statements that do the same."""
        statement = replace(self.statement, sid=None)
        has_variable = "${" in repr(statement)
        return self.layer, self.version if has_variable else "", statement


@dataclass(frozen=True)
class PolicySet:
    """Everything that decides a principal's requests, as documents.

    Example:
        >>> allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        >>> PolicySet.of(allow, boundary=allow).boundary.kind
        'boundary'
    """

    identity: tuple[Document, ...]
    boundary: Document | None = None
    scps: Levels = ()
    rcps: Levels = ()
    session: tuple[Document, ...] = ()
    resource_policy: Document | None = None

    @classmethod
    def of(
        cls,
        identity: Policy | Iterable[Policy],
        boundary: Policy | None = None,
        scps: Iterable[Policy | Iterable[Policy]] | None = None,
        rcps: Iterable[Policy | Iterable[Policy]] | None = None,
        session: Policy | Iterable[Policy] | None = None,
        resource_policy: Policy | None = None,
    ) -> PolicySet:
        """Take the arguments of `evaluator.compile_policies`: documents, JSON text, or JSON data.

        Raises:
            PolicyError: a document that cannot be read.
        """
        return cls(
            _documents(identity, "identity"),
            None if boundary is None else as_document(boundary, "boundary"),
            tuple(_documents(level, "scp") for level in scps or ()),
            tuple(_documents(level, "rcp") for level in rcps or ()),
            () if session is None else _documents(session, "session"),
            None if resource_policy is None else as_document(resource_policy, "resource"),
        )

    def compile(self) -> Evaluator:
        """Compile for deciding."""
        return compile_policies(
            self.identity,
            boundary=self.boundary,
            scps=self.scps,
            rcps=self.rcps,
            session=self.session,
            resource_policy=self.resource_policy,
        )

    def layers(self) -> tuple[tuple[str, int], ...]:
        """Give the layers that are there, outermost level first."""
        return (
            ("identity", 0),
            *([("boundary", 0)] if self.boundary else []),
            *(("scp", level) for level in range(len(self.scps))),
            *(("rcp", level) for level in range(len(self.rcps))),
            *([("session", 0)] if self.session else []),
            *([("resource", 0)] if self.resource_policy else []),
        )

    def statements(self) -> tuple[Placed, ...]:
        """Give every statement with its layer."""
        levels: list[tuple[tuple[str, int], Sequence[Document]]] = [(("identity", 0), self.identity)]
        levels += [(("boundary", 0), (self.boundary,))] if self.boundary else []
        levels += [(("scp", level), documents) for level, documents in enumerate(self.scps)]
        levels += [(("rcp", level), documents) for level, documents in enumerate(self.rcps)]
        levels += [(("session", 0), self.session)] if self.session else []
        levels += [(("resource", 0), (self.resource_policy,))] if self.resource_policy else []
        return tuple(
            Placed(layer, document.version, statement)
            for layer, documents in levels
            for document in documents
            for statement in document.statements
        )


def _documents(policies: Policy | Iterable[Policy], kind: Kind) -> tuple[Document, ...]:
    if isinstance(policies, Document | str | bytes | Mapping):
        return (as_document(policies, kind),)
    return tuple(as_document(policy, kind) for policy in policies)


@dataclass(frozen=True)
class Universe:
    """The requests that are spoken of: these actions, on these resources, with any context but for what is fixed.

    Args:
        actions: full names, such as `s3:GetObject`.
        resources: patterns of which one must match; `*` is every ARN, and `*` itself (actions without resource).
        context: keys whose value is known.
        absent: keys that the requests never carry.
        present: keys that they always carry.
        catalogue: if given, an action's requests carry only global keys and those that the catalogue lists for it.
        principal: who asks, for all requests; None leaves it open, as far as no policy names principals.
        resource_account: the account of the resources.
        cells: how many cells may be decided before the answer is given as incomplete.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()
    catalogue: ActionCatalogue | None = None
    principal: str | Principal | None = None
    resource_account: str | None = None
    cells: int = CELLS

    @classmethod
    def of(
        cls,
        *patterns: str,
        catalogue: ActionCatalogue | None = None,
        supplied_only: bool = False,
        **rest: Any,
    ) -> Universe:
        """Give the universe of all actions that the patterns match.

        Args:
            patterns: elements of Action, such as `s3:*`.
            catalogue: where the actions come from; None is the shipped one.
            supplied_only: leave out requests with keys that the catalogue does not list for their action.
            rest: the other fields of the universe.

        Example:
            >>> len(Universe.of("sts:AssumeRole").actions)
            1
        """
        known = catalogue or ActionCatalogue.shipped()
        names = dict.fromkeys(info.name for pattern in patterns for info in known.expand(pattern))
        return cls(tuple(names), catalogue=known if supplied_only else None, **rest)

    @property
    def caller(self) -> Principal | None:
        """Who asks, as a `Principal`."""
        return Principal(self.principal) if isinstance(self.principal, str) else self.principal


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what `Evaluator.decide` takes."""

    action: str
    resource: str
    context: Mapping[str, ContextValue]


@dataclass(frozen=True, slots=True)
class Values:
    """A class of values in words: any of `words`, or (`excluding`) any but these."""

    words: tuple[str, ...]
    excluding: bool = False

    def __str__(self) -> str:
        """Join the words for a sentence."""
        joined = " | ".join(self.words)
        return f"any but {joined}" if self.excluding else joined
