"""One small read for each permission: does this caller see it, and has the answer the shape that the readers expect?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_guard.account.cost_filters import by
from bedrock_guard.account.listings import LISTINGS, Listing
from bedrock_guard.account.permissions import PERMISSIONS
from bedrock_guard.account.prices import ENDPOINT as PRICE_LIST_REGION

if TYPE_CHECKING:
    from bedrock_guard.account.session import Account

State = Literal["seen", "refused", "failed", "not asked"]
_REFUSED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_ABSENT: Final = (
    "NoSuchEntity",
    "ResourceNotFoundException",
    "AWSOrganizationsNotInUseException",
    "DataUnavailableException",
)
"""Errors that answer the question: the caller may ask, and there is nothing."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One read.

    Args:
        action: the IAM action it needs.
        service: boto3's name of the service.
        operation: boto3's name of the operation.
        request: what is asked for; made when it runs.
        expects: paths that the readers take from the answer -> type ("str", "list", "datetime", ...). `[]` is every
            element of a list; a path in `?` may be missing.

    """

    action: str
    service: str
    operation: str
    request: Callable[[Context], Mapping[str, Any] | None] = lambda _: {}
    expects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What probes need to ask: the account, and a user who holds a key where there is one, and what earlier
    answers gave.
    """

    account: Account
    user: str | None = None
    user_arn: str | None = None
    job: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a probe. `shape` lists what differs from what is expected; empty when nothing does."""

    action: str
    operation: str
    state: State
    tells: str
    why: str = ""
    shape: tuple[str, ...] = ()
    items: int | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


_ONE_REGION: Final = {"pricing": PRICE_LIST_REGION}
_TELLS: Final = {one.action: one.tells for one in PERMISSIONS}


def run_probe(probe: Probe, context: Context) -> Seen:
    """Ask, and say what came of it. Never raises on what AWS answers."""
    tells = _TELLS.get(probe.action, "")
    request = probe.request(context)
    if request is None:
        return Seen(probe.action, probe.operation, "not asked", tells, "there is nothing here to ask it of")
    client: Any = context.account.client(probe.service, _ONE_REGION.get(probe.service))
    try:
        answer = getattr(client, probe.operation)(**request)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown error"))
        if code in _ABSENT:
            return Seen(probe.action, probe.operation, "seen", tells, f"nothing there ({code})", items=0)
        state: State = "refused" if code in _REFUSED else "failed"
        return Seen(probe.action, probe.operation, state, tells, code)
    except (BotoCoreError, KeyError) as error:
        return Seen(probe.action, probe.operation, "failed", tells, type(error).__name__)
    shape = tuple(departures(answer, probe.expects))
    return Seen(
        probe.action, probe.operation, "seen", tells, "", shape, _items(answer, probe.expects), answer
    )


def departures(answer: Any, expects: Mapping[str, str]) -> Iterator[str]:
    """Where an answer is not what the readers expect: paths and types, never values.

    Example:
        >>> list(departures({"Users": [{"UserName": 5}]}, {"Users": "list", "Users[].UserName": "str"}))
        ['Users[].UserName is int, expected str']

    """
    for path, wanted in expects.items():
        name = path.removesuffix("?")
        found = list(_at(answer, name.split(".")))
        gone = sum(value is _GONE for value in found)
        kinds = sorted({type(value).__name__ for value in found if value is not _GONE})
        yield from (f"{name} is {kind}, expected {wanted}" for kind in kinds if kind != wanted)
        if gone and not path.endswith("?"):
            yield f"{name} is missing{'' if gone == len(found) else ' in some'}, expected {wanted}"


class _Gone:
    """A member that is not there."""


_GONE: Final = _Gone()


def _at(value: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield value
        return
    name, rest = parts[0], parts[1:]
    held = value.get(name.removesuffix("[]"), _GONE) if isinstance(value, Mapping) else _GONE
    if held is _GONE:
        yield _GONE
    elif name.endswith("[]"):
        for item in held if isinstance(held, list) else ():
            yield from _at(item, rest)
    else:
        yield from _at(held, rest)


def _items(answer: Mapping[str, Any], expects: Mapping[str, str]) -> int | None:
    lists = [path for path, kind in expects.items() if kind == "list" and "." not in path]
    return len(answer.get(lists[0], ())) if lists else None


def events_of(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records inside a LookupEvents answer that are JSON objects."""
    for event in answer.get("Events", ()):
        try:
            record = json.loads(event.get("CloudTrailEvent", ""))
        except (TypeError, ValueError):
            continue
        if isinstance(record, dict):
            yield record


