"""What a service of the demo account is made of: operations, requests, errors and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from bedrock_guard.demo.state import Items, State
from bedrock_guard.demo.tokens import ChangedRequestError, ForeignTokenError, Tokens

T = TypeVar("T")
Answer = dict[str, Any]
Paging = Literal["normal", "short", "empty"]
_READS = ("Get", "List", "Describe", "Lookup", "Simulate", "BatchGet", "Search", "View", "Validate", "Check")


class ServiceError(Exception):
    """An error as the service words it.

    Args:
        code: what ``error.response["Error"]["Code"]`` shall say, e.g. ``"NoSuchEntity"``.
        message: the service's sentence.
        status: HTTP status; by default that of the modelled exception, else 400.
        fields: further members of a modelled exception.

    """

    def __init__(
        self, code: str, message: str, status: int | None = None, fields: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request.

    ``arn`` is what GetCallerIdentity says (an assumed role for a session), ``principal`` the user or role behind it.
    """

    arn: str
    principal: str
    account: str
    user_id: str
    access_key: str

    @property
    def kind(self) -> str:
        """``user``, ``role`` or ``root``."""
        return self.principal.split(":")[5].partition("/")[0]

    @property
    def name(self) -> str:
        """The friendly name of the user or role, without its path."""
        return self.principal.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Need:
    """One authorisation that an operation asks for: an action on a resource, with the keys of its own.

    ``trust`` is the trust policy of a role that is to be assumed.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, Any] = field(default_factory=dict)
    trust: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, decoded and checked.

    Attributes:
        parameters: the operation's input in its API member names; times are aware datetimes.
        caller: who signed it.
        account: the account that answers (the caller's).
        region: the Region the request was signed for.
        now: the demo clock (UTC).
        state: the file: ``state.rows(sql, values)`` for ``events`` and ``bill``.
        items: this service's items, global (``region=""``) in this account; ``items.at(account=..., region=...)``
            looks elsewhere.
        paging: ``short`` and ``empty`` are faults that ``page`` obeys.

    """

    definition: Service
    operation: str
    parameters: dict[str, Any]
    caller: Caller
    account: str
    region: str
    now: datetime
    state: State
    items: Items
    tokens: Tokens
    request_id: str
    paging: Paging = "normal"
    take: Callable[[str, float], bool] = lambda _name, _rate: True

    @property
    def question(self) -> str:
        """What a page token belongs to, next to its parameters: the operation, in this account and Region."""
        return f"{self.definition.name}:{self.operation}:{self.account}:{self.region}"

    def limit(self, per_second: float, error: ServiceError | None = None) -> None:
        """Refuse what comes faster than ``per_second`` on the demo clock, per account, Region and operation."""
        if not self.take(self.question, per_second):
            raise error or ServiceError("ThrottlingException", "Rate exceeded")


