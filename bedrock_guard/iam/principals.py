"""Who asks, and how a resource policy names them.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from bedrock_guard.iam.model import Principals, Statement
from bedrock_guard.iam.values import RequestError

PrincipalKind = Literal[
    "user", "role", "session", "federated_user", "federated", "root", "service", "anonymous"
]

# How a statement names the caller. A grant to DIRECT is not limited by implicit denies of identity policy,
# boundary or session policy; one to USER, a user by ARN, is limited by a session policy
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session); one to ROLE by boundary and
# session policy; one to ACCOUNT only delegates.
DIRECT, ROLE, ACCOUNT, USER = 1, 2, 4, 8
EVERYONE = DIRECT | ROLE | ACCOUNT | USER

# A Deny with NotPrincipal spares a caller of which every name is listed, those of its account and role too. Where only
# these are missing, AWS says that the caller "might" be denied.
DOUBTFUL = 16
UNLISTED_PARENT = "NotPrincipal without the account or the role of a principal that it lists"
_OWN: Mapping[PrincipalKind | None, tuple[int, int]] = {
    "user": (USER, ACCOUNT),
    "role": (ROLE, ACCOUNT),
    "session": (DIRECT, ROLE | ACCOUNT),
    "federated_user": (DIRECT, ACCOUNT),
}

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_IAM = re.compile(r"arn:[^:]+:iam::([0-9]{12}):(root|user/.+|role/.+)", re.DOTALL)
_STS = re.compile(r"arn:[^:]+:sts::([0-9]{12}):(assumed-role/[^/]+/.+|federated-user/.+)", re.DOTALL)
_PROVIDER = re.compile(r"arn:[^:]+:iam::([0-9]{12}):(saml-provider|oidc-provider)/.+", re.DOTALL)
_PROVIDERS = ("accounts.google.com", "graph.facebook.com", "www.amazon.com", "cognito-identity.amazonaws.com")
_KINDS: dict[str, PrincipalKind] = {
    "root": "root",
    "user": "user",
    "role": "role",
    "assumed-role": "session",
    "federated-user": "federated_user",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    Args:
        arn: the ARN of a user, role, assumed-role session, federated user or account root; the name of a
            service ("ec2.amazonaws.com") or identity provider; None for an anonymous caller.
        account: its 12-digit account; read from the ARN where it is left out.
        kind: read from the ARN where it is left out.
        in_management_account: SCPs and RCPs do not bind the organisation's management account.

    Raises:
        RequestError: for a text that names no principal.

    Example:
        >>> Principal("arn:aws:sts::111122223333:assumed-role/Analyst/ada").kind
        'session'
    """

    arn: str | None
    account: str | None = None
    kind: PrincipalKind | None = None
    in_management_account: bool = False

    def __post_init__(self) -> None:
        account, kind = _classify(self.arn)
        if self.kind is not None and self.kind not in get_args(PrincipalKind):
            raise RequestError(
                f"{self.kind!r} is no kind of principal.",
                remedy=f"Use one of {', '.join(get_args(PrincipalKind))}.",
            )
        object.__setattr__(self, "account", self.account or account)
        object.__setattr__(self, "kind", self.kind or kind)
        if self.kind is None:
            raise RequestError(
                f"{self.arn!r} names no principal.",
                remedy="Give the ARN of a user, role, session or root, an account ID, or a service name.",
            )

    @property
    def role_name(self) -> str | None:
        """The name of the role, without its path, for a role or a session of one."""
        if self.arn is None or self.kind not in ("role", "session"):
            return None
        parts = self.arn.split(":", 5)[-1].split("/")
        return parts[1] if self.kind == "session" else parts[-1]

    @property
    def is_service_linked_role(self) -> bool:
        """Whether it is a service-linked role, told by its path, or a session of one, which has but the name.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        """
        if self.arn is None or self.role_name is None:
            return False
        if self.kind == "role":
            return ":role/aws-service-role/" in self.arn
        return self.role_name.startswith("AWSServiceRoleFor")

    @property
    def is_outsider(self) -> bool:
        """Whether it belongs to no account, so that only a resource policy can let it in."""
        return self.kind in ("service", "anonymous", "federated")


