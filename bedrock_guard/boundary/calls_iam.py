"""IAM and STS calls: whose ARN is checked, and which keys say what is asked for.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.boundary.call import Authorisation, Call, Value
from bedrock_guard.boundary.catalogue import Catalogue

BOUNDARY_KEY = "iam:PermissionsBoundary"
SERVICE_KEY = "iam:ServiceSpecificCredentialServiceName"
AGE_KEY = "iam:ServiceSpecificCredentialAgeDays"


def _iam(call: Call, resource: str) -> str:
    return call.arn(resource, service="iam", region="")


def user_arn(call: Call) -> str:
    """The user a call is about: the named one, else the caller. The path of another user is not in the call."""
    name = call.get("UserName")
    if not name:
        return call.principal if ":user/" in call.principal else _iam(call, "user/*")
    own = call.principal.rpartition("/")[2] == name and ":user/" in call.principal
    return call.principal if own else _iam(call, f"user/{name}")


def _holder(call: Call) -> str:
    role = call.get("RoleName")
    group = call.get("GroupName")
    if role:
        return _iam(call, f"role/{role}")
    return _iam(call, f"group/{group}") if group else user_arn(call)


def create_principal(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """CreateUser and CreateRole: the boundary asked for is the key; without one the key is absent."""
    kind = "role" if call.name == "CreateRole" else "user"
    path = str(call.get("Path") or "/")
    name = call.get("RoleName") or call.get("UserName")
    yield Authorisation(f"iam:{call.name}", _iam(call, f"{kind}{path}{name}"), _asked(call))


def put_boundary(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Putting a boundary: the key holds the one asked for."""
    yield Authorisation(f"iam:{call.name}", _holder(call), _asked(call))


def _asked(call: Call) -> dict[str, Value]:
    boundary = call.get("PermissionsBoundary")
    return {BOUNDARY_KEY: str(boundary)} if boundary else {}


def on_principal(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Changing a user or role: the key holds the boundary it has, which the call does not tell."""
    policy = call.get("PolicyArn")
    context: dict[str, Value] = {"iam:PolicyARN": str(policy)} if policy else {}
    unknown = frozenset({BOUNDARY_KEY}) if not call.get("GroupName") else frozenset[str]()
    yield Authorisation(f"iam:{call.name}", _holder(call), context, unknown=unknown)


def on_user(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Access keys, console passwords, the user itself: only the user's ARN."""
    yield Authorisation(f"iam:{call.name}", user_arn(call))


def on_policy(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """A managed policy's versions."""
    yield Authorisation(f"iam:{call.name}", str(call.get("PolicyArn")))


def create_policy(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """A new managed policy, by its path and name."""
    yield Authorisation(
        f"iam:{call.name}", _iam(call, f"policy{call.get('Path') or '/'}{call.get('PolicyName')}")
    )


def service_credential(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Service-specific credentials. Only creation tells the service; the age is absent for one that never expires.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_api_keys_for_aws_services.html
    """
    service, days = call.get("ServiceName"), call.get("CredentialAgeDays")
    context: dict[str, Value] = {SERVICE_KEY: str(service)} if service else {}
    if days is not None:
        context[AGE_KEY] = int(days)
    unknown = frozenset[str]() if service else frozenset({SERVICE_KEY})
    yield Authorisation(f"iam:{call.name}", user_arn(call), context, unknown=unknown)


def list_credentials(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """Listing, for one user or for all."""
    everyone = bool(call.get("AllUsers"))
    yield Authorisation(f"iam:{call.name}", _iam(call, "user/*") if everyone else user_arn(call))


def assume_role(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """AssumeRole on the role's ARN, in whichever account."""
    yield Authorisation("sts:AssumeRole", str(call.get("RoleArn")))


def assume_root(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """AssumeRoot on the root user of a member account, named by its ARN or the account's id."""
    target = str(call.get("TargetPrincipal") or "*")
    named = (
        target if target.startswith("arn:") else call.arn("root", service="iam", region="", account=target)
    )
    yield Authorisation("sts:AssumeRoot", named)


def web_identity_token(call: Call, _: Catalogue) -> Iterator[Authorisation]:
    """GetWebIdentityToken, with its audiences."""
    audience = call.get("Audience") or ()
    names = (audience,) if isinstance(audience, str) else tuple(audience)
    yield Authorisation("sts:GetWebIdentityToken", "*", {"sts:IdentityTokenAudience": names})