def _days(context: Context, length: int) -> dict[str, str]:
    end = context.account.now.date() - timedelta(days=2)
    return {"Start": str(end - timedelta(days=length)), "End": str(end)}


def _of_user(context: Context) -> Mapping[str, Any] | None:
    return {"UserName": context.user} if context.user else None


def _of_group(context: Context) -> Mapping[str, Any] | None:
    return {"GroupName": context.group} if context.group else None


def _own_role(context: Context) -> Mapping[str, Any] | None:
    kind, _, name = context.account.caller_arn.split(":", 5)[-1].partition("/")
    return {"RoleName": name.partition("/")[0]} if kind == "assumed-role" else None


def _advisor(context: Context) -> Mapping[str, Any] | None:
    return {"Arn": context.user_arn, "Granularity": "SERVICE_LEVEL"} if context.user_arn else None


def _job(context: Context) -> Mapping[str, Any] | None:
    return {"JobId": context.job} if context.job else None


def _forecast(context: Context) -> Mapping[str, Any]:
    start = context.account.now.date() + timedelta(days=1)
    return {
        "TimePeriod": {"Start": str(start), "End": str(start + timedelta(days=7))},
        "Metric": "UNBLENDED_COST",
        "Granularity": "DAILY",
    }


def _usage(context: Context) -> Mapping[str, Any]:
    return {
        "TimePeriod": _days(context, 28),
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": by("RECORD_TYPE"),
    }


def _ce(context: Context) -> Mapping[str, Any]:
    return {"TimePeriod": _days(context, 28)}


def _services(context: Context) -> Mapping[str, Any]:
    return {**_ce(context), "Dimension": "SERVICE", "SearchString": "Bedrock"}


def _runtime(_: Context) -> Mapping[str, Any]:
    source = {"AttributeKey": "EventSource", "AttributeValue": "bedrock.amazonaws.com"}
    return {"LookupAttributes": [source], "MaxResults": 50}


def _products(_: Context) -> Mapping[str, Any]:
    return {"ServiceCode": "AmazonBedrock", "MaxResults": 1}


def _list(key: str) -> dict[str, str]:
    return {key: "list"}


def _lists(listing: Listing) -> Probe:
    """The probe of one of Bedrock's lists; its action is the operation's name."""
    action = "".join(word.title() for word in listing.operation.split("_"))
    return Probe(
        f"bedrock:{action}", listing.service, listing.operation, lambda _: listing.request, _list(listing.key)
    )


_CE_GROUP: Final = "ResultsByTime[].Groups[]"
FIRST: Final = (
    Probe("iam:ListUsers", "iam", "list_users", lambda _: {"MaxItems": 100},
          {"Users": "list", "Users[].UserName": "str", "Users[].Arn": "str", "IsTruncated": "bool"}),
    Probe("iam:ListServiceSpecificCredentials", "iam", "list_service_specific_credentials",
          lambda _: {"AllUsers": True},
          {"ServiceSpecificCredentials": "list", "ServiceSpecificCredentials[].UserName": "str",
           "ServiceSpecificCredentials[].Status": "str", "ServiceSpecificCredentials[].CreateDate": "datetime",
           "ServiceSpecificCredentials[].ServiceSpecificCredentialId": "str",
           "ServiceSpecificCredentials[].ServiceName": "str",
           "ServiceSpecificCredentials[].ExpirationDate?": "datetime"}),
)  # fmt: skip
"""What tells whom the rest is asked of."""