def from_outside(caller: Principal | None) -> bool:
    """Whether a caller is known and belongs to no account."""
    return caller is not None and caller.is_outsider


@lru_cache(maxsize=8192)
def principal_of(arn: str) -> Principal:
    """The principal that an ARN, an account ID or a service name means."""
    return Principal(arn)


def _classify(arn: str | None) -> tuple[str | None, PrincipalKind | None]:
    if arn is None or arn == "*":
        return None, "anonymous"
    if _ACCOUNT_ID.fullmatch(arn):
        return arn, "root"
    found = _IAM.fullmatch(arn) or _STS.fullmatch(arn)
    if found is not None:
        return found.group(1), _KINDS[found.group(2).partition("/")[0]]
    provider = _PROVIDER.fullmatch(arn)
    if provider is not None:
        return provider.group(1), "federated"
    if arn in _PROVIDERS:
        return None, "federated"
    if arn.endswith((".amazonaws.com", ".amazonaws.com.cn")) and ":" not in arn:
        return None, "service"
    return None, None


NamedAs = Callable[[Principal | None, bool], int]


def compile_principals(statement: Statement) -> NamedAs:
    """How a statement of a resource policy names a caller: a mask of DIRECT, USER, ROLE, ACCOUNT; 0 if none.

    The second argument says whether the caller has a permissions boundary: NotPrincipal with Deny then
    hits it whatever is listed. DOUBTFUL is set where only a parent of the caller is not listed
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
    """
    named = statement.principals
    if named is not None:
        listed = named
        return lambda caller, _: _mask(listed, caller)
    exempt = statement.not_principals
    if exempt is None:
        return lambda _caller, _bounded: DIRECT
    excepted = exempt
    if statement.effect == "Allow":
        return lambda caller, _: 0 if _mask(excepted, caller) else DIRECT
    return lambda caller, bounded: DIRECT if bounded else _unless_listed(excepted, caller)


def _unless_listed(exempt: Principals, caller: Principal | None) -> int:
    listed = _mask(exempt, caller)
    own, parents = _OWN.get(caller.kind if caller else None, (DIRECT, 0))
    if not listed & own:
        return DIRECT
    return 0 if listed & parents == parents else DIRECT | DOUBTFUL


def _mask(listed: Principals, caller: Principal | None) -> int:
    mask = 0
    for kind, values in listed.items():
        for value in values:
            mask |= _one(kind, value, caller)
    return mask


def _one(kind: str, value: str, caller: Principal | None) -> int:
    if value == "*" and kind in ("*", "AWS"):
        return EVERYONE
    if caller is None:
        return 0
    if kind == "Service":
        return DIRECT if caller.kind == "service" and value in ("*", caller.arn) else 0
    if kind == "Federated":
        return DIRECT if caller.kind == "federated" and value in ("*", caller.arn) else 0
    if kind != "AWS":
        return DIRECT if value == caller.arn else 0
    return _aws(value, caller)


def _aws(value: str, caller: Principal) -> int:
    if caller.is_outsider:
        return 0
    account = value if _ACCOUNT_ID.fullmatch(value) else _root_account(value)
    if account is not None:
        if account != caller.account:
            return 0
        return DIRECT if caller.kind == "root" else ACCOUNT
    if caller.kind in ("role", "session"):
        if value == caller.arn:
            return ROLE if caller.kind == "role" else DIRECT
        return ROLE if caller.kind == "session" and _names_role(value, caller) else 0
    if value != caller.arn:
        return 0
    return USER if caller.kind == "user" else DIRECT


def _root_account(value: str) -> str | None:
    found = _IAM.fullmatch(value)
    return found.group(1) if found is not None and found.group(2) == "root" else None


def _names_role(value: str, caller: Principal) -> bool:
    """Whether a role ARN is the role of a session: STS leaves the path out, and names are unique without it."""
    found = _IAM.fullmatch(value)
    if found is None or not found.group(2).startswith("role/"):
        return False
    return found.group(1) == caller.account and value.rpartition("/")[2] == caller.role_name