Handler = Callable[[Request], Answer | None]
Needs = Callable[[Request], Iterable[Need]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what answers it, whether it writes, what the caller needs, and how it differs from AWS."""

    name: str
    handler: Handler
    writes: bool
    needs: Needs | None
    gap: str
    may_lack: tuple[str, ...] = ()
    beyond: Mapping[str, Sequence[str]] = field(default_factory=dict)
    input_errors: Mapping[str, str] = field(default_factory=dict)


class Service:
    """A service of the demo account.

    Args:
        name: boto3's name of it, e.g. ``"ce"``.
        prefix: its action prefix in policies, where that differs.
        sections: what of the company has to be loaded before it answers (``"events"``, ``"bill"``).
        bad_token: raised for a page token it did not make.
        changed_token: raised for a true token with other parameters; ``bad_token`` when None.
        invalid_input: error code for input outside the model.
        default_needs: the authorisations of an operation that names none of its own.
        checks_enums: False where the handlers refuse unknown values in the service's own words.

    Example:
        >>> service = Service("sts")
        >>> @service.operation("GetCallerIdentity")
        ... def who(request):
        ...     return {"Arn": request.caller.arn}
        >>> service.operations["GetCallerIdentity"].writes
        False

    """

    def __init__(
        self,
        name: str,
        *,
        prefix: str = "",
        sections: Sequence[str] = (),
        bad_token: ServiceError | None = None,
        changed_token: ServiceError | None = None,
        invalid_input: str = "",
        default_needs: Needs | None = None,
        checks_enums: bool = True,
    ) -> None:
        self.name = name
        self.prefix = prefix or name
        self.sections = tuple(sections)
        self.bad_token = bad_token or ServiceError("ValidationException", "The page token is not valid.")
        self.changed_token = changed_token or self.bad_token
        self.invalid_input = invalid_input
        self.default_needs = default_needs
        self.checks_enums = checks_enums
        self.operations: dict[str, Operation] = {}

    def operation(
        self,
        name: str,
        *,
        writes: bool | None = None,
        needs: Needs | None = None,
        gap: str = "",
        may_lack: Sequence[str] = (),
        beyond: Mapping[str, Sequence[str]] | None = None,
        input_errors: Mapping[str, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler.

        Args:
            name: the operation.
            writes: whether it changes the state; by default told by its name.
            needs: the authorisations it asks for.
            gap: in one clause, what AWS does and this does not (for the docs).
            may_lack: members of the answer that the model requires and AWS leaves out at times.
            beyond: enum shape -> values that AWS answers although its model does not have them.
            input_errors: input member (small first letter) -> the error that the service has for a bad value of it.
        """

        def register(handler: Handler) -> Handler:
            changes = not name.startswith(_READS) if writes is None else writes
            self.operations[name] = Operation(
                name, handler, changes, needs, gap, tuple(may_lack), beyond or {}, input_errors or {}
            )
            return handler

        return register

    def needs(self, request: Request) -> list[Need]:
        """The authorisations a request asks for; by default its own name on ``*``."""
        needs = self.operations[request.operation].needs or self.default_needs
        return [Need(f"{self.prefix}:{request.operation}")] if needs is None else list(needs(request))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page and the token of the next, or None on the last."""

    items: list[T]
    token: str | None
    token_name: str

    def answer(self, name: str, *, truncated: str = "") -> Answer:
        """The page as members of an answer: the list, the token where there is one, IsTruncated where asked for."""
        answer: Answer = {name: self.items}
        if truncated:
            answer[truncated] = self.token is not None
        if self.token is not None:
            answer[self.token_name] = self.token
        return answer


def page(
    items: Sequence[T],
    request: Request,
    *,
    token_name: str = "NextToken",  # noqa: S107 - the name of a member, not a secret
    size_name: str = "MaxResults",
    answer_token_name: str = "",
    default: int = 100,
) -> Page[T]:
    """The part of ``items`` that a request asks for.

    Args:
        items: everything, in a stable order.
        request: where the token and the size come from.
        token_name: the input member that carries the token, e.g. ``"Marker"``.
        size_name: the input member that carries the page size, e.g. ``"MaxItems"``.
        answer_token_name: the output member, where it has another name.
        default: the page size when none is asked for.

    Raises:
        ServiceError: the service's own error for a token that is made up or belongs to another question.

    """
    return page_by(
        lambda start, count: items[start : start + count],
        request,
        token_name=token_name,
        size_name=size_name,
        answer_token_name=answer_token_name,
        default=default,
    )


def page_by(
    fetch: Callable[[int, int], Sequence[T]],
    request: Request,
    *,
    token_name: str = "NextToken",  # noqa: S107 - the name of a member, not a secret
    size_name: str = "MaxResults",
    answer_token_name: str = "",
    default: int = 100,
) -> Page[T]:
    """As ``page``, where ``fetch(start, count)`` reads only what is shown (one more is asked for, to know the end)."""
    asked = {k: v for k, v in request.parameters.items() if k not in (token_name, size_name)}
    start = offset_of(request, request.parameters.get(token_name), asked)
    size = int(request.parameters.get(size_name) or default)
    if request.paging == "short":
        size = max(1, size // 3)
    if request.paging == "empty":
        size = 0
    found = list(fetch(start, size + 1))
    token = request.tokens.make(request.question, asked, start + size) if len(found) > size else None
    return Page(found[:size], token, answer_token_name or token_name)


def offset_of(request: Request, token: str | None, asked: Mapping[str, Any]) -> int:
    """Where a page token says to go on; 0 without one. A foreign or outdated token is the service's own error."""
    if token is None:
        return 0
    try:
        return request.tokens.open(token, request.question, asked)
    except ForeignTokenError:
        raise request.definition.bad_token from None
    except ChangedRequestError:
        raise request.definition.changed_token from None