PROBES: Final = (
    Probe("ce:GetCostAndUsage", "ce", "get_cost_and_usage", _usage,
          {"ResultsByTime": "list", f"{_CE_GROUP}.Keys": "list", f"{_CE_GROUP}.Metrics.UnblendedCost.Amount": "str",
           f"{_CE_GROUP}.Metrics.UnblendedCost.Unit": "str", "ResultsByTime[].Estimated": "bool"}),
    Probe("ce:GetDimensionValues", "ce", "get_dimension_values", _services,
          {"DimensionValues": "list", "DimensionValues[].Value": "str"}),
    Probe("ce:GetCostForecast", "ce", "get_cost_forecast", _forecast,
          {"Total.Amount": "str", "ForecastResultsByTime": "list"}),
    Probe("ce:GetTags", "ce", "get_tags", _ce, {"Tags": "list"}),
    Probe("cloudtrail:LookupEvents", "cloudtrail", "lookup_events", _runtime,
          {"Events": "list", "Events[].CloudTrailEvent": "str", "Events[].EventTime": "datetime"}),
    Probe("pricing:GetProducts", "pricing", "get_products", _products, {"PriceList": "list"}),
    Probe("organizations:DescribeOrganization", "organizations", "describe_organization",
          expects={"Organization.MasterAccountId": "str"}),
    Probe("organizations:ListAccounts", "organizations", "list_accounts",
          expects={"Accounts": "list", "Accounts[].Id": "str", "Accounts[].Paths?": "list"}),
    Probe("ec2:DescribeRegions", "ec2", "describe_regions", expects={"Regions": "list", "Regions[].RegionName": "str"}),
    Probe("bedrock:GetModelInvocationLoggingConfiguration", "bedrock", "get_model_invocation_logging_configuration",
          expects={"loggingConfig?": "dict"}),
    Probe("iam:GetUser", "iam", "get_user", _of_user, {"User.UserName": "str", "User.Arn": "str"}),
    Probe("iam:GetRole", "iam", "get_role", _own_role, {"Role.Arn": "str"}),
    Probe("iam:GetLoginProfile", "iam", "get_login_profile", _of_user, {"LoginProfile": "dict"}),
    Probe("iam:ListAccessKeys", "iam", "list_access_keys", _of_user, _list("AccessKeyMetadata")),
    Probe("iam:ListAttachedUserPolicies", "iam", "list_attached_user_policies", _of_user, _list("AttachedPolicies")),
    Probe("iam:ListUserPolicies", "iam", "list_user_policies", _of_user, _list("PolicyNames")),
    Probe("iam:ListGroupsForUser", "iam", "list_groups_for_user", _of_user, _list("Groups")),
    Probe("iam:ListAttachedGroupPolicies", "iam", "list_attached_group_policies", _of_group, _list("AttachedPolicies")),
    Probe("iam:ListGroupPolicies", "iam", "list_group_policies", _of_group, _list("PolicyNames")),
    Probe("iam:ListMFADevices", "iam", "list_mfa_devices", _of_user, _list("MFADevices")),
    Probe("iam:ListSSHPublicKeys", "iam", "list_ssh_public_keys", _of_user, _list("SSHPublicKeys")),
    Probe("iam:ListSigningCertificates", "iam", "list_signing_certificates", _of_user, _list("Certificates")),
    Probe("iam:GenerateServiceLastAccessedDetails", "iam", "generate_service_last_accessed_details", _advisor,
          {"JobId": "str"}),
    Probe("iam:GetServiceLastAccessedDetails", "iam", "get_service_last_accessed_details", _job, {"JobStatus": "str"}),
    Probe("iam:GetAccountAuthorizationDetails", "iam", "get_account_authorization_details", lambda _: {"MaxItems": 10},
          {"UserDetailList": "list", "RoleDetailList": "list", "IsTruncated": "bool"}),
    *(_lists(listing) for listing in LISTINGS),
)  # fmt: skip
